import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, testEnv, write } from '../test/support.ts';
import { equivalent, executeProposal, normalizeProposal, optimize, simulate, verify } from './index.ts';
import type { ActionInput, ProposalInput } from './index.ts';

const plan = (...actions: ActionInput[]) => normalizeProposal({ id: 'p', actions });
const skip = { failure_behavior: 'skip' } as const;

// req: engine.verify.blocked-effects
test('simulating tells what each action would come to and calls nothing', async () => {
  const { tools } = testEnv();
  const proposal = plan(
    write('a', 'k', 1),
    call('b', 'nope', { ...skip, expected_effects: { never: 1 } }),
    call('c', 'ok', { state_dependencies: ['k'], expected_effects: { j: 2 } }),
  );
  assert.deepEqual(await simulate(proposal, { tools, initialState: { i: 0 } }), {
    state: { i: 0, k: 1, j: 2 },
    actions: [
      { action_id: 'a', status: 'succeeded', error: null, state_changes: { k: 1 } },
      { action_id: 'b', status: 'rejected', error: "tool 'nope' is not registered", state_changes: {} },
      { action_id: 'c', status: 'succeeded', error: null, state_changes: { j: 2 } },
    ],
    execution_levels: [['a', 'b'], ['c']],
    tool_calls: 1,
  });
});

test('an assertion that fails takes back and skips as it would', async () => {
  const result = await simulate(
    plan(write('a', 'k', 1), { id: 'b', type: 'assertion', parameters: { key: 'k', value: 2 } }, call('c', 'ok')),
  );
  assert.deepEqual(
    result.actions.map(({ status, rolled_back }) => [status, rolled_back]),
    [
      ['succeeded', true],
      ['failed', undefined],
      ['skipped', undefined],
    ],
  );
  assert.deepEqual(result.state, {});
});

test('the answer of a tool stands as its reference, what state_read answers is known', async () => {
  const result = await simulate(
    plan(
      call('a', 'ok'),
      { id: 'r', type: 'state_read', parameters: { key: 'n' } },
      write('w', 'k', { from: ['$a.output', '$r.output'] }),
    ),
    { initialState: { n: 7 } },
  );
  assert.deepEqual(result.state, { n: 7, k: { from: ['$a.output', 7] } });
});

test('a detached call succeeds only where the tool can be started', async () => {
  const proposal = plan(call('a', 'ok', { invocation_mode: 'streaming' }));
  const status = async (canDetach?: (tool: string) => boolean) =>
    (await simulate(proposal, { canDetach })).actions[0]!.status;
  assert.deepEqual([await status(), await status((tool) => tool === 'ok')], ['failed', 'succeeded']);
});

// req: engine.equivalent
test('proposals that leave the same state behind are equivalent, whatever they call', async () => {
  const left = plan(write('a', 'k', 1), write('b', 'j', 2));
  const right = plan(write('x', 'j', 2), call('y', 'ok', { expected_effects: { k: 1 } }));
  assert.deepEqual(await equivalent(left, right), { equivalent: true, probes: 2, differences: [] });
});

// req: engine.equivalent
test('the probes show differences that depend on the state they start from', async () => {
  const always = plan(write('a', 'k', 1));
  const conditional = plan(write('a', 'k', 1, { preconditions: [{ key: 'x', operator: 'not_exists' }] }));
  assert.deepEqual((await equivalent(always, conditional)).differences, [{ probe: 1, key: 'k', left: 1 }]);
  assert.equal((await equivalent(always, conditional, { probes: [{}] })).equivalent, true);
});

// req: engine.optimize
test('optimizing drops a dependency on a key nobody writes and keeps that the key must be there', () => {
  const proposal = plan(write('a', 'k', 1), call('b', 'ok', { state_dependencies: ['k', 'gone', 'here'] }));
  const result = optimize(proposal, { initialState: { here: 1 } });
  assert.deepEqual(result.removed, [
    { action_id: 'b', key: 'gone' },
    { action_id: 'b', key: 'here' },
  ]);
  assert.deepEqual(result.proposal.actions[1]!.state_dependencies, ['k']);
  assert.deepEqual(
    result.proposal.actions[1]!.preconditions.map(({ key, operator }) => [key, operator]),
    [['gone', 'exists']],
  );
  assert.equal(result.proposal.actions[0], proposal.actions[0]);
  assert.deepEqual(proposal.actions[1]!.state_dependencies, ['k', 'gone', 'here']);
});

test('a thousand actions in a level, in a chain and in between are verified, simulated and executed alike', async () => {
  const shapes: Record<string, (n: number) => Partial<ActionInput>> = {
    level: () => skip,
    chain: (n) => ({ state_dependencies: n === 0 ? [] : [`k${n - 1}`] }),
    mesh: (n) => ({ ...skip, state_dependencies: n < 32 ? [] : [`k${n - 32}`, `k${n - 7}`] }),
  };
  for (const [name, shape] of Object.entries(shapes)) {
    const env = testEnv(async () => 'done');
    const input: ProposalInput = {
      actions: Array.from({ length: 1_000 }, (_, n) =>
        call(`a${n}`, 'ok', { parameters: { n }, expected_effects: { [`k${n}`]: n }, ...shape(n) }),
      ),
    };
    const proposal = normalizeProposal(input);
    const report = await verify(proposal, { tools: env.tools });
    assert.equal(report.valid, true, name);
    const simulated = await simulate(proposal, { tools: env.tools });
    const { cost } = await executeProposal(proposal, env);
    assert.deepEqual([cost.actions_executed, cost.tool_calls], [1_000, 1_000]);
    assert.deepEqual({ ...env.state.snapshot() }, simulated.state);
    assert.deepEqual(report.simulated_state, simulated.state);
  }
});
