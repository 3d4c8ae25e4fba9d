import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryPair, type MemoryChannel } from '@car-runtime/rpc';
import { serve, turnOver, Wire, type TestDaemon } from '@car-runtime/testkit';

const softQueueBytes = 64 * 1024;

/** A host whose reading can be stopped. */
async function connectHost(daemon: TestDaemon): Promise<{ wire: Wire; channel: MemoryChannel }> {
  const [near, far] = createMemoryPair();
  daemon.state.createSession(far);
  const wire = new Wire(near);
  await wire.result('session.auth', { host_token: daemon.hostToken });
  return { wire, channel: near };
}

interface Event {
  record: { record: string; index?: number; from?: number; to?: number };
  cursor: number;
}

async function eventsOf(wire: Wire): Promise<Event[]> {
  const events: Event[] = [];
  while (wire.unread > 0) {
    const { method, params } = await wire.next();
    assert.equal(method, 'runs.trace.event');
    events.push(params as unknown as Event);
  }
  return events;
}

/** Every cursor from 1 on, then the end. */
function assertWhole(events: Event[], turns: number): void {
  assert.deepEqual(
    events.map(({ cursor }) => cursor),
    [...Array.from({ length: turns }, (_, index) => index + 1), turns],
  );
  assert.equal(events.at(-1)?.record.record, 'ended');
}

// req: runs.wedged-subscriber, runs.full-queue, runs.gap-events, runs.resume
test('one of a hundred subscribers that never reads loses its own events alone, and catches up when it reads again', async () => {
  await using daemon = serve({ peer: { softQueueBytes } });
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'i' });
  const hosts = [];
  for (let n = 0; n < 100; n++) hosts.push(await connectHost(daemon));
  const [wedged, resuming, ...others] = hosts;
  assert.ok(wedged && resuming);
  for (const { wire } of [wedged, ...others]) await wire.result('runs.subscribe', { run_id });
  await resuming.wire.result('runs.subscribe', { run_id, after: 0 });
  wedged.channel.pause();
  resuming.channel.pause();

  const turns = 1_000;
  const output = 'x'.repeat(500);
  for (let n = 0; n < turns; n += 10) {
    const batch = Array.from({ length: 10 }, () => ({ output }));
    assert.equal((await agent.runs.record_turns({ run_id, turns: batch })).ok, true);
  }
  await agent.runs.complete({ run_id, outcome: { status: 'success' } });
  await turnOver();
  for (const { wire } of others) assertWhole(await eventsOf(wire), turns);
  const queued = wedged.channel.inboxBytes;
  assert.ok(queued > softQueueBytes / 2 && queued < softQueueBytes * 2, `${queued} bytes queued for who reads nothing`);

  wedged.channel.resume();
  resuming.channel.resume();
  const seen: Event[] = [];
  while (seen.at(-1)?.record.record !== 'gap') {
    seen.push((await resuming.wire.next()).params as unknown as Event);
  }
  const gap = seen.at(-1) as Event;
  assert.deepEqual(gap.record, { record: 'gap', from: seen.length, to: turns });
  assert.equal(gap.cursor, seen.length - 1);
  assert.deepEqual(
    seen.slice(0, -1).map(({ cursor }) => cursor),
    Array.from({ length: gap.cursor }, (_, index) => index + 1),
  );
  const missed = await eventsOf(wedged.wire);
  assert.ok(
    missed.length < turns && missed.every(({ record }) => record.record === 'turn'),
    'silence where events were',
  );
  const rest = (await resuming.wire.result('runs.subscribe', { run_id, after: gap.cursor })) as {
    turns_so_far: { index: number }[];
    delivery: string;
    ended: object;
  };
  assert.equal(rest.delivery, 'replayed');
  assert.deepEqual(
    rest.turns_so_far.map(({ index }) => index),
    Array.from({ length: turns - gap.cursor }, (_, index) => gap.cursor + index),
  );
  assert.ok(rest.ended);
});

// req: runs.lost-subscriber
test('a subscriber whose connection breaks harms neither the run nor the others', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'i' });
  const [broken, other] = [await connectHost(daemon), await connectHost(daemon)];
  for (const { wire } of [broken, other]) await wire.result('runs.subscribe', { run_id });
  await agent.runs.record_turns({ run_id, turns: [{}] });
  broken.channel.terminate();
  await agent.runs.record_turns({ run_id, turns: [{}] });
  await agent.runs.complete({ run_id, outcome: { status: 'success' } });
  await turnOver();
  assertWhole(await eventsOf(other.wire), 2);
});
