// The first page of the console, in a real browser, against a real daemon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole } from './open-console.ts';
import { startTalker } from './views.ts';

const hostile = '<img src=x onerror=alert(1)> \u202E';
const shown = '<img src=x onerror=alert(1)> ‹U+202E›';

// req: console.now
test('a new daemon says how to begin; then agents, approvals, runs and budgets show up by themselves', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const beginning = page.getByLabel('How to begin');
  await beginning.getByText('npx car agents new hello --start').waitFor();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await beginning.getByRole('button', { name: 'Copy npx car agents new hello --start' }).click();
  await beginning
    .getByRole('button', { name: /^Copy npx car agents new/ })
    .getByText('Copied')
    .waitFor();
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'npx car agents new hello --start');

  await startTalker(daemon.host, hostile);
  const agents = page.getByLabel('Agents', { exact: true });
  await agents.locator('li', { hasText: shown }).locator('car-badge:has-text("running")').waitFor();
  await beginning.waitFor({ state: 'detached' });

  const { id } = await daemon.agent.host.request_approval({ action: hostile, system_level: true });
  const approvals = page.getByLabel('Approvals', { exact: true });
  await approvals.getByRole('link', { name: shown }).waitFor();
  await daemon.host.host.resolve_approval({ approval_id: id, resolution: 'deny' });
  await approvals.getByText('Nothing waits for you.').waitFor();

  const { run_id } = await daemon.agent.runs.start({ intent: hostile, agent_name: hostile });
  const runs = page.getByLabel('Runs', { exact: true });
  await runs.getByRole('heading', { name: '1 in progress' }).waitFor();
  await daemon.agent.runs.complete({ run_id, outcome: { status: 'success', summary: 'done' } });
  await runs.getByRole('heading', { name: 'No run in progress' }).waitFor();

  await daemon.host.budget.set({ name: 'calls', per: 'total', limits: { tool_calls: 4 } });
  const actions = ['a', 'b', 'c'].map((text) => ({
    id: text,
    type: 'tool_call' as const,
    tool: 'count',
    parameters: { text },
  }));
  await daemon.agent.proposal.submit({ proposal: { actions } });
  const bar = page.getByRole('meter', { name: 'calls: 3 calls of 4 calls' });
  await bar.waitFor();
  assert.equal(await bar.getAttribute('aria-valuenow'), '75');
  await page.getByLabel('Daemon', { exact: true }).getByText('healthy').waitFor();
  assert.deepEqual(opened.problems, []);
});
