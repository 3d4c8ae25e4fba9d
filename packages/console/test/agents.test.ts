// The agents of the console in a real browser, against a real daemon that supervises real processes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type Client } from '@car-runtime/client';
import { TempFolder } from '@car-runtime/testkit';
import { startServer } from 'car-server';
import { openConsole } from './open-console.ts';
import { startTalker, talkingAgent } from './views.ts';

async function addAgent(host: Client, id: string, more: { name?: string; args?: string[] } = {}): Promise<void> {
  await host.agents.upsert({
    id,
    name: id,
    command: process.execPath,
    args: [talkingAgent],
    backoff_secs: 0.1,
    ...more,
  });
}

// req: console.agents
test('an agent is started, restarted and stopped, each only after a yes where something ends', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await page.goto(`${opened.origin}/#/agents`);
  await page.waitForSelector('h2:has-text("No agents yet")');
  await addAgent(daemon.host, 'helper', { name: 'The <b>helper</b> \u202E' });
  const row = page.locator('.agent', { hasText: 'The <b>helper</b> ‹U+202E›' });
  await row.locator('car-badge:has-text("stopped")').waitFor();
  await row.getByRole('button', { name: 'Start' }).click();
  await row.locator('car-badge:has-text("running")').waitFor();
  await row.getByText('connected', { exact: true }).waitFor();
  const [first] = await daemon.host.agents.list();

  await row.getByRole('button', { name: 'Stop' }).click();
  await page.keyboard.press('Escape');
  await page.waitForSelector('car-confirm', { state: 'detached' });
  const [same] = await daemon.host.agents.list();
  assert.deepEqual(pidOf(same), pidOf(first), 'a no changes nothing');

  const changes = daemon.host.events('agents.watch.event');
  await daemon.host.agents.watch({});
  await row.getByRole('button', { name: 'Restart' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Restart' }).click();
  for await (const { kind, agent } of changes) if (kind === 'attached' && pidOf(agent) !== pidOf(first)) break;

  await row.getByRole('button', { name: 'Stop' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Stop' }).click();
  await row.locator('car-badge:has-text("stopped")').waitFor();
  assert.deepEqual(opened.problems, []);
});

// req: console.logs
test('what an agent writes comes live, is searched, filtered and paused, and goes on after a restart of the daemon', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await startTalker(daemon.host);
  await page.goto(`${opened.origin}/#/agent/talker/logs`);
  const lines = page.locator('.line .text');
  await lines.getByText('ready').waitFor();
  const print = (message: string, kind = 'test.print') => daemon.host.host.notify({ kind, message });
  await print('<img src=x onerror=alert(1)> \u001B[31mred\u001B[0m \u202E');
  await lines.getByText('<img src=x onerror=alert(1)> red ‹U+202E›').waitFor();
  await print('ERROR it broke', 'test.complain');
  await page.locator('.line.stderr.error').waitFor();
  await print('{"level":40,"msg":"careful"}');
  await page.locator('.line.stdout.warn').waitFor();

  await page.getByLabel('Search the log').fill('BROKE');
  await page.locator('mark:has-text("broke")').waitFor();
  assert.equal(await lines.count(), 1);
  await page.getByLabel('Search the log').fill('');
  await page.getByLabel('Level').selectOption('warn');
  await page.locator('[role=status]:has-text("1 of 4 lines")').waitFor();
  await page.getByLabel('Level').selectOption('');

  await page.getByRole('button', { name: 'Pause' }).click();
  await print('said meanwhile');
  await page.getByRole('button', { name: 'Follow (1 new)' }).click();
  await lines.getByText('said meanwhile').click();
  await page.locator('pre[aria-label=Line]:has-text("said meanwhile")').waitFor();

  for (let n = 0; n < 10; n++) await print(Array.from({ length: 300 }, (_, m) => `line ${m}`).join('\n'));
  await lines.getByText('said meanwhile').waitFor({ state: 'detached' });
  assert.ok((await lines.count()) < 100, 'only what is on screen is on the page');

  const restarted = await opened.restart();
  await restarted.host.host.subscribe();
  await page.locator('car-badge:has-text("connected to")').waitFor();
  await page.locator('[role=status]:has-text("lines")').waitFor();
  await restarted.host.agents.wait({ id: 'talker', targets: ['running'] });
  await lines.getByText('ready').last().waitFor();
  assert.deepEqual(
    opened.problems.filter((problem) => !/WebSocket|Failed to load/.test(problem)),
    [],
  );
});

// req: console.agent
test('an agent shows how it is doing and run, with plots, and what happened to it as it happens', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await startTalker(daemon.host, 'talker <script>alert(1)</script>');
  await page.goto(`${opened.origin}/#/agent/talker`);
  await page.locator('h1', { hasText: 'talker <script>alert(1)</script>' }).waitFor();
  await page.locator('pre[aria-label=Manifest]', { hasText: '"restart": "on_failure"' }).waitFor();
  if (process.platform === 'linux') {
    await page.locator('car-plot canvas').nth(1).waitFor();
    assert.match((await page.locator('car-plot').first().getAttribute('aria-label')) ?? '', /^CPU over time: CPU \d/);
  }
  await daemon.host.host.notify({ kind: 'test.exit', message: '3' });
  const happened = page.getByLabel('What happened');
  await happened.getByText('disconnected').waitFor();
  await happened.getByText('exited with 3').first().waitFor();
  await page.getByRole('button', { name: 'Remove…' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.waitForSelector('h2:has-text("No agents yet")');
  assert.deepEqual(opened.problems, []);
});

// req: console.observer
test('a daemon that only observes says so and offers nothing it cannot do', async (context) => {
  using held = new TempFolder();
  const manifest = held.join('agents.json');
  await using owner = await startServer({ stateRoot: held.join('owner'), port: 0, agentsManifest: manifest });
  const hostToken = owner.tokens?.hostToken ?? '';
  await using host = await connect({ url: owner.ws, hostToken, allowUnproven: true, reconnect: false });
  await addAgent(host, 'theirs');
  await using opened = await openConsole(context, { agentsManifest: manifest });
  if (!opened) return;
  const { page } = opened;
  await page.goto(`${opened.origin}/#/agents`);
  await page.getByText('This daemon only observes.').waitFor();
  await page.locator('.agent', { hasText: 'theirs' }).waitFor();
  assert.equal(await page.locator('.agent button').count(), 0);
});

function pidOf(agent: object | undefined): unknown {
  return agent && 'pid' in agent ? agent.pid : undefined;
}
