import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PolicyError } from './errors.ts';
import { normalizeProposal } from './normalize-proposal.ts';
import { PolicySet } from './policies.ts';
import type { PolicyDefinition } from './policy-rules.ts';
import type { Action } from './proposal.ts';
import { StateStore } from './state-store.ts';

function action(tool: string, parameters: Record<string, unknown> = {}): Action {
  return normalizeProposal({ actions: [{ id: 'a', type: 'tool_call', tool, parameters }] }).actions[0]!;
}

function reasons(definition: Omit<PolicyDefinition, 'name'>, checked: Action, state = new StateStore()): string[] {
  const policies = new PolicySet();
  policies.register({ name: 'p', ...definition });
  return policies.evaluate(checked, state).map(({ reason }) => reason);
}

// req: policy.deny-tool
test('deny_tool denies that tool only', () => {
  const rule = { rule: 'deny_tool', target: 'deploy' };
  assert.deepEqual(reasons(rule, action('deploy')), ["tool 'deploy' denied"]);
  assert.deepEqual(reasons(rule, action('deploy_all')), []);
});

// req: policy.deny-tool-param
test('deny_tool_param looks for the pattern in the text of the parameter', () => {
  const rule = { rule: 'deny_tool_param', target: 'http', key: 'url', pattern: 'internal' };
  assert.deepEqual(reasons(rule, action('http', { url: 'https://internal/' })), ["param 'url' matches 'internal'"]);
  assert.deepEqual(reasons(rule, action('http', { url: { host: ['internal'] } })), ["param 'url' matches 'internal'"]);
  assert.deepEqual(reasons(rule, action('http', { url: 'https://example.com' })), []);
  assert.deepEqual(reasons(rule, action('http', { other: 'internal' })), []);
  assert.deepEqual(reasons(rule, action('ftp', { url: 'internal' })), []);
  const constructor = { ...rule, key: 'constructor', pattern: 'function' };
  assert.deepEqual(reasons(constructor, action('http')), []);
});

// req: policy.require-state
test('require_state denies every action until the state has the value', () => {
  const rule = { rule: 'require_state', key: 'mode', value: { level: 1 } };
  const state = new StateStore();
  assert.deepEqual(reasons(rule, action('any'), state), ['state[\'mode\'] must be {"level":1}']);
  state.set('mode', { level: 1 });
  assert.deepEqual(reasons(rule, action('any'), state), []);
  assert.deepEqual(reasons({ ...rule, key: 'absent', value: null }, action('any'), state), [
    "state['absent'] must be null",
  ]);
});

// req: policy.deny-connector
test('deny_connector denies the tools of that connector', () => {
  const rule = { rule: 'deny_connector', target: 'git' };
  assert.deepEqual(reasons(rule, action('mcp_git_push')), ["tool 'mcp_git_push' denied"]);
  assert.deepEqual(reasons(rule, action('mcp_github_push')), []);
  assert.deepEqual(reasons(rule, action('git_push')), []);
});

// req: policy.unknown-rule
test('an unknown rule and a missing field are refused by name', () => {
  const policies = new PolicySet();
  const register = (definition: Omit<PolicyDefinition, 'name'>) => () => {
    policies.register({ name: 'p', ...definition });
  };
  assert.throws(register({ rule: 'callback' }), {
    reason: 'unknown_rule',
    message:
      'Cannot register policy "p": unknown rule "callback"; known are deny_tool, deny_tool_param, require_state, deny_connector',
  });
  assert.throws(register({ rule: 'constructor' }), PolicyError);
  assert.throws(register({ rule: 'deny_tool' }), {
    reason: 'missing_field',
    message: 'Cannot register policy "p": rule "deny_tool" needs "target"',
  });
  assert.throws(register({ rule: 'deny_tool_param', target: 't', key: 'k' }), /needs "pattern"/);
  assert.throws(register({ rule: 'require_state', key: 'k' }), /needs "value"/);
  assert.throws(register({ rule: 'deny_connector', target: '' }), /needs "target"/);
  assert.deepEqual(policies.list(), []);
});

// req: policy.throws
test('all violations are collected, a policy that throws among them', () => {
  const policies = new PolicySet();
  policies.add({
    name: 'broken',
    description: '',
    check: () => {
      throw new Error('boom');
    },
  });
  policies.register({ name: 'one', rule: 'deny_tool', target: 't' });
  policies.register({ name: 'two', rule: 'require_state', key: 'k', value: true });
  assert.deepEqual(policies.evaluate(action('t'), new StateStore()), [
    { policy_name: 'broken', action_id: 'a', reason: "policy 'broken' failed: boom" },
    { policy_name: 'one', action_id: 'a', reason: "tool 't' denied" },
    { policy_name: 'two', action_id: 'a', reason: "state['k'] must be true" },
  ]);
});

// req: policy.names
test('equal names are kept side by side and removed together, in order of registration', () => {
  const policies = new PolicySet();
  policies.register({ name: 'b', rule: 'deny_tool', target: 'x' });
  policies.register({ name: 'a', rule: 'deny_tool', target: 'y' });
  policies.register({ name: 'b', rule: 'deny_connector', target: 'z' });
  assert.deepEqual(policies.list(), [
    { name: 'b', description: "deny tool 'x'" },
    { name: 'a', description: "deny tool 'y'" },
    { name: 'b', description: "deny connector 'z'" },
  ]);
  assert.deepEqual([policies.unregister('b'), policies.unregister('b')], [2, 0]);
  assert.deepEqual(policies.evaluate(action('x'), new StateStore()), []);
});

// req: policy.session
test('a session adds denials for those who name it and is gone once closed', () => {
  const policies = new PolicySet();
  const session = policies.openSession();
  policies.register({ name: 'p', rule: 'deny_tool', target: 't', session_id: session });
  const state = new StateStore();
  assert.deepEqual(policies.evaluate(action('t'), state), []);
  assert.equal(policies.evaluate(action('t'), state, session).length, 1);
  assert.deepEqual([policies.list().length, policies.list(session).length], [0, 1]);
  assert.deepEqual([policies.unregister('p'), policies.unregister('p', session)], [0, 1]);
  assert.deepEqual([policies.closeSession(session), policies.closeSession(session)], [true, false]);
  assert.deepEqual(
    policies.evaluate(action('t'), state, session).map(({ reason }) => reason),
    [`unknown policy session '${session}'`],
  );
  assert.throws(() => policies.list(session), { reason: 'unknown_session' });
  assert.throws(() => policies.register({ name: 'p', rule: 'deny_tool', target: 't', session_id: session }), {
    message: `Cannot register policy "p": unknown policy session '${session}'`,
  });
});

// req: policy.bounds
test('policies and sessions have bounds', () => {
  const policies = new PolicySet();
  for (let n = 0; n < 1_000; n += 1) policies.register({ name: `p${n}`, rule: 'deny_tool', target: 't' });
  assert.throws(() => policies.register({ name: 'more', rule: 'deny_tool', target: 't' }), {
    reason: 'too_many_policies',
  });
  for (let n = 0; n < 1_000; n += 1) policies.openSession();
  assert.throws(() => policies.openSession(), { reason: 'too_many_sessions' });
});

// req: policy.large-parameters
test('however many policies look at a parameter, its text is made once for each action', () => {
  const policies = new PolicySet();
  const session = policies.openSession();
  for (let n = 0; n < 100; n += 1) {
    const rule = { name: `p${n}`, rule: 'deny_tool_param', target: 't', key: 'x', pattern: `needle ${n}.` };
    policies.register(n % 2 === 0 ? rule : { ...rule, session_id: session });
  }
  let made = 0;
  const x = { toJSON: () => ((made += 1), ['needle 7.', 'needle 8.']) };
  for (let n = 1; n <= 2; n += 1) {
    const denied = policies.evaluate(action('t', { x }), new StateStore(), session).map(({ reason }) => reason);
    assert.deepEqual([denied, made], [["param 'x' matches 'needle 8.'", "param 'x' matches 'needle 7.'"], n]);
  }
});
