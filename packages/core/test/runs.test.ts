import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Client, EventParams, EventStream } from '@car-runtime/client';
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

// req: runs.identity
test("a run belongs to the agent in the call, else to the one that calls, else to the daemon's, else to a name", async () => {
  await using daemon = serve({ config: { defaultAgentId: 'fallback' } });
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const client = await daemon.connect();
  const startedAs = async (by: Client, params: object): Promise<string> =>
    (await by.runs.start({ intent: 'i', ...params })).agent_id;
  assert.equal(await startedAs(client, { agent_id: 'named', agent_name: 'n' }), 'named');
  assert.equal(await startedAs(agent, { agent_name: 'n' }), 'worker');
  assert.equal(await startedAs(agent, { agent_id: 'worker' }), 'worker');
  assert.equal(await startedAs(client, { agent_name: 'n' }), 'fallback');
  await assert.rejects(startedAs(agent, { agent_id: 'other' }), { reason: 'forbidden' });
});

// req: runs.identity
test('a name becomes an id of its letters and digits; without any there is nobody to run as', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const { agent_id } = await client.runs.start({ intent: 'i', agent_name: '  My -- Agent №1! ' });
  assert.equal(agent_id, 'name:my-agent-1');
  for (const params of [{}, { agent_name: '  --' }, { agent_name: '' }, { agent_name: null, agent_id: null }]) {
    await assert.rejects(client.runs.start({ intent: 'i', ...params }), /agent_id.*agent_name/);
  }
  await assert.rejects(client.runs.start({ intent: '', agent_id: 'a' }), { code: -32602 });
  await assert.rejects(client.call('runs.start', { agent_id: 'a' } as never), { code: -32602 });
});

// req: runs.identifiers
test('no identifier leads out of the folder of the runs, and odd ones work like others', async () => {
  await using daemon = serve();
  const host = await daemon.connect({ as: 'host' });
  const hostile = ['../x', '..', '.', '', '/etc', 'a\\b', 'a\0', 'line\nbreak', '\ud800', 'é'.repeat(101)];
  for (const id of hostile) {
    await assert.rejects(host.runs.start({ intent: 'i', agent_id: id }), { code: -32602 }, JSON.stringify(id));
    await assert.rejects(host.runs.start({ intent: 'i', agent_id: 'a', idempotency_key: id }), { code: -32602 });
    assert.deepEqual(await host.runs.list({ agent_id: id }), { agent_id: id, runs: [] });
    assert.deepEqual(await host.runs.get_trace({ run_id: id }), { run_id: id, not_found: true });
    await assert.rejects(host.runs.subscribe({ run_id: id }), /unknown run_id/);
  }
  assert.equal(existsSync(rootOf(daemon)), false);
  const odd = [
    'Ab',
    'aB',
    'ab',
    'AB',
    'é',
    'e\u0301',
    '%41b',
    'name:x',
    '.nobackup',
    '.index.sqlite',
    '‮x',
    'a b',
    '😀'.repeat(50),
    'Z'.repeat(200),
  ];
  for (const id of odd) {
    assert.deepEqual(await host.runs.start({ intent: id, agent_id: id, idempotency_key: id }), {
      run_id: id,
      agent_id: id,
    });
  }
  for (const id of odd) {
    const { runs } = await host.runs.list({ agent_id: id });
    assert.deepEqual(
      runs.map(({ run_id, agent_id, intent }) => [run_id, agent_id, intent]),
      [[id, id, id]],
    );
    const trace = await host.runs.get_trace({ run_id: id });
    assert.ok('records' in trace && trace.agent_id === id && trace.records.length === 1);
  }
  const folders = readdirSync(rootOf(daemon), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.equal(new Set(folders.map(({ name }) => name.toLowerCase().normalize())).size, odd.length);
});

// req: runs.idempotency
test('a key that names a run opens nothing again, live, ended or of an earlier start, and never changes its owner', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const host = await daemon.connect({ as: 'host' });
  const start = { intent: 'i', idempotency_key: 'key-1' };
  assert.deepEqual(await agent.runs.start(start), { run_id: 'key-1', agent_id: 'worker' });
  await using events = host.events('runs.trace.event');
  await host.runs.subscribe({ run_id: 'key-1' });
  await agent.runs.start({ intent: 'another' });
  assert.deepEqual(await agent.runs.start({ ...start, intent: 'again' }), { run_id: 'key-1', agent_id: 'worker' });
  await agent.registerTool('t', {}, () => 1);
  await agent.proposal.submit({ proposal: { actions: [{ type: 'tool_call', tool: 't' }] } });
  assert.deepEqual(
    (await eventsOf(events)).map(([kind]) => kind),
    ['turn'],
    'no second start, and it is the current run',
  );
  await assert.rejects(host.runs.start({ ...start, agent_id: 'thief' }), /of another agent/);
  await agent.runs.complete({ run_id: 'key-1', outcome: success });
  assert.deepEqual(await agent.runs.start(start), { run_id: 'key-1', agent_id: 'worker' });
  const dropped = await agent.runs.record_turns({ run_id: 'key-1', turns: [{}] });
  assert.equal(dropped.dropped, 'run_terminal');
  assert.equal(linesOf(daemon, 'worker', 'key-1').length, 3);
});

// req: runs.record-errors, runs.ceiling
test('params of a wrong shape are one error to the letter; a run takes 2000 turns and no batch that would pass them', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: { agent: 'worker' } });
  const { run_id } = (await wire.result('runs.start', { intent: 'i' })) as { run_id: string };
  const wrong = [
    undefined,
    {},
    { run_id: '', turns: [{}] },
    { run_id: 1, turns: [{}] },
    { run_id },
    { run_id, turns: [] },
    { run_id, turns: {} },
    { run_id, turns: [null] },
    { run_id, turns: ['x'] },
    { run_id, turns: [{ prompt: 1 }] },
    { run_id, turns: [{ policy_rejected: 'no' }] },
    { run_id, turns: Array.from({ length: 257 }, () => ({})) },
  ];
  for (const params of wrong) {
    const { message } = await wire.error('runs.record_turns', params);
    assert.equal(message, 'runs.record_turns requires { run_id, turns: [RunTurn] }');
  }
  for (const index of [-1, 'x', 1.5, null, {}]) await wire.result('runs.record_turns', { run_id, turns: [{ index }] });
  const many = (count: number): object => ({ run_id, turns: Array.from({ length: count }, () => ({ tool: 't' })) });
  for (let batches = 0; batches < 7; batches++) await wire.result('runs.record_turns', many(256));
  const refused = { run_id, base_index: 0, count: 0, ok: false, dropped: 'run_turn_limit' };
  assert.deepEqual(await wire.result('runs.record_turns', many(204)), refused, '5 and 7 x 256 and 204 are 2001');
  assert.deepEqual(await wire.result('runs.record_turns', many(203)), {
    run_id,
    base_index: 1_797,
    count: 203,
    ok: true,
  });
  assert.deepEqual(await wire.result('runs.record_turns', many(1)), refused);
  const indices = linesOf(daemon, 'worker', run_id).flatMap((record) => (record.record === 'turn' ? record.index : []));
  assert.deepEqual(
    indices,
    Array.from({ length: 2_000 }, (_, index) => index),
  );
});

// req: runs.turn-too-large
test('a batch with a turn that stays too large is dropped whole', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'i' });
  const turns = [{ tool: 'small' }, { cli_outcome: 'x'.repeat(300_000) }];
  assert.deepEqual(await agent.runs.record_turns({ run_id, turns }), {
    run_id,
    base_index: 0,
    count: 0,
    ok: false,
    dropped: 'turn_too_large',
  });
  assert.equal(linesOf(daemon, 'worker', run_id).length, 1);
});

// req: runs.complete, runs.terminal-once
test('a run is completed once, by a decodable outcome, and the answers to the rest are to the letter', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'i' });
  await assert.rejects(agent.runs.complete({ run_id: 'nope', outcome: success }), {
    message: /^unknown run_id `nope`$/,
  });
  await assert.rejects(agent.runs.complete({ run_id, outcome: { status: 'splendid' } as never }), { code: -32602 });
  await assert.rejects(agent.call('runs.complete', { run_id } as never), { code: -32602 });
  const outcome = {
    status: 'failure' as const,
    tools_called: 3,
    metrics: { turns: 2, unknown: 1 },
    evidence: [{ a: [1] }, 'b'],
  };
  assert.deepEqual(await agent.runs.complete({ run_id, outcome }), { run_id, ok: true });
  await assert.rejects(agent.runs.complete({ run_id, outcome: success }), {
    message: `run \`${run_id}\` is already terminal — cannot record another outcome`,
  });
  const end = linesOf(daemon, 'worker', run_id).at(-1);
  assert.ok(end?.record === 'ended' && end.termination.kind === 'outcome');
  const { timestamp, ...rest } = end.termination.outcome;
  assert.deepEqual(rest, {
    status: 'failure',
    summary: '',
    evidence: [{ a: [1] }, 'b'],
    metrics: { turns: 2, tool_calls: 0, duration_ms: 0, retries: 0, actions_succeeded: 0, actions_failed: 0 },
  });
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
  const { runs } = await agent.runs.list({ agent_id: 'worker' });
  assert.equal(runs[0]?.status, 'completed', 'any outcome completes');
});

// req: runs.recorder, runs.current-run
test('every action of a plan becomes a turn of the run that was open when it was submitted', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  await agent.registerTool('say', {}, ({ text }) => text);
  await agent.registerTool('give', {}, () => ({ n: 1 }));
  await agent.registerTool('fail', {}, () => Promise.reject(new Error('broken')));
  await agent.policy.register({ name: 'p', rule: 'deny_tool', target: 'denied' });
  await agent.registerTool('denied', {}, () => 1);
  const submit = (actions: object[]) => agent.proposal.submit({ proposal: { actions: actions as never } });
  await submit([{ type: 'tool_call', tool: 'give' }]);

  const { run_id } = await agent.runs.start({ intent: 'i' });
  const { results } = await submit([
    { type: 'tool_call', tool: 'say', parameters: { text: 'hello', prompt: 'what now?' } },
    { type: 'tool_call', tool: 'give' },
    { type: 'tool_call', tool: 'denied', failure_behavior: 'skip' },
    { type: 'state_write', parameters: { key: 'k', value: 1 } },
    { type: 'tool_call', tool: 'fail' },
    { type: 'tool_call', tool: 'say' },
  ]);
  const turns = linesOf(daemon, 'worker', run_id).slice(1);
  const shown = turns.map((record) => {
    assert.ok(record.record === 'turn');
    const { recorded_at: _at, action: _action, ...turn } = record;
    return turn;
  });
  const base = { record: 'turn', verifier_verdict: 'not_run', policy_rejected: false };
  assert.deepEqual(shown.slice(0, 2), [
    {
      ...base,
      index: 0,
      prompt: 'what now?',
      tool: 'say',
      parameters: { text: 'hello', prompt: 'what now?' },
      output: 'hello',
    },
    { ...base, index: 1, tool: 'give', parameters: {}, output: '{"n":1}' },
  ]);
  assert.deepEqual(
    shown.map(({ tool, policy_rejected }) => [tool, policy_rejected]),
    [
      ['say', false],
      ['give', false],
      ['denied', true],
      ['state_write', false],
      ['fail', false],
      ['say', false],
    ],
  );
  assert.match(String(shown[4]?.output), /broken/);
  assert.deepEqual(results.length, 6);

  await agent.runs.complete({ run_id, outcome: success });
  await submit([{ type: 'tool_call', tool: 'give' }]);
  assert.equal(linesOf(daemon, 'worker', run_id).length, 8, 'nothing behind the end');
});

// req: runs.recorder
test('a plan that its run has no room for is answered all the same', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  await agent.registerTool('t', {}, () => 1);
  const { run_id } = await agent.runs.start({ intent: 'i' });
  for (let n = 0; n < 10; n++) {
    await agent.runs.record_turns({ run_id, turns: Array.from({ length: n < 9 ? 222 : 1 }, () => ({})) });
  }
  const actions = [
    { type: 'tool_call' as const, tool: 't' },
    { type: 'tool_call' as const, tool: 't', parameters: { n: 1 } },
  ];
  const { results } = await agent.proposal.submit({ proposal: { actions } });
  assert.deepEqual(
    results.map(({ status }) => status),
    ['succeeded', 'succeeded'],
  );
  assert.equal(linesOf(daemon, 'worker', run_id).length, 1 + 1_999);
});

// req: runs.unsubscribe, runs.resubscribe
test('unsubscribing twice, or from a run that there is not, removes nothing and is no error', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const stranger = await daemon.connect();
  const { run_id } = await agent.runs.start({ intent: 'i' });
  await using events = agent.events('runs.trace.event');
  await agent.runs.subscribe({ run_id });
  await agent.runs.subscribe({ run_id });
  await agent.runs.record_turns({ run_id, turns: [{}] });
  await turnOver();
  assert.deepEqual((await eventsOf(events)).length, 1, 'a repeated subscription takes the place of the first');
  assert.deepEqual(await stranger.runs.unsubscribe({ run_id }), { run_id, removed: false });
  assert.deepEqual(await agent.runs.unsubscribe({ run_id }), { run_id, removed: true });
  assert.deepEqual(await agent.runs.unsubscribe({ run_id }), { run_id, removed: false });
  assert.deepEqual(await agent.runs.unsubscribe({ run_id: 'nope' }), { run_id: 'nope', removed: false });
  await agent.runs.record_turns({ run_id, turns: [{}] });
  await turnOver();
  assert.deepEqual(await eventsOf(events), []);
});

// req: runs.trace-offset
test('a trace begins at an offset into the records, of which the first is the start', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'i' });
  await agent.runs.record_turns({ run_id, turns: [{ tool: 'a' }, { tool: 'b' }] });
  const kindsFrom = async (cursor?: number): Promise<string[]> => {
    const trace = await agent.runs.get_trace({ run_id, ...(cursor !== undefined && { cursor }) });
    assert.ok('records' in trace);
    assert.equal(trace.cursor, cursor ?? 0);
    return trace.records.map(({ record }) => record);
  };
  assert.deepEqual(await kindsFrom(), ['started', 'turn', 'turn']);
  assert.deepEqual(await kindsFrom(2), ['turn']);
  assert.deepEqual(await kindsFrom(9), []);
  await assert.rejects(agent.runs.get_trace({ run_id, cursor: -1 }), { code: -32602 });
  assert.deepEqual(await agent.runs.get_trace({ run_id: 'nope' }), { run_id: 'nope', not_found: true });
});

// req: runs.resume
test('a subscriber that says how far it came gets what is behind that, and the end of a run that has ended', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'i' });
  await agent.runs.record_turns({ run_id, turns: [{ tool: 'a' }, { tool: 'b' }, { tool: 'c' }] });
  const resumed = async (after: number) => {
    const { turns_so_far, cursor, status, delivery, ended } = await agent.runs.subscribe({ run_id, after });
    return [turns_so_far.map(({ index }) => index), cursor, status, delivery, ended?.termination.kind];
  };
  for (const isEnded of [false, true]) {
    const [status, end] = isEnded ? ['completed', 'outcome'] : ['in_progress', undefined];
    if (isEnded) await agent.runs.complete({ run_id, outcome: success });
    assert.deepEqual(await resumed(0), [[0, 1, 2], 3, status, 'snapshot', end]);
    assert.deepEqual(await resumed(2), [[2], 3, status, 'replayed', end]);
    assert.deepEqual(await resumed(3), [[], 3, status, 'replayed', end]);
    assert.deepEqual(await resumed(4), [[0, 1, 2], 3, status, 'reset', end]);
  }
  const plain = await agent.runs.subscribe({ run_id });
  assert.deepEqual(Object.keys(plain).toSorted(), ['agent_id', 'cursor', 'run_id', 'status', 'turns_so_far']);
});
