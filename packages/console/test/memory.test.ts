// Looking into a memory in a real browser: found, explained, corrected, followed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole } from './open-console.ts';

const hostile = '<img src=x onerror=alert(1)> \u202E\u200B';

// req: console.memory
test('a fact is found, with who said it, why, what it is linked to, and its values over time, as text', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { memory } = daemon.agent;
  await memory.add_fact({ subject: 'office', body: `Bremen ${hostile}`, fact_id: 'office-1', source: hostile });
  await memory.add_fact({ subject: 'deploy day', body: 'Friday', fact_id: 'day-1' });
  await memory.add_fact({ subject: 'deploy day', body: `Tuesday ${hostile}`, fact_id: 'day-2', supersedes: 'day-1' });
  await memory.add_fact({ subject: 'freeze', body: 'one day before', fact_id: 'freeze', depends_on: ['day-2'] });
  await memory.add_fact({ subject: hostile, body: 'from a page', fact_id: 'web', origin: 'web' });
  await page.goto(`${opened.origin}/#/memory`);
  await page.waitForSelector('a.fact:has-text("freeze")');
  await page.waitForSelector('a.fact:has-text("<img src=x"):has-text("untrusted: web")');
  await page.fill('input[type=search]', 'when do we deploy');
  await page.locator('a.fact', { hasText: 'deploy day' }).click();
  await page.waitForSelector('car-memory-fact .body:has-text("Tuesday <img src=x")');
  await page.waitForSelector('section[aria-label="Why it was found"] car-badge:has-text("deploy")');
  await page.waitForSelector('section[aria-label="Why it was found"] .bar');
  const timeline = page.locator('ol.timeline li');
  assert.equal(await timeline.count(), 2);
  assert.match((await timeline.first().textContent()) ?? '', /Friday/);
  assert.match((await timeline.last().textContent()) ?? '', /Tuesday <img src=x.*holds/s);
  const freeze = page.locator('car-fact-graph a[aria-label^="freeze needed by:"]');
  await freeze.focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('car-memory-fact h2:has-text("freeze")');
  await page.waitForSelector('car-fact-graph a[aria-label^="deploy day depends on:"]');
  assert.deepEqual(opened.problems, []);
});

// req: console.memory.edit
test('a fact is superseded and ended only after a yes, and the dialog keeps the focus and gives it back', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { memory } = daemon.agent;
  await memory.add_fact({ subject: 'color', body: 'red', fact_id: 'red' });
  await page.goto(`${opened.origin}/#/memory/red`);
  await page.click('car-memory-fact button:has-text("Edit…")');
  await page.fill('car-memory-fact textarea', `blue ${hostile}`);
  await page.waitForSelector('car-memory-fact .added:has-text("blue <img src=x")');
  await page.focus('car-memory-fact button[type=submit]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('car-confirm dialog[open]');
  for (let pressed = 0; pressed < 6; pressed++) {
    await page.keyboard.press('Tab');
    const where = await page.evaluate<string>(`document.activeElement.tagName`);
    assert.ok(where === 'CAR-CONFIRM' || where === 'BODY', `the dialog keeps the focus, not ${where}`);
  }
  await page.keyboard.press('Escape');
  await page.waitForSelector('car-confirm', { state: 'detached' });
  await page.waitForSelector('car-memory-fact button[type=submit]:focus');
  assert.equal((await memory.timeline({ key: 'color' })).length, 1, 'Escape is no');

  await page.keyboard.press('Enter');
  await page.click('car-confirm button.danger');
  await page.waitForSelector('car-memory-fact .body:has-text("blue <img src=x")');
  assert.deepEqual(
    (await memory.timeline({ key: 'color' })).map(({ body, ended_at }) => [body, ended_at === undefined]),
    [
      ['red', false],
      [`blue ${hostile}`, true],
    ],
  );
  await page.click('car-memory-fact button:has-text("No longer true…")');
  await page.click('car-confirm button.danger');
  await page.waitForSelector('car-memory-fact car-badge:has-text("ended")');
  assert.equal(await memory.fact_count(), 0);
  assert.deepEqual(opened.problems, []);
});

// req: console.memory.live
test('what others remember shows up by itself, also after the daemon was restarted', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await page.goto(`${opened.origin}/#/memory`);
  await page.waitForSelector('h2:has-text("Nothing is remembered yet")');
  await daemon.agent.memory.add_fact({ subject: 'first', body: 'one' });
  await page.waitForSelector('a.fact:has-text("first")');
  await page.click('button:has-text("Changes")');
  await page.waitForSelector('.change:has-text("added"):has-text("first")');
  const restarted = await opened.restart();
  await page.waitForSelector('car-badge:has-text("connected")');
  await restarted.agent.memory.add_fact({ subject: 'second', body: 'two' });
  await page.click('button:has-text("Facts")');
  await page.waitForSelector('a.fact:has-text("second")');
  assert.equal(await page.locator('a.fact').count(), 2, 'each once');
});

// req: console.memory.scopes
test('the memories of namespaces, agents and tenants are looked into one at a time', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await daemon.host.memory.select({ namespace: `team/${hostile}` });
  await daemon.host.memory.add_fact({ subject: 'ours', body: 'in the namespace' });
  await daemon.agent.memory.add_fact({ subject: 'shared', body: 'for all' });
  await daemon.agent.memory.add_fact({ subject: 'tenant', body: 'of acme', tenant_id: 'acme' });
  await page.goto(`${opened.origin}/#/memory`);
  await page.waitForSelector('a.fact:has-text("shared")');
  await page.selectOption('car-memory select', { value: `namespace:team/${hostile}` });
  await page.waitForSelector('a.fact:has-text("ours")');
  assert.equal(await page.locator('a.fact').count(), 1);
  await page.selectOption('car-memory select', { value: '' });
  await page.waitForSelector('a.fact:has-text("shared")');
  await page.fill('.places input', 'acme');
  await page.keyboard.press('Enter');
  await page.waitForSelector('a.fact:has-text("tenant")');
  assert.equal(await page.locator('a.fact').count(), 1);
  assert.deepEqual(opened.problems, []);
});

// req: console.memory.candidates
test('a correction that nobody declared is taken or left by a person', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { memory } = daemon.agent;
  await memory.add_fact({ subject: 'release manager', body: 'The release manager is Anna', fact_id: 'anna' });
  await memory.add_fact({ subject: 'release manager', body: 'The release manager is now Ben', fact_id: 'ben' });
  assert.equal((await memory.candidates({})).length, 1);
  await page.goto(`${opened.origin}/#/memory`);
  await page.click('button:has-text("Candidates (1)")');
  await page.click('article button:has-text("It is a correction…")');
  await page.click('car-confirm button.danger');
  await page.waitForSelector('h2:has-text("No unmarked corrections")');
  const holds = (await memory.list({})).facts.map(({ body }) => body);
  assert.deepEqual(holds, ['The release manager is now Ben']);
  assert.deepEqual(opened.problems, []);
});
