import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { serve, type TestDaemon } from '@car-runtime/testkit';

const success = { status: 'success' } as const;
const secret = 'the-secret-intent';

/** A run of agent `owner` with one turn, and everybody who may want something of it. */
async function createScene(daemon: TestDaemon) {
  const owner = await daemon.connect({ as: { agent: 'owner' } });
  const { run_id } = await owner.runs.start({ intent: secret });
  await owner.runs.record_turns({ run_id, turns: [{ prompt: secret }] });
  const callers: [string, Client][] = [
    ['owner', owner],
    ['other agent', await daemon.connect({ as: { agent: 'other' } })],
    ['client', await daemon.connect()],
    ['host', await daemon.connect({ as: 'host' })],
  ];
  return { run_id, callers, owner };
}

/** What came of a call, in a word. No refusal tells what is in a run. */
async function outcomeOf(call: Promise<object>): Promise<string> {
  try {
    const result = await call;
    return 'dropped' in result ? String(result.dropped) : 'done';
  } catch (error) {
    const { message, code, reason } = error as Error & { code: number; reason: string };
    assert.equal(code, -32603);
    assert.ok(!message.includes(secret));
    return reason;
  }
}

async function outcomes(callers: [string, Client][], call: (client: Client) => Promise<object>): Promise<string[]> {
  const all: string[] = [];
  for (const [name, client] of callers) all.push(`${name}: ${await outcomeOf(call(client))}`);
  return all;
}

const readers = ['owner: done', 'other agent: forbidden', 'client: forbidden', 'host: done'];

// req: runs.authorization
test('the agent of a run and the host read it, and nobody else', async () => {
  await using daemon = serve();
  const { run_id, callers } = await createScene(daemon);
  assert.deepEqual(await outcomes(callers, (client) => client.runs.subscribe({ run_id })), readers);
  assert.deepEqual(await outcomes(callers, (client) => client.runs.list({ agent_id: 'owner' })), readers);
  assert.deepEqual(await outcomes(callers, (client) => client.runs.get_trace({ run_id })), readers);
  assert.deepEqual(await outcomes(callers, (client) => client.runs.export({ run_id })), readers);
  assert.deepEqual(await outcomes(callers, (client) => client.runs.diff({ a: run_id, b: run_id })), readers);
  assert.deepEqual(await outcomes(callers, (client) => client.runs.search({ agent_id: 'owner' })), readers);
  assert.deepEqual(await outcomes(callers, (client) => client.runs.search({})), [
    'owner: done',
    'other agent: done',
    'client: forbidden',
    'host: done',
  ]);
  const [, [, other] = []] = callers;
  assert.deepEqual(await other?.runs.search({}), { runs: [] }, 'only its own');
  for (const [, client] of callers) {
    const { removed } = await client.runs.unsubscribe({ run_id });
    assert.equal(removed, client === callers[0]?.[1] || client === callers[3]?.[1]);
  }
});

// req: runs.authorization
test('only the agent of a run writes its turns; to everybody else there is no such run, not even once it has ended', async () => {
  await using daemon = serve();
  const { run_id, callers, owner } = await createScene(daemon);
  const record = (client: Client) => client.runs.record_turns({ run_id, turns: [{}] });
  const hidden = ['other agent: run_not_found', 'client: run_not_found', 'host: run_not_found'];
  assert.deepEqual(await outcomes(callers, record), ['owner: done', ...hidden]);
  await owner.runs.complete({ run_id, outcome: success });
  assert.deepEqual(await outcomes(callers, record), ['owner: run_terminal', ...hidden]);
  assert.equal(await outcomeOf(owner.runs.record_turns({ run_id: 'nope', turns: [{}] })), 'run_not_found');
});

// req: runs.authorization
test('everybody starts and completes runs, but an agent only its own', async () => {
  await using daemon = serve();
  const { callers, owner } = await createScene(daemon);
  const starts = await outcomes(callers, (client) => client.runs.start({ intent: 'i', agent_id: 'owner' }));
  assert.deepEqual(starts, ['owner: done', 'other agent: forbidden', 'client: done', 'host: done']);
  const completes = await outcomes(callers, async (client) => {
    const { run_id } = await owner.runs.start({ intent: 'i' });
    return await client.runs.complete({ run_id, outcome: success });
  });
  assert.deepEqual(completes, ['owner: done', 'other agent: run_not_found', 'client: done', 'host: done']);
});

// req: runs.authorization
test('without a host token nobody has the host role, and only owners read', async () => {
  await using daemon = serve({ auth: false });
  const client = await daemon.connect();
  const { run_id } = await client.runs.start({ intent: 'i', agent_id: 'a' });
  await assert.rejects(client.runs.list({ agent_id: 'a' }), { reason: 'forbidden' });
  await assert.rejects(client.runs.get_trace({ run_id }), { reason: 'forbidden' });
  await assert.rejects(client.runs.subscribe({ run_id }), { reason: 'forbidden' });
});
