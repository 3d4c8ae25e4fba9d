// Every method with every caller: what the matrix of the contract says is what the daemon answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
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

/** Params about what the agent `owner` has, in the order in which nothing is taken away that is still asked for. */
function ownedCalls(run_id: string): [method: string, params: object][] {
  return [
    ['runs.subscribe', { run_id }],
    ['runs.list', { agent_id: 'owner' }],
    ['runs.get_trace', { run_id }],
    ['runs.plans', { run_id }],
    ['runs.diff', { a: run_id, b: run_id }],
    ['runs.export', { run_id }],
    ['runs.record_turns', { run_id, turns: [{ tool: 't' }] }],
    ['host.set_status', { agent_id: 'a', status: 'running' }],
    ['host.update_device', { device_id: 'd', name: 'D' }],
    ['host.unregister_agent', { agent_id: 'a' }],
    ['runs.complete', { run_id, outcome: { status: 'success' } }],
  ];
}

// req: security.role-matrix
test('what belongs to an agent or its connection is answered to whom the matrix names, and to nobody else', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon, roles.agent);
  const { run_id } = await owner.call<{ run_id: string }>('runs.start', { intent: 'x' });
  await owner.call('host.register_agent', { id: 'a', name: 'A', kind: 'test' });
  await owner.call('host.register_device', { id: 'd', name: 'D', platform: 'test' });
  const calls = ownedCalls(run_id);
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
      return (error as { data: { reason: string } }).data.reason === 'forbidden' ? 'forbidden' : 'not_owner';
    }
  };
  for (const [method, params] of calls) {
    const row = owned.find(([name]) => name === method)?.[1];
    // The owner last: it may take the object away.
    for (const caller of ['other agent', 'client', 'host', 'agent'] as const) {
      // A run ends once: each caller has one of its own to end.
      const fresh = method === 'runs.complete' ? await owner.call<object>('runs.start', { intent: 'x' }) : {};
      assert.equal(
        await outcomeOf(wires.get(caller) as HostWire, method, { ...params, ...fresh }),
        row?.[caller],
        `${method} as ${caller}`,
      );
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
