import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedCache } from './bounded-cache.ts';
import { IdempotencyCache } from './idempotency-cache.ts';

test('past the number of entries the least recently used goes', () => {
  const cache = new BoundedCache<number>(2, 1_000);
  cache.set('a', 1, 1);
  cache.set('b', 2, 1);
  assert.equal(cache.get('a'), 1);
  cache.set('c', 3, 1);
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], [1, undefined, 3]);
});

test('past the total cost entries go, and one that is too large is not kept', () => {
  const cache = new BoundedCache<number>(100, 10);
  cache.set('a', 1, 4);
  cache.set('b', 2, 4);
  cache.set('c', 3, 4);
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], [undefined, 2, 3]);
  cache.set('b', 4, 100);
  assert.deepEqual([cache.get('b'), cache.size], [undefined, 1]);
  cache.clear();
  cache.set('d', 5, 9);
  assert.equal(cache.get('d'), 5);
});

test('an output that is no JSON is not remembered', () => {
  const cache = new IdempotencyCache();
  cache.set('big', 1n);
  assert.equal(cache.get('big'), undefined);
  cache.set('null', null);
  assert.deepEqual(cache.get('null'), { output: null });
});
