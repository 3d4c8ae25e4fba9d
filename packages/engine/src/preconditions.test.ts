import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holds, preconditionFailure } from './preconditions.ts';
import { StateStore } from './state-store.ts';

const store = new StateStore();
store.set('n', 5);
store.set('s', 'hello world');
store.set('list', [1, { a: 1 }]);
store.set('none', null);
store.set('object', { a: [1, 2], b: null });

const table: [key: string, operator: string, value: unknown, expected: boolean][] = [
  ['n', 'eq', 5, true],
  ['n', 'eq', '5', false],
  ['object', 'eq', { b: null, a: [1, 2] }, true],
  ['object', 'eq', { b: null, a: [2, 1] }, false],
  ['absent', 'eq', null, true],
  ['n', 'neq', 6, true],
  ['n', 'neq', 5, false],
  ['absent', 'neq', 1, true],
  ['n', 'gt', 4, true],
  ['n', 'gt', 5, false],
  ['n', 'lt', 6, true],
  ['n', 'lt', 5, false],
  ['n', 'gte', 5, true],
  ['n', 'gte', 6, false],
  ['n', 'lte', 5, true],
  ['n', 'lte', 4, false],
  ['s', 'gt', 'a', false],
  ['n', 'gt', '4', false],
  ['absent', 'lt', 1, false],
  ['none', 'lte', 1, false],
  ['none', 'exists', null, true],
  ['absent', 'exists', null, false],
  ['absent', 'not_exists', null, true],
  ['n', 'not_exists', null, false],
  ['s', 'contains', 'lo wo', true],
  ['s', 'contains', 'xyz', false],
  ['s', 'contains', 1, false],
  ['list', 'contains', { a: 1 }, true],
  ['list', 'contains', 2, false],
  ['n', 'contains', 5, false],
  ['object', 'contains', 'a', false],
  ['n', 'equals', 5, false],
  ['n', 'constructor', 5, false],
  ['n', '', 5, false],
];

for (const [key, operator, value, expected] of table) {
  // req: engine.pipeline.operators
  test(`${key} ${operator} ${JSON.stringify(value)} is ${expected}`, () => {
    assert.equal(holds(store, key, operator, value), expected);
  });
}

// req: engine.pipeline.precondition-text
test('a failure names the check, its note, and an operator nobody knows, but not the value found', () => {
  const base = { key: 'n', operator: 'gt', value: 7, description: '' };
  assert.equal(preconditionFailure({ ...base, value: 1 }, store), null);
  assert.equal(preconditionFailure(base, store), "precondition failed: state['n'] gt 7");
  assert.equal(
    preconditionFailure({ ...base, operator: 'near', description: 'enough left' }, store),
    "precondition failed: state['n'] near 7 (enough left): unknown operator 'near'",
  );
  const long = preconditionFailure({ ...base, operator: 'eq', value: 'x'.repeat(1_000_000) }, store);
  assert(long!.length < 300);
});
