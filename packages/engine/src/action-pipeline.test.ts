import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, settled, statuses, testEnv, write } from '../test/support.ts';
import type { ActionInput } from './index.ts';

// req: engine.pipeline.order
test('cache, capabilities, validation, policies, execution and commit come in this order', async () => {
  const deny = new Set<string>();
  const env = testEnv(undefined, { capabilities: { deny } });
  const remembered = { idempotent: true, parameters: { x: 1 } };
  await env.run([call('first', 'echo', remembered)]);
  deny.add('echo').add('gone');
  env.policies.register({ name: 'p', rule: 'require_state', key: 'mode', value: 'on' });
  const errorOf = async (action: ActionInput) => (await env.run([action])).results[0]!.error;

  assert.equal(await errorOf(call('a', 'echo', remembered)), null, 'the cache is asked before anything else');
  assert.equal(await errorOf(call('b', 'gone')), "capability denied: tool 'gone' is on the deny list");
  env.events.length = 0;
  assert.equal(await errorOf(call('c', 'nope')), "tool 'nope' is not registered");
  assert.deepEqual(env.log(), ['proposal_received', 'action_rejected c'], 'policies are not asked');
  assert.equal(await errorOf(call('d', 'ok')), 'state[\'mode\'] must be "on"');
  assert.equal(env.calls.length, 1);

  env.state.set('mode', 'on');
  env.events.length = 0;
  await env.run([call('e', 'ok', { failure_behavior: 'skip', expected_effects: { k: 1 } })]);
  assert.deepEqual(env.log(), [
    'proposal_received',
    'action_validated e',
    'action_executing e',
    'state_changed e',
    'action_succeeded e',
  ]);
});

// req: engine.attempts.none
test('without timeout_ms an attempt has no deadline of its own', async () => {
  const answer = Promise.withResolvers<unknown>();
  const env = testEnv(() => answer.promise);
  const running = env.run([call('a', 'slow')]);
  await settled();
  assert.equal(env.clock.pendingTimers, 0);
  await env.clock.advance(24 * 3_600_000);
  answer.resolve('late');
  assert.equal((await running).results[0]!.output, 'late');
});

// req: engine.reversibility
test('reversibility and compensation change nothing about how a proposal runs', async () => {
  for (const reversibility of ['reversible', 'compensable', 'irreversible'] as const) {
    const env = testEnv();
    const compensation = { type: 'tool', tool: 'echo' } as const;
    const result = await env.run([
      call('a', 'ok', { reversibility, compensation }),
      write('b', 'k', 1, { reversibility, compensation: { type: 'action_ref', action_id: 'a' } }),
      call('c', 'fail', { reversibility, compensation }),
    ]);
    assert.equal(statuses(result), 'a:succeeded b:succeeded c:failed');
    assert.deepEqual([env.calls.map(({ tool }) => tool), env.state.keys()], [['ok', 'fail'], []]);
  }
});
