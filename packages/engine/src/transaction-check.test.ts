import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, write } from '../test/support.ts';
import { normalizeProposal, StateStore, transactionCheck } from './index.ts';
import type { ActionInput } from './index.ts';

function check(state: StateStore, ...actions: ActionInput[]): string[] {
  const { ok, conflicts } = transactionCheck(normalizeProposal({ actions }), state);
  assert.equal(ok, conflicts.length === 0);
  return conflicts.map(({ action_id, key, kind }) => `${action_id} ${kind} ${key}`);
}

// req: engine.transaction-check
test('assumptions hold until the value or its version changes', () => {
  const state = new StateStore();
  state.set('k', { a: 1 });
  const assumptions = [{ key: 'k', expected_value: { a: 1 }, read_version: state.version('k') }];
  assert.deepEqual(check(state, call('a', 'ok', { assumptions })), []);
  state.set('k', { a: 1 });
  assert.deepEqual(check(state, call('a', 'ok', { assumptions })), ['a stale_read k']);
  state.set('k', { a: 2 });
  assert.deepEqual(check(state, call('a', 'ok', { assumptions })), ['a value_changed k', 'a stale_read k']);
  state.delete('k');
  assert.deepEqual(check(state, call('a', 'ok', { assumptions })), ['a value_changed k', 'a stale_read k']);
});

test('an assumption about null needs the key, version 0 means that it must be absent', () => {
  const state = new StateStore();
  assert.deepEqual(check(state, call('a', 'ok', { assumptions: [{ key: 'k', read_version: 0 }] })), []);
  assert.deepEqual(check(state, call('a', 'ok', { assumptions: [{ key: 'k', expected_value: null }] })), [
    'a value_changed k',
  ]);
});

// req: engine.transaction-check
test('a declared set must hold what the action does, an empty one promises nothing', () => {
  const state = new StateStore();
  assert.deepEqual(check(state, write('a', 'k', 1)), []);
  assert.deepEqual(
    check(
      state,
      write('a', 'k', 1, { write_set: ['j'] }),
      call('b', 'ok', { read_set: ['x'], state_dependencies: ['y'], preconditions: [{ key: 'x' }, { key: 'z' }] }),
    ),
    ['a undeclared_write k', 'b undeclared_read y', 'b undeclared_read z'],
  );
});

// req: engine.transaction-check
test('siblings that share a key one of them writes are in each other\u2019s way, ordered actions are not', () => {
  const state = new StateStore();
  assert.deepEqual(check(state, call('a', 'ok', { write_set: ['k'] }), call('b', 'ok', { read_set: ['k'] })), [
    'b unordered_access k',
  ]);
  const ordered = call('b', 'ok', { read_set: ['k'], dependencies: ['a'] });
  assert.deepEqual(check(state, call('a', 'ok', { write_set: ['k'] }), ordered), []);
});

test('the number of conflicts has a bound', () => {
  const crowd = Array.from({ length: 2_000 }, (_, n) => call(`a${n}`, 'ok', { write_set: ['k'] }));
  assert.equal(check(new StateStore(), ...crowd).length, 1_000);
});
