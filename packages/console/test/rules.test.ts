// Events, rules and metrics in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole } from './open-console.ts';

const hostile = '<img src=x onerror=alert(1)> \u202E\u200B';

// req: console.events
test('events are filtered by kind, agent, session and text, held still, and looked into', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { host } = daemon.agent;
  for (const [kind, agent_id] of [
    ['deploy.begun', 'one'],
    ['deploy.failed', 'two'],
    [hostile, hostile],
  ] as const)
    await host.notify({
      kind,
      agent_id,
      message: `of ${agent_id}`,
      payload: { client_id: `session-${agent_id}`, hostile },
    });
  await page.goto(`${opened.origin}/#/events`);
  await page.waitForSelector('.event:has-text("deploy.begun")');
  await page.selectOption('select[aria-label="Only this kind"]', 'deploy.failed');
  assert.equal(await page.locator('.event').count(), 1);
  await page.selectOption('select[aria-label="Only this kind"]', '');
  await page.selectOption('select[aria-label="Only this agent"]', hostile);
  assert.equal(await page.locator('.event').count(), 1);
  await page.locator('.event').click();
  await page.waitForSelector('section[aria-label=Event] pre:has-text("‹U+202E›")');
  await page.keyboard.press('Escape');
  await page.waitForSelector('section[aria-label=Event]', { state: 'detached' });
  await page.selectOption('select[aria-label="Only this agent"]', '');
  await page.selectOption('select[aria-label="Only this session"]', 'session-two');
  assert.equal(await page.locator('.event').count(), 1);
  await page.selectOption('select[aria-label="Only this session"]', '');
  await page.fill('input[aria-label="Filter events"]', 'of one');
  assert.equal(await page.locator('.event').count(), 1);
  await page.fill('input[aria-label="Filter events"]', '');
  await page.click('button:has-text("Pause")');
  await host.notify({ kind: 'later', message: 'while it is held' });
  await page.waitForSelector('[role=status]:has-text("1 newer")');
  assert.equal(await page.locator('.event', { hasText: 'later' }).count(), 0);
  await page.click('button:has-text("Go on")');
  await page.waitForSelector('.event:has-text("later")');
  assert.deepEqual(opened.problems, []);
});

// req: console.events, host.session-events
test("a session's journal is read live, and anything in it is text", async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { agent } = daemon;
  const { session_id } = await agent.session.init();
  const submit = (id: string) =>
    agent.proposal.submit({
      proposal: { actions: [{ id, type: 'tool_call', tool: 'count', parameters: { text: hostile } }] },
    });
  await submit('first');
  await page.goto(`${opened.origin}/#/events`);
  await page.waitForSelector(`select[aria-label="Whose events"] option[value="${session_id}"]`, { state: 'attached' });
  await page.selectOption('select[aria-label="Whose events"]', session_id);
  await page.selectOption('select[aria-label="Only this kind"]', 'action_succeeded');
  await page.waitForSelector('[role=status]:has-text("1 of ")');
  await submit(hostile);
  await page.waitForSelector('[role=status]:has-text("2 of ")');
  await page.locator('.event').last().click();
  await page.waitForSelector('section[aria-label=Event] pre:has-text("‹U+202E›")');
  await page.selectOption('select[aria-label="Whose events"]', '');
  await page.waitForSelector('select[aria-label="Only this agent"]');
  assert.deepEqual(opened.problems, []);
});

// req: console.events
test('very many events stay a bounded list of which only what is on screen is there', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await page.goto(`${opened.origin}/#/events`);
  for (let index = 0; index < 1_100; index++) await daemon.agent.host.notify({ kind: 'tick', message: `nth ${index}` });
  await page.waitForSelector('.event:has-text("nth 1099")');
  assert.ok((await page.locator('.event').count()) < 100);
  await page.waitForSelector('[role=status]:has-text("1,000 events")');
});

// req: console.rules
test('sessions are shown with tier, tools and policies, and tiers and modes change only after a yes', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { agent, host } = daemon;
  const { session_id } = await agent.session.init();
  await agent.policy.register({ name: `no ${hostile}`, rule: 'deny_tool', target: hostile });
  await agent.supervision.subscribe({ filter: { tools: [hostile] } });
  await host.agent_permissions.set({ agent_id: hostile, mode: 'deny', tier: 'full_access' });
  await host.budget.set({ name: 'daily', per: 'day', limits: { tool_calls: 4 } });
  await agent.proposal.submit({
    proposal: { actions: [{ type: 'tool_call', tool: 'count', parameters: { text: 'x' } }] },
  });
  await page.goto(`${opened.origin}/#/rules`);
  await page.waitForSelector('.session:has-text("(this page)")');
  await page.waitForSelector('section[aria-label=Supervision]:has-text("plans that call <img src=x")');
  await page.waitForSelector('section[aria-label=Budgets]:has-text("1 tool calls of 4 tool calls")');
  await page.locator(`.session[href="#/rules/${session_id}"]`).click();
  await page.waitForSelector('section[aria-label=Session] ul[aria-label=Tools]:has-text("count")');
  await page.waitForSelector('section[aria-label=Session] ul[aria-label=Policies]:has-text("no <img src=x")');
  await page.waitForSelector('section[aria-label=Session] dl:has-text("1 succeeded")');
  const tier = page.locator('section[aria-label=Session] select');
  await tier.selectOption('read_only');
  await page.click('car-confirm button:has-text("Cancel")');
  assert.equal(await tier.inputValue(), 'sandbox_edit');
  await tier.selectOption('read_only');
  await page.click('car-confirm button.danger');
  await page.waitForSelector(`.session[href="#/rules"]:has-text("read only")`);
  assert.equal((await host.permission.get_tier({ session_id })).granted_tier, 'read_only');
  const mode = page
    .locator('section[aria-label="What agents may do"] tr', { hasText: '<img' })
    .locator('select')
    .first();
  await mode.selectOption('always_allow');
  await page.click('car-confirm button.danger');
  await page.waitForSelector('car-confirm', { state: 'detached' });
  await page.waitForFunction(`!document.querySelector('car-confirm')`);
  for (;;) {
    const { agents } = await host.agent_permissions.get();
    if (agents[hostile]?.read_only === 'always_allow') break;
    await page.waitForTimeout(20);
  }
  await page.selectOption('section[aria-label="What agents may do"] label select', 'cautious');
  await page.keyboard.press('Escape');
  await page.waitForSelector('car-confirm', { state: 'detached' });
  assert.notEqual((await host.agent_permissions.get()).default.read_only, 'require_approval', 'Escape is no');
  await agent[Symbol.asyncDispose]();
  await page.waitForSelector('section[aria-label=Session]:has-text("This session has ended")');
  assert.deepEqual(
    opened.problems.filter((problem) => !problem.includes('unknown_session')),
    [],
  );
});

// req: console.metrics
test('the metrics of the daemon are plotted as they come, and a bound that is passed is an alert', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page } = opened;
  await page.goto(`${opened.origin}/#/metrics`);
  await page.waitForSelector('section[aria-label=Memory] car-plot .u-legend:has-text("MB")');
  await page.waitForSelector('car-metrics car-plot canvas');
  assert.equal(await page.locator('car-plot').count(), 4);
  await page.waitForSelector('section[aria-label=Methods] th:has-text("host.subscribe")');
  await page.locator('.bounds label', { hasText: 'memory' }).locator('input').fill('1');
  await page.keyboard.press('Enter');
  await page.waitForSelector('section[aria-label=Alerts] li:has-text("Memory is")');
  await page.reload();
  await page.waitForSelector('section[aria-label=Alerts] li:has-text("Memory is")');
  await page.locator('.bounds label', { hasText: 'memory' }).locator('input').fill('');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('.bounds label', { hasText: 'memory' }).locator('input').inputValue(), '1');
  assert.deepEqual(opened.problems, []);
});
