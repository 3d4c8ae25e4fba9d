import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { EventParams, EventStream } from '@car-runtime/client';
import type { RunRecord } from '@car-runtime/protocol';
import { serve, turnOver, type TestDaemon } from '@car-runtime/testkit';

const success = { status: 'success' } as const;

function rootOf({ state }: TestDaemon): string {
  return join(dirname(state.journalDir), 'runs');
}

function linesOf(daemon: TestDaemon, agentId: string, runId: string): RunRecord[] {
  const text = readFileSync(join(rootOf(daemon), agentId, `${runId}.jsonl`), 'utf8');
  assert.ok(text.endsWith('\n'));
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as RunRecord);
}

/** What a client was told of runs and nobody looked at yet: kind, cursor and status of each event. */
async function eventsOf(stream: EventStream<EventParams<'runs.trace.event'>>): Promise<[string, number, string][]> {
  const events: [string, number, string][] = [];
  while (stream.buffered > 0) {
    const { value } = await stream.next();
    if (value) events.push([value.record.record, value.cursor, value.status]);
  }
  return events;
}

// req: runs.worked-sequence, runs.cursor, runs.index, runs.snapshot-atomic, runs.disk-fallback, runs.append-order
test('a run from its start to its end: what is answered, what subscribers see, and what is on disk are the same turns', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const host = await daemon.connect({ as: 'host' });
  const { run_id, agent_id } = await agent.runs.start({ intent: 'tidy up', outcome_description: 'a tidy house' });
  assert.match(run_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.equal(agent_id, 'worker');

  assert.deepEqual(await agent.runs.record_turns({ run_id, turns: [{ tool: 'a' }, { tool: 'b', index: -1 }] }), {
    run_id,
    base_index: 0,
    count: 2,
    ok: true,
  });
  await using events = host.events('runs.trace.event');
  const snapshot = await host.runs.subscribe({ run_id });
  assert.deepEqual(
    [
      snapshot.agent_id,
      snapshot.turns_so_far.map(({ index, tool }) => [index, tool]),
      snapshot.cursor,
      snapshot.status,
    ],
    [
      'worker',
      [
        [0, 'a'],
        [1, 'b'],
      ],
      2,
      'in_progress',
    ],
  );
  await agent.registerTool('c', {}, () => 'done');
  await agent.proposal.submit({ proposal: { actions: [{ type: 'tool_call', tool: 'c', parameters: { n: 1 } }] } });
  assert.deepEqual(await agent.runs.complete({ run_id, outcome: success }), { run_id, ok: true });
  await turnOver();
  assert.deepEqual(await eventsOf(events), [
    ['turn', 3, 'in_progress'],
    ['ended', 3, 'completed'],
  ]);

  const late = await host.runs.subscribe({ run_id });
  assert.deepEqual(
    [late.turns_so_far.map(({ tool }) => tool), late.cursor, late.status, late.delivery],
    [['a', 'b', 'c'], 3, 'completed', undefined],
  );
  assert.deepEqual(await agent.runs.record_turns({ run_id, turns: [{}] }), {
    run_id,
    base_index: 0,
    count: 0,
    ok: false,
    dropped: 'run_terminal',
  });
  const trace = await host.runs.get_trace({ run_id });
  assert.ok('records' in trace);
  assert.deepEqual(trace.records, linesOf(daemon, 'worker', run_id));
  assert.deepEqual(
    trace.records.map(({ record }) => record),
    ['started', 'turn', 'turn', 'turn', 'ended'],
  );
  assert.deepEqual(
    late.turns_so_far,
    trace.records.filter(({ record }) => record === 'turn'),
  );
  const { runs } = await agent.runs.list({ agent_id: 'worker' });
  assert.deepEqual(
    runs.map(({ run_id: id, intent, status, turn_count, ended_at }) => [id, intent, status, turn_count, !!ended_at]),
    [[run_id, 'tidy up', 'completed', 3, true]],
  );
});

// req: runs.files
test('a run is one file in the folder of its agent, for nobody else to read, beside a marker for backup programs', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  assert.equal(existsSync(rootOf(daemon)), false);
  const { run_id } = await agent.runs.start({ intent: 'i' });
  const root = rootOf(daemon);
  assert.deepEqual(readdirSync(root).toSorted(), ['.nobackup', 'worker']);
  assert.equal(statSync(root).mode & 0o777, 0o700);
  assert.equal(statSync(join(root, 'worker')).mode & 0o777, 0o700);
  assert.equal(statSync(join(root, 'worker', `${run_id}.jsonl`)).mode & 0o777, 0o600);
  assert.equal(linesOf(daemon, 'worker', run_id).length, 1);
});
