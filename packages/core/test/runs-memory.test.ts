import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { RunsProcess } from './runs-process.ts';

const runs = 500;
const turnsPerRun = 100;
const openAtOnce = 50;

// req: runs.memory
test('after 50 000 turns in 500 runs the daemon is as small as at its start', async () => {
  using folder = new TempFolder();
  await using daemon = await RunsProcess.start(folder.path);
  const agent = await daemon.connect('worker');
  let seen = 0;
  const host = await daemon.connect('host', () => void seen++);
  const perform = async (): Promise<void> => {
    const { run_id } = (await agent.request('runs.start', { intent: 'i' })) as { run_id: string };
    await host.request('runs.subscribe', { run_id });
    const turns = Array.from({ length: 10 }, () => ({ tool: 't', prompt: 'p'.repeat(200), output: 'o'.repeat(800) }));
    for (let n = 0; n < turnsPerRun; n += turns.length) await agent.request('runs.record_turns', { run_id, turns });
    await agent.request('runs.complete', { run_id, outcome: { status: 'success' } });
    await host.request('runs.unsubscribe', { run_id });
  };
  const performMany = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += openAtOnce) await Promise.all(Array.from({ length: openAtOnce }, perform));
  };
  // What is compiled and loaded when first used is not what this is about.
  await performMany(openAtOnce);
  const before = await daemon.memory();
  await performMany(runs);
  assert.equal(seen, (runs + openAtOnce) * (turnsPerRun + 1));
  const after = await daemon.memory();
  const growth = after.rssBytes / before.rssBytes;
  assert.ok(growth < 1.2, `resident ${before.rssBytes} -> ${after.rssBytes} bytes`);
  assert.ok(
    after.heapBytes - before.heapBytes < 4 * 1024 * 1024,
    `heap ${before.heapBytes} -> ${after.heapBytes} bytes`,
  );
});
