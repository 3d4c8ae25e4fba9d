import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffDelayMs } from './backoff.ts';

// req: agents.backoff
test('the delay doubles with every restart, up to five minutes, with at most an eighth of chance', () => {
  const delays = (random: number): number[] => [1, 2, 3, 7, 30, 1_000].map((n) => backoffDelayMs(n, 5, () => random));
  assert.deepEqual(delays(0), [5_000, 10_000, 20_000, 300_000, 300_000, 300_000]);
  assert.deepEqual(delays(0.5), [5_312.5, 10_625, 21_250, 318_750, 318_750, 318_750]);
  assert.ok(backoffDelayMs(1, 0) >= 100, 'no spec makes it a loop that never rests');
});
