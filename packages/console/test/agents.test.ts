// The agents of the console in a real browser, against a real daemon that supervises real processes.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { openConsole } from './open-console.ts';

export const talkingAgent = join(import.meta.dirname, 'talking-agent.ts');

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

  await row.getByRole('button', { name: 'Restart' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Restart' }).click();
  await row.getByRole('button', { name: 'Restart' }).waitFor();
  const [second] = await daemon.host.agents.list();
  assert.notEqual(pidOf(second), pidOf(first));

  await row.getByRole('button', { name: 'Stop' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Stop' }).click();
  await row.locator('car-badge:has-text("stopped")').waitFor();
  assert.deepEqual(opened.problems, []);
});

function pidOf(agent: object | undefined): unknown {
  return agent && 'pid' in agent ? agent.pid : undefined;
}
