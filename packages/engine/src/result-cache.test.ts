import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../test/support.ts';
import { ResultCache, toToolSchema } from './index.ts';

const cached = toToolSchema({ name: 'cached', cache_ttl_secs: 10 });

test('an answer is kept for its time, by tool, parameters and tenant', async () => {
  const clock = new FakeClock();
  const cache = new ResultCache({ clock });
  cache.set(cached, { a: 1, b: 2 }, null, 't');
  assert.equal(cache.get(cached, { b: 2, a: 1 }, 't')?.output, null);
  assert.equal(cache.get(cached, { a: 1, b: 2 }), undefined);
  assert.equal(cache.get(cached, { a: 1 }, 't'), undefined);
  assert.equal(cache.get(toToolSchema({ name: 'other', cache_ttl_secs: 10 }), { a: 1, b: 2 }, 't'), undefined);
  await clock.advance(9_999);
  assert.notEqual(cache.get(cached, { a: 1, b: 2 }, 't'), undefined);
  await clock.advance(1);
  assert.equal(cache.get(cached, { a: 1, b: 2 }, 't'), undefined);
  assert.equal(cache.size, 0);
});

test('a tool without a time to live is never cached', () => {
  const cache = new ResultCache();
  for (const tool of [toToolSchema({ name: 'a' }), toToolSchema({ name: 'a', cache_ttl_secs: 0 })]) {
    cache.set(tool, {}, 1);
    assert.equal(cache.get(tool, {}), undefined);
  }
  assert.equal(cache.size, 0);
});

test('entries and size are bounded, and clearing forgets all', () => {
  const cache = new ResultCache({ maxEntries: 2, maxChars: 200 });
  for (let n = 0; n < 5; n += 1) cache.set(cached, { n }, 'x');
  assert.equal(cache.size, 2);
  cache.set(cached, { big: true }, 'x'.repeat(500));
  assert.equal(cache.get(cached, { big: true }), undefined);
  cache.clear();
  assert.equal(cache.get(cached, { n: 4 }), undefined);
});
