// Supervisors that die, hang, answer late and flood, on real sockets; and the sessions that must not notice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { openDaemon, type TestDaemon, type Wire } from '@car-runtime/testkit';

const plan = { proposal: { actions: [{ type: 'state_write' as const, parameters: { key: 'k', value: 1 } }] } };
const decisionTimeoutMs = 300;

async function supervise(daemon: TestDaemon, filter: object): Promise<Wire> {
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('supervision.subscribe', { filter });
  return wire;
}

/** A session that nobody supervises, and that goes about its work. */
async function works(client: Client, times: number): Promise<void> {
  for (let n = 0; n < times; n++) assert.equal((await client.proposal.submit(plan)).results[0]?.status, 'succeeded');
}

async function sessions(daemon: TestDaemon) {
  const [watched, other] = [await daemon.connect({ as: { agent: 'a1' } }), await daemon.connect()];
  const filter = { sessions: [(await watched.session.init()).session_id] };
  return { watched, other, filter };
}

const refusal = async (submitted: ReturnType<Client['proposal']['submit']>) => (await submitted).results[0]?.error;

// req: supervision.dies, supervision.timeout
test('a supervisor that dies in the middle leaves its plan to the timeout, or to the one that follows', async () => {
  await using daemon = await openDaemon('tcp', { supervisionLimits: { decisionTimeoutMs } });
  const { watched, other, filter } = await sessions(daemon);
  const dying = await supervise(daemon, filter);
  const submitted = watched.proposal.submit(plan);
  assert.equal((await dying.next()).method, 'supervision.intent');
  dying.channel.terminate();
  await works(other, 20);
  assert.equal(await refusal(submitted), 'no supervisor decided within 0.3 s');
  assert.equal(await watched.state.exists({ key: 'k' }), false);
});

// req: supervision.hangs
test('a supervisor that hangs fails its plans closed, and its late answers change nothing', async () => {
  await using daemon = await openDaemon('tcp', { supervisionLimits: { decisionTimeoutMs } });
  const { watched, other, filter } = await sessions(daemon);
  const hanging = await supervise(daemon, filter);
  const submitted = [watched.proposal.submit(plan), watched.proposal.submit(plan)];
  await works(other, 20);
  for (const one of submitted) assert.equal(await refusal(one), 'no supervisor decided within 0.3 s');
  for (const _ of submitted) {
    const { params } = await hanging.next();
    hanging.sendJson({
      jsonrpc: '2.0',
      id: String(params?.['id']),
      method: 'supervision.decide',
      params: { intent_id: params?.['id'], decision: { kind: 'allow' } },
    });
  }
  for (const _ of submitted) assert.equal((await hanging.next()).error?.data?.['reason'], 'intent_ended');
  assert.equal(await watched.state.exists({ key: 'k' }), false);
});

// req: supervision.floods
test('a supervisor that floods the daemon with decisions gets an error for each, and others work on', async () => {
  await using daemon = await openDaemon('tcp');
  const { watched, other, filter } = await sessions(daemon);
  const flooding = await supervise(daemon, filter);
  const submitted = watched.proposal.submit(plan);
  const { params } = await flooding.next();
  const decisions = 5_000;
  for (let n = 0; n < decisions; n++) {
    const decision = { kind: n % 2 === 0 ? 'deny' : 'allow', reason: 'flood' };
    flooding.sendJson({
      jsonrpc: '2.0',
      id: n,
      method: 'supervision.decide',
      params: { intent_id: n === 2_500 ? params?.['id'] : `intent-${n}`, decision },
    });
  }
  await works(other, 50);
  const refused = new Set<unknown>();
  const decided: unknown[] = [];
  for (let n = 0; n < decisions; n++) {
    const { error, id } = await flooding.next();
    if (error) refused.add(error.data?.['reason']);
    else decided.push(id);
  }
  assert.deepEqual([[...refused], decided], [['unknown_intent'], [2_500]]);
  assert.equal(await refusal(submitted), 'denied by a supervisor: flood');
  await works(other, 1);
});
