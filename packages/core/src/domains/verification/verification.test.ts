import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CarError } from '@car-runtime/client';
import type { ActionProposal } from '@car-runtime/protocol';
import { serve, type TestDaemon } from '@car-runtime/testkit';

async function connectWithTool(daemon: TestDaemon) {
  const client = await daemon.connect();
  let calls = 0;
  await client.registerTool(
    'send',
    { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] },
    () => ++calls,
  );
  return { client, callsMade: () => calls };
}

const plan: ActionProposal = {
  id: 'p',
  actions: [
    { id: 'a', type: 'tool_call', tool: 'send', parameters: { to: 'ann' }, expected_effects: { sent: true } },
    { id: 'b', type: 'state_write', parameters: { key: 'k', value: 1 }, state_dependencies: ['sent', 'ready'] },
  ],
};

// req: verify.report, verify.nothing-runs
test('verify checks a plan against the session’s tools and state, and runs nothing', async () => {
  await using daemon = serve();
  const { client, callsMade } = await connectWithTool(daemon);
  const before = await client.verify({ proposal: plan });
  assert.equal(before.valid, false);
  assert.match(before.issues[0]?.message ?? '', /state dependency 'ready' not found/);
  assert.deepEqual(before.execution_levels, [['a'], ['b']]);
  await client.state.set({ key: 'ready', value: true });
  const after = await client.verify({ proposal: plan });
  assert.deepEqual([after.valid, after.simulated_state], [true, { ready: true, sent: true, k: 1 }]);
  const given = await client.verify({ proposal: plan, initial_state: {} });
  assert.equal(given.valid, false, 'a given state takes the place of the session’s');
  assert.equal(callsMade(), 0);
});

// req: verify.findings
test('verify names the action and what is wrong with it', async () => {
  await using daemon = serve();
  const { client } = await connectWithTool(daemon);
  const messagesOf = async (actions: ActionProposal['actions']) =>
    (await client.verify({ proposal: { actions } })).issues.map(({ action_id, severity, message }) => [
      action_id,
      severity,
      message,
    ]);
  assert.deepEqual(await messagesOf([{ id: 'x', type: 'tool_call', tool: 'nope' }]), [
    ['x', 'error', "tool 'nope' is not registered"],
  ]);
  const [[id, severity, message] = []] = await messagesOf([
    { id: 'y', type: 'tool_call', tool: 'send', parameters: { to: 7 } },
  ]);
  assert.deepEqual([id, severity], ['y', 'error']);
  assert.match(String(message), /to.*string/);
});

// req: verify.monte-carlo
test('verify.monte_carlo answers the same call with the same bytes, and caller rates go first', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('tools.register', [{ name: 'send' }]);
  const goal = { type: 'state_predicate', key: 'sent', value: true };
  const params = {
    proposal: plan,
    initial_state: { ready: 1 },
    goal,
    tool_success_rates: { send: 0.9 },
    config: { trials: 500, seed: 7 },
  };
  const [first, second] = [
    await wire.result('verify.monte_carlo', params),
    await wire.result('verify.monte_carlo', params),
  ];
  assert.equal(JSON.stringify(first), JSON.stringify(second));
  const report = first as {
    trials: number;
    p_goal_reached: number;
    rate_provenance: { tools: { rate: number; source: string }[] };
  };
  assert.equal(report.trials, 500);
  assert.ok(report.p_goal_reached > 0.8 && report.p_goal_reached < 1, String(report.p_goal_reached));
  assert.deepEqual(
    report.rate_provenance.tools.map(({ rate, source }) => [rate, source]),
    [[0.9, 'caller']],
  );
});

// req: verify.siblings
test('simulate, equivalent, optimize, transaction_check and evaluate_goal answer over the wire', async () => {
  await using daemon = serve();
  const { client } = await connectWithTool(daemon);
  const { state, actions } = await client.simulate({ proposal: plan });
  assert.deepEqual([state, actions.map(({ status }) => status)], [{ sent: true }, ['succeeded', 'rejected']]);
  assert.equal((await client.equivalent({ left: plan, right: plan })).equivalent, true);
  const { removed, proposal } = await client.optimize({ proposal: plan });
  assert.deepEqual(removed, [{ action_id: 'b', key: 'ready' }]);
  assert.deepEqual(
    proposal.actions.map(({ id }) => id),
    ['a', 'b'],
  );
  const assuming = {
    actions: [
      {
        id: 'c',
        type: 'state_read' as const,
        parameters: { key: 'k' },
        assumptions: [{ key: 'k', expected_value: 1 }],
      },
    ],
  };
  assert.equal((await client.transaction_check({ proposal: assuming })).ok, false);
  await client.state.set({ key: 'k', value: 1 });
  assert.equal((await client.transaction_check({ proposal: assuming })).ok, true);
  const goal = { type: 'all_of', conditions: [{ type: 'state_predicate', key: 'k', value: 1 }, { type: 'judge' }] };
  assert.deepEqual(await client.evaluate_goal({ goal }), { met: false, underivable: ['goal.conditions[1]: judge'] });
});

// req: proposal.malformed
test('a malformed plan is refused by name of the action and field, and nothing of it runs', async () => {
  await using daemon = serve();
  const { client, callsMade } = await connectWithTool(daemon);
  const send = { type: 'tool_call' as const, tool: 'send', parameters: { to: 'ann' } };
  const cases: [ActionProposal, RegExp][] = [
    [
      {
        actions: [
          { ...send, id: 'a' },
          { ...send, id: 'a' },
        ],
      },
      /"a"/,
    ],
    [{ actions: [{ ...send, id: 'a', dependencies: ['a'] }] }, /"a"/],
    [{ actions: [send, { ...send, type: 'tool-call' as never }] }, /proposal\.actions\[1\]\.type/],
    [{ actions: [{ ...send, timeout_ms: 'soon' as never }] }, /proposal\.actions\[0\]\.timeout_ms/],
    [{} as never, /proposal\.actions/],
  ];
  for (const [proposal, message] of cases) {
    for (const method of ['proposal.submit', 'verify'] as const) {
      await assert.rejects(
        client.call(method, { proposal }),
        (error) => error instanceof CarError && error.code === -32602 && message.test(error.message),
      );
    }
  }
  assert.equal(callsMade(), 0);
});
