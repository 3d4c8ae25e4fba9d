// What runs.* answers and announces, member by member, and what the current run of a connection is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { createMemoryPair } from '@car-runtime/rpc';
import { serve, Wire } from '@car-runtime/testkit';

const success = { status: 'success' } as const;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The value with every time in it replaced, so that the rest can be compared whole. */
function timeless(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, held) => (typeof held === 'string' && time.test(held) ? 'T' : held)));
}

// req: runs.start-errors
test('a run needs an intent, and an agent that the message says how to name', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  for (const intent of [undefined, '', null, 7]) {
    const { code, message } = await wire.error('runs.start', { intent, agent_id: 'a' });
    assert.deepEqual([code, /intent/.test(message)], [-32602, true], String(intent));
  }
  const { message } = await wire.error('runs.start', { intent: 'i' });
  assert.ok(message.includes('agent_id') && message.includes('agent_name'), message);
});

// req: runs.event-shape, runs.answer-first
test('an event has five members and the record as it is on disk; the answer of the subscription comes before any', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: { agent: 'worker' } });
  const { run_id } = (await wire.result('runs.start', { intent: 'i' })) as { run_id: string };
  wire.sendJson({ jsonrpc: '2.0', id: 'subscribe', method: 'runs.subscribe', params: { run_id } });
  const turns = [{ tool: 'a', parameters: null, output: 'x' }];
  wire.sendJson({ jsonrpc: '2.0', id: 'record', method: 'runs.record_turns', params: { run_id, turns } });
  wire.sendJson({ jsonrpc: '2.0', id: 'end', method: 'runs.complete', params: { run_id, outcome: success } });
  const frames = [];
  while (frames.length < 5) frames.push(await wire.next());
  assert.equal(frames[0]?.id, 'subscribe');
  const about = { run_id, agent_id: 'worker' };
  const outcome = {
    status: 'success',
    summary: '',
    evidence: [],
    metrics: { turns: 0, tool_calls: 0, duration_ms: 0, retries: 0, actions_succeeded: 0, actions_failed: 0 },
    timestamp: 'T',
  };
  const turn = { record: 'turn', index: 0, tool: 'a', output: 'x', verifier_verdict: 'not_run', recorded_at: 'T' };
  const ended = { record: 'ended', ...about, termination: { kind: 'outcome', outcome }, ended_at: 'T' };
  assert.deepEqual(
    frames.filter(({ method }) => method === 'runs.trace.event').map(({ params }) => timeless(params)),
    [
      { ...about, record: turn, cursor: 1, status: 'in_progress' },
      { ...about, record: ended, cursor: 1, status: 'completed' },
    ],
  );
  const { records } = (await wire.result('runs.get_trace', { run_id })) as { records: object[] };
  assert.deepEqual(timeless(records), [{ record: 'started', ...about, intent: 'i', started_at: 'T' }, turn, ended]);
});

// req: runs.summary, runs.status
test('a list has a summary of each run; any outcome completes one, and its end is there once it has one', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  assert.deepEqual(await agent.runs.list({ agent_id: 'worker' }), { agent_id: 'worker', runs: [] });
  const { run_id } = await agent.runs.start({ intent: 'open' });
  await agent.runs.record_turns({ run_id, turns: [{}, {}] });
  const about = { run_id, agent_id: 'worker', intent: 'open', started_at: 'T', status: 'in_progress', turn_count: 2 };
  assert.deepEqual(timeless((await agent.runs.list({ agent_id: 'worker' })).runs), [about]);
  for (const status of ['success', 'partial_success', 'give_up', 'timeout', 'failure', 'done'] as const) {
    const one = await agent.runs.start({ intent: status });
    await agent.runs.complete({ run_id: one.run_id, outcome: { status } });
    const { runs } = await agent.runs.list({ agent_id: 'worker' });
    assert.deepEqual(
      timeless(runs.find(({ intent }) => intent === status)),
      { ...one, intent: status, started_at: 'T', ended_at: 'T', status: 'completed', turn_count: 0, outcome: status },
      status,
    );
  }
});

// req: runs.second-start
test('a second run becomes the current one while the first stays open; ending the first leaves the second current', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const first = await agent.runs.start({ intent: 'first' });
  const second = await agent.runs.start({ intent: 'second' });
  const act = () =>
    agent.proposal.submit({ proposal: { actions: [{ type: 'state_read', parameters: { key: 'k' } }] } });
  await act();
  await agent.runs.complete({ run_id: first.run_id, outcome: success });
  await act();
  await agent.runs.complete({ run_id: second.run_id, outcome: success });
  await act();
  const { runs } = await agent.runs.list({ agent_id: 'worker' });
  assert.deepEqual(
    new Map(runs.map(({ intent, turn_count }) => [intent, turn_count])),
    new Map([
      ['first', 0],
      ['second', 2],
    ]),
  );
});

// req: runs.drop-order
test('a full run that has ended drops turns as ended, not as full', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'i' });
  for (let n = 0; n < 8; n++) await agent.runs.record_turns({ run_id, turns: Array.from({ length: 250 }, () => ({})) });
  const late = async () => (await agent.runs.record_turns({ run_id, turns: [{}] })).dropped;
  assert.equal(await late(), 'run_turn_limit');
  await agent.runs.complete({ run_id, outcome: success });
  assert.equal(await late(), 'run_terminal');
});

// req: runs.recorder-order
test('what a plan came to is recorded before it is answered, and so before the end that follows', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: { agent: 'worker' } });
  const { run_id } = (await wire.result('runs.start', { intent: 'i' })) as { run_id: string };
  await wire.result('runs.subscribe', { run_id });
  const proposal = { actions: [{ type: 'state_read', parameters: { key: 'k' } }] };
  wire.sendJson({ jsonrpc: '2.0', id: 'submit', method: 'proposal.submit', params: { proposal } });
  const frames = [await wire.next(), await wire.next()];
  assert.deepEqual(new Set(frames.map(({ id, method }) => method ?? id)), new Set(['submit', 'runs.trace.event']));
  const { records } = (await wire.result('runs.get_trace', { run_id })) as { records: object[] };
  assert.equal(records.length, 2);
});

/** What everybody is told of a run. */
async function answersOn(run_id: string, callers: Record<string, Client>): Promise<unknown> {
  const said = async (call: Promise<unknown>): Promise<unknown> => {
    try {
      return timeless(await call);
    } catch (error) {
      return (error as Error).message;
    }
  };
  const answers = [];
  for (const [name, client] of Object.entries(callers)) {
    answers.push([
      name,
      await said(client.runs.complete({ run_id, outcome: success })),
      await said(client.runs.record_turns({ run_id, turns: [{}] })),
      await said(client.runs.subscribe({ run_id })),
      await said(client.runs.subscribe({ run_id, after: 0 })),
      await said(client.runs.get_trace({ run_id })),
      await said(client.runs.start({ intent: 'again', agent_id: 'worker', idempotency_key: run_id })),
    ]);
  }
  return answers;
}

// req: runs.headers-bounded
test('10 000 ended runs stay in memory; one that left it is answered for as before', async () => {
  await using daemon = serve();
  const callers = {
    owner: await daemon.connect({ as: { agent: 'worker' } }),
    stranger: await daemon.connect({ as: { agent: 'other' } }),
    client: await daemon.connect(),
    host: await daemon.connect({ as: 'host' }),
  };
  const { owner } = callers;
  const { run_id } = await owner.runs.start({ intent: 'first' });
  await owner.runs.record_turns({ run_id, turns: [{ tool: 'a' }] });
  await owner.runs.complete({ run_id, outcome: success });
  const before = await answersOn(run_id, callers);

  const [near, far] = createMemoryPair();
  daemon.state.createSession(far);
  await using wire = new Wire(near);
  await wire.result('session.auth', { token: daemon.authToken });
  for (let n = 0; n < 10_000; n += 500) {
    for (let at = n; at < n + 500; at++) {
      const start = { intent: 'i', agent_id: 'filler', idempotency_key: `f${at}` };
      wire.sendJson({ jsonrpc: '2.0', id: at, method: 'runs.start', params: start });
    }
    for (let at = 0; at < 500; at++) await wire.next();
    for (let at = n; at < n + 500; at++) {
      const end = { run_id: `f${at}`, outcome: success };
      wire.sendJson({ jsonrpc: '2.0', id: at, method: 'runs.complete', params: end });
    }
    for (let at = 0; at < 500; at++) await wire.next();
  }
  assert.deepEqual(await answersOn(run_id, callers), before);
});
