import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProposalError } from './errors.ts';
import { createId, MAX_ACTIONS, normalizeProposal } from './normalize-proposal.ts';

// req: engine.defaults
test('a proposal with nothing but an action type gets every default', () => {
  const { id, actions, ...rest } = normalizeProposal({ actions: [{ type: 'tool_call' }] }, Date.UTC(2026, 0, 2));
  assert.match(id, /^[0-9a-f]{12}$/);
  assert.deepEqual(rest, { source: 'unknown', timestamp: '2026-01-02T00:00:00.000Z', context: {} });
  const { id: actionId, ...action } = actions[0]!;
  assert.match(actionId, /^[0-9a-f]{12}$/);
  assert.deepEqual(action, {
    type: 'tool_call',
    tool: undefined,
    parameters: {},
    preconditions: [],
    expected_effects: {},
    state_dependencies: [],
    read_set: [],
    write_set: [],
    assumptions: [],
    invocation_mode: 'one_shot',
    reversibility: 'irreversible',
    compensation: undefined,
    idempotent: false,
    max_retries: 3,
    failure_behavior: 'abort',
    timeout_ms: undefined,
    metadata: {},
    dependencies: [],
  });
});

// req: engine.precondition-defaults
test('given fields are kept and preconditions get their own defaults', () => {
  const proposal = normalizeProposal({
    id: 'p1',
    source: 'planner',
    timestamp: '2026-01-01T00:00:00Z',
    context: { goal: 'x' },
    actions: [{ id: 'a', type: 'state_read', max_retries: 0, timeout_ms: 5, preconditions: [{ key: 'k' }] }],
  });
  assert.equal(proposal.id, 'p1');
  assert.equal(proposal.source, 'planner');
  assert.deepEqual(proposal.context, { goal: 'x' });
  assert.equal(proposal.actions[0]!.max_retries, 0);
  assert.equal(proposal.actions[0]!.timeout_ms, 5);
  assert.deepEqual(proposal.actions[0]!.preconditions, [{ key: 'k', operator: 'eq', value: null, description: '' }]);
});

// req: engine.ids-unique
test('an action id used twice is refused with both places', () => {
  const twice = () =>
    normalizeProposal({
      id: 'p',
      actions: [
        { id: 'a', type: 'assertion' },
        { id: 'b', type: 'assertion' },
        { id: 'a', type: 'assertion' },
      ],
    });
  assert.throws(twice, (error: unknown) => {
    assert(error instanceof ProposalError);
    assert.equal(error.message, 'Cannot accept proposal "p": actions[2].id "a" is already used by actions[0]');
    assert.deepEqual([error.reason, error.actionId, error.field], ['duplicate_action_id', 'a', 'actions[2].id']);
    return true;
  });
});

// req: engine.ids-unique
test('an action that depends on itself is refused with the field', () => {
  const selfish = () =>
    normalizeProposal({ id: 'p', actions: [{ id: 'a', type: 'assertion', dependencies: ['b', 'a'] }] });
  assert.throws(selfish, {
    reason: 'self_dependency',
    message: 'Cannot accept proposal "p": actions[0].dependencies[1] makes action "a" depend on itself',
  });
});

// req: engine.ids-unique
test('more actions than the bound are refused', () => {
  const actions = Array.from({ length: MAX_ACTIONS + 1 }, () => ({ type: 'assertion' as const }));
  assert.throws(() => normalizeProposal({ id: 'p', actions }), {
    reason: 'too_many_actions',
    message: 'Cannot accept proposal "p": 10001 actions, at most 10000 are allowed',
  });
  assert.equal(normalizeProposal({ actions: actions.slice(1) }).actions.length, MAX_ACTIONS);
});

test('ids do not repeat', () => {
  const ids = new Set(Array.from({ length: 1_000 }, createId));
  assert.equal(ids.size, 1_000);
});
