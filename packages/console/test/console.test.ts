// The console in a real browser, against a real daemon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole } from './open-console.ts';

// req: console.runs
test('a run is followed live: its turns appear while it goes on, and its end', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { run_id } = await daemon.agent.runs.start({
    intent: 'count <b>words</b> \u202E',
    agent_name: 'counter',
  });
  await page.click('nav a[href="#/runs"]');
  const row = page.locator('a.run', { hasText: 'count <b>words</b> ‹U+202E›' });
  await row.click();
  await page.waitForSelector('car-badge:has-text("in progress")');
  await daemon.agent.proposal.submit({
    proposal: {
      actions: [{ id: 'a', type: 'tool_call', tool: 'count', parameters: { text: '<img src=x onerror=alert(1)>' } }],
    },
  });
  await page.locator('a.span').first().click();
  await page.waitForSelector('pre:has-text("<img src=x")');
  await daemon.agent.runs.complete({ run_id, outcome: { status: 'success', summary: 'counted' } });
  await page.waitForSelector('car-badge:has-text("success")');
  assert.deepEqual(opened.problems, [], 'no errors of the page and no breach of the content policy');
});

// req: console.session
test('without a session the page says how to get one, and a used link says that it was used', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { browser, url, origin } = opened;
  const stranger = await browser.newPage();
  await stranger.goto(origin);
  await stranger.waitForSelector('h1:has-text("Open the console from a terminal")');
  await stranger.goto('about:blank');
  await stranger.goto(url);
  await stranger.waitForSelector('h1:has-text("This link was used already")');
  assert.equal(new URL(stranger.url()).hash, '#/', 'the ticket is gone from the address');
});

// req: console.try-it
test('a method is called from a form of its schema, and the frames are shown', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page } = opened;
  await page.goto(`${opened.origin}/#/try/state.set`);
  await page.fill('input[name=key]', 'a');
  await page.fill('textarea[name=value]', '{ "b": ');
  await page.click('button.primary');
  await page.waitForSelector('[role=alert]:has-text("value: ")');
  await page.fill('textarea[name=value]', '{ "b": 1 }');
  await page.click('button.primary');
  await page.waitForSelector('pre:has-text("ok")');
  await page.goto(`${opened.origin}/#/try/state.get`);
  await page.fill('input[name=key]', 'a');
  await page.click('button.primary');
  await page.waitForSelector('pre:has-text(\'"b": 1\')');
  await page.click('summary');
  await page.waitForSelector('.frame:has-text("state.get")');
  await page.goto(`${opened.origin}/#/try/runs.get_trace`);
  await page.fill('input[name=run_id]', '../../etc');
  await page.click('button.primary');
  await page.waitForSelector('pre:has-text("not_found")');
  assert.deepEqual(opened.problems, []);
});

// req: console.approvals
test('a person approves and denies, by hand and by key, and what cannot be undone takes a second gesture', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const ask = (action: string) =>
    daemon.agent.host.request_approval({
      action,
      system_level: true,
      details: { path: '<script>alert(1)</script> \u202E' },
    });
  await page.goto(`${opened.origin}/#/approvals`);
  await page.waitForSelector('h2:has-text("Nothing waits for you")');
  const [first, second] = [await ask('delete <b>everything</b>'), await ask('send it')];
  await page.waitForSelector('nav car-badge:has-text("2")');
  await page.locator('a.approval', { hasText: 'delete <b>everything</b>' }).click();
  await page.waitForSelector('pre:has-text("<script>alert(1)</script>")');
  await page.fill('#notes', 'looks fine');
  await page.click('button.approve');
  await page.waitForSelector('car-badge:has-text("approved")');
  await page.locator('a.approval', { hasText: 'send it' }).click();
  await page.waitForSelector('pre:has-text("send it")');
  await page.keyboard.press('d');
  await page.waitForSelector('h2:has-text("Nothing waits for you")');
  const { approvals } = await daemon.host.host.approvals({});
  const ends = approvals.map(({ id, outcome, notes }) => [id, outcome, notes ?? null]);
  assert.deepEqual(ends, [
    [first.id, 'approved', 'looks fine'],
    [second.id, 'denied_by_human', null],
  ]);
  await page.click('button[aria-pressed]:has-text("History")');
  await page.waitForSelector('a.approval:has-text("send it")');
  assert.deepEqual(opened.problems, []);
});

// req: console.reconnect
test('the page goes on after the daemon was restarted: what waits, what came meanwhile, and a run that goes on', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await daemon.agent.host.request_approval({ action: 'before', system_level: true });
  await page.goto(`${opened.origin}/#/approvals`);
  await page.waitForSelector('a.approval:has-text("before")');
  const restarted = await opened.restart();
  await page.waitForSelector('car-badge:has-text("connected")');
  await restarted.agent.host.request_approval({ action: 'after', system_level: true });
  await page.waitForSelector('a.approval:has-text("after")');
  assert.equal(await page.locator('a.approval').count(), 2, 'each once');
  await page.goto(`${opened.origin}/#/events`);
  await page.waitForSelector('.event:has-text("approval.requested")');
});
