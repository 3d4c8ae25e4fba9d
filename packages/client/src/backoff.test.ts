import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backoff } from './backoff.ts';

// req: client.backoff
test('delays double up to the limit, over the upper half of their range', () => {
  const longest = new Backoff({ baseDelayMs: 100, maxDelayMs: 1_000 }, () => 1);
  assert.deepEqual(
    Array.from({ length: 6 }, () => longest.next()),
    [100, 200, 400, 800, 1_000, 1_000],
  );
  const shortest = new Backoff({ baseDelayMs: 100, maxDelayMs: 1_000 }, () => 0);
  assert.deepEqual(
    Array.from({ length: 6 }, () => shortest.next()),
    [50, 100, 200, 400, 500, 500],
  );
});

// req: client.backoff
test('only a connection that lasted starts the delays over', () => {
  const backoff = new Backoff({ baseDelayMs: 100, maxDelayMs: 1_000, stableAfterMs: 50 }, () => 1);
  backoff.next();
  backoff.next();
  backoff.connectionLasted(49);
  assert.equal(backoff.next(), 400);
  backoff.connectionLasted(50);
  assert.equal(backoff.next(), 100);
});

// req: client.backoff
test('what the daemon asks for is a lower bound, the limit an upper one, for any number of attempts', () => {
  const settings = fc.record({
    baseDelayMs: fc.nat(10_000),
    maxDelayMs: fc.nat(100_000),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    atLeastMs: fc.nat(200_000),
    attempts: fc.integer({ min: 1, max: 2_000 }),
  });
  fc.assert(
    fc.property(settings, ({ baseDelayMs, maxDelayMs, random, atLeastMs, attempts }) => {
      const backoff = new Backoff({ baseDelayMs, maxDelayMs }, () => random);
      for (let attempt = 0; attempt < attempts; attempt++) {
        const delayMs = backoff.next(atLeastMs);
        assert.ok(delayMs >= Math.min(atLeastMs, maxDelayMs) && delayMs <= maxDelayMs);
      }
    }),
    { numRuns: 50 },
  );
});
