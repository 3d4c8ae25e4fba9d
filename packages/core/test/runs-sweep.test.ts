// Runs whose connection goes away, on a clock that the test moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeTime, serve, turnOver } from '@car-runtime/testkit';

const success = { status: 'success' } as const;

// req: runs.sweep, runs.sweep-announced, runs.lost-subscriber
test('a connection that goes leaves its runs 250 ms to be completed, and takes its subscriptions along at once', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve();
  const host = await daemon.connect({ as: 'host' });
  await using events = host.events('runs.trace.event');
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const other = await daemon.connect();
  const left = await agent.runs.start({ intent: 'left' });
  const saved = await agent.runs.start({ intent: 'saved' });
  const kept = await other.runs.start({ intent: 'kept', agent_id: 'worker' });
  for (const { run_id } of [left, saved, kept]) await host.runs.subscribe({ run_id });
  await agent.runs.subscribe(kept);
  await agent.close();
  await time.advance(249);
  assert.equal(events.buffered, 0);
  await other.runs.complete({ run_id: saved.run_id, outcome: success });
  await turnOver();
  assert.equal(events.buffered, 1);
  await time.advance(1);
  const seen = [];
  while (events.buffered > 0) {
    const { value } = await events.next();
    seen.push([value?.run_id, value?.status, value?.record.record]);
  }
  assert.deepEqual(seen, [
    [saved.run_id, 'completed', 'ended'],
    [left.run_id, 'incomplete', 'ended'],
  ]);
  const { runs } = await host.runs.list({ agent_id: 'worker' });
  assert.deepEqual(new Map(runs.map(({ run_id, status }) => [run_id, status])).get(kept.run_id), 'in_progress');
  // The daemon would give this one its time, too.
  await other.runs.complete({ run_id: kept.run_id, outcome: success });
});
