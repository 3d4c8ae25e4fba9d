// Every method with every caller: what the matrix of the contract says is what the daemon answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { callers, methods, toRoleMatrix, type Answer, type Caller } from '@car-runtime/protocol';
import { serve, type As, type TestDaemon } from '@car-runtime/testkit';
import { HostWire } from './host-wire.ts';

const roles: Readonly<Record<Caller, As>> = {
  unauthenticated: 'none',
  agent: { agent: 'owner' },
  'other agent': { agent: 'other' },
  client: 'client',
  host: 'host',
};
const matrix = toRoleMatrix(methods);

/** Refusals before the handler; whatever the handler says to params that no method takes is an answer. */
async function gateOf(daemon: TestDaemon, as: As, method: string): Promise<Answer> {
  const wire = await daemon.peer({ as });
  const { error } = await wire.call(method, method === 'tools.register' ? {} : []);
  await wire.close();
  const reason = error?.data?.['reason'];
  return reason === 'forbidden' || reason === 'auth_required' ? reason : 'answered';
}

// req: security.role-matrix
test('every method answers or refuses every caller as the matrix says', async () => {
  await using daemon = serve();
  for (const caller of callers) {
    const answers: [string, Answer][] = [];
    const expected: [string, Answer][] = [];
    for (const [method, row, { ownership }] of matrix) {
      // What its handler asks besides is tried below, with an object that belongs to somebody.
      if (ownership && caller !== 'unauthenticated') continue;
      answers.push([method, await gateOf(daemon, roles[caller], method)]);
      expected.push([method, row[caller]]);
    }
    assert.deepEqual(answers, expected, caller);
  }
});

// req: security.role-matrix
test('with strict roles what takes a command, a path or an endpoint is for hosts alone', async () => {
  await using daemon = serve({ config: { strictRoles: true } });
  const strict = matrix.filter(([, , { takesCommand }]) => takesCommand).map(([method]) => method);
  assert.ok(strict.includes('vision.ocr'));
  for (const method of strict) {
    assert.equal(await gateOf(daemon, 'client', method), 'forbidden', method);
    assert.equal(await gateOf(daemon, 'host', method), 'answered', method);
  }
});

type Calls = readonly [method: string, paramsOf: () => object | Promise<object>][];

/** What belongs to the agent `owner`, or is about it, in the order in which nothing is taken away that is still asked for. What
 *  can be ended only once is made anew for each caller. */
async function ownedCalls(daemon: TestDaemon, owner: HostWire): Promise<Calls> {
  const { run_id } = await owner.call<{ run_id: string }>('runs.start', { intent: 'x' });
  await owner.call('host.register_agent', { id: 'a', name: 'A', kind: 'test' });
  await owner.call('host.register_device', { id: 'd', name: 'D', platform: 'test' });
  const host = await daemon.connect({ as: 'host' });
  await host.agents.upsert({ id: 'owner', name: 'Owner', command: process.execPath });
  const helper = await daemon.connect({ as: { agent: 'helper' } });
  helper.onCallback('agent.chat', () => ({ accepted: true }));
  helper.onCallback('agent.chat.approve', () => ({ resolved: true }));
  const client = await daemon.connect();
  const { session_id } = await client.agents.chat({ agent_id: 'helper', prompt: 'p' });
  const risky = { id: 'r', type: 'tool_call' as const, tool: 'send_email' };
  await client.proposal.submit({ proposal: { actions: [risky] } });
  const [asked] = (await host.host.approvals({ status: 'pending' })).approvals;
  return [
    ['runs.subscribe', () => ({ run_id })],
    ['runs.list', () => ({ agent_id: 'owner' })],
    ['runs.get_trace', () => ({ run_id })],
    ['runs.plans', () => ({ run_id })],
    ['runs.diff', () => ({ a: run_id, b: run_id })],
    ['runs.export', () => ({ run_id })],
    ['runs.record_turns', () => ({ run_id, turns: [{ tool: 't' }] })],
    ['host.set_status', () => ({ agent_id: 'a', status: 'running' })],
    ['host.update_device', () => ({ device_id: 'd', name: 'D' })],
    ['host.unregister_agent', () => ({ agent_id: 'a' })],
    ['agents.tail_log', () => ({ id: 'owner' })],
    ['agents.watch_log', () => ({ id: 'owner' })],
    ['budget.extend', async () => ({ name: await newBudget(host), agent: 'owner', add: { tool_calls: 1 } })],
    ['agents.chat.approve', () => ({ session_id, approval_id: 'p', decision: true })],
    ['host.resolve_approval', () => ({ approval_id: asked?.id, resolution: 'deny' })],
    ['agents.chat.cancel', () => owner.call<object>('agents.chat', { agent_id: 'helper', prompt: 'p' })],
    ['runs.complete', async () => ({ ...(await started(owner)), outcome: { status: 'success' } })],
    ['runs.start', () => ({ agent_id: 'owner', intent: 'x' })],
  ];
}

let budgets = 0;

/** One that nobody was asked about yet. */
async function newBudget(host: Client): Promise<string> {
  const name = `b${budgets++}`;
  await host.budget.set({ name, agent: '*', per: 'day', limits: { tool_calls: 5 } });
  return name;
}

const started = (owner: HostWire): Promise<object> => owner.call<object>('runs.start', { intent: 'x' });

// req: security.role-matrix
test('what belongs to an agent or its connection is answered to whom the matrix names, and to nobody else', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon, roles.agent);
  const calls = await ownedCalls(daemon, owner);
  const owned = matrix.filter(([, , { ownership }]) => ownership);
  assert.deepEqual(
    calls.map(([method]) => method).toSorted(),
    owned.map(([method]) => method),
  );
  const wires = new Map<Caller, HostWire>([['agent', owner]]);
  for (const caller of ['other agent', 'client', 'host'] as const) {
    wires.set(caller, await HostWire.connect(daemon, roles[caller]));
  }
  const outcomeOf = async (wire: HostWire, method: string, params: object): Promise<Answer> => {
    try {
      const result = await wire.call<{ dropped?: string }>(method, params);
      return result.dropped === undefined ? 'answered' : 'not_owner';
    } catch (error) {
      return (error as { data?: { reason?: string } }).data?.reason === 'forbidden' ? 'forbidden' : 'not_owner';
    }
  };
  for (const [method, paramsOf] of calls) {
    const row = owned.find(([name]) => name === method)?.[1];
    // The owner last: it may take the object away.
    for (const caller of ['other agent', 'client', 'host', 'agent'] as const) {
      const wire = wires.get(caller) as HostWire;
      assert.equal(await outcomeOf(wire, method, await paramsOf()), row?.[caller], `${method} as ${caller}`);
    }
  }
});

// req: security.role-matrix
test('agents reach nothing that decides for people, governs them, or takes a command or a path of the host', () => {
  const forbidden = matrix.filter(([, { agent }]) => agent === 'forbidden').map(([method]) => method);
  const must = [
    'host.resolve_approval',
    'permission.set_tier',
    'permission.approve',
    'permission.reject',
    'agent_permissions.set',
    'agent_permissions.set_default',
    'agent_permissions.reset',
    'agents.upsert',
    'agents.install',
    'agents.remove',
    'agents.start',
    'agents.stop',
    'agents.restart',
    'session.bindSandbox',
    'supervision.subscribe',
    'supervision.decide',
    'vision.ocr',
    'automation.run_applescript',
    'automation.run_powershell',
    'automation.shortcuts.run',
  ];
  assert.deepEqual(
    must.filter((method) => !forbidden.includes(method)),
    [],
  );
});
