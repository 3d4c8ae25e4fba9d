import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureThrottle } from './failure-throttle.ts';

// req: auth.throttle
test('twenty failures a second are answered at once, more of the same kind wait, other kinds do not', () => {
  let now = 1_000;
  const throttle = new FailureThrottle(() => now);
  const delays = Array.from({ length: 25 }, () => throttle.delayOf('daemon'));
  assert.deepEqual(delays, [...Array<number>(20).fill(0), ...Array<number>(5).fill(500)]);
  assert.deepEqual([throttle.delayOf('agent'), throttle.delayOf('host')], [0, 0]);
  now += 999;
  assert.equal(throttle.delayOf('daemon'), 500);
  now += 1;
  assert.equal(throttle.delayOf('daemon'), 0, 'a new second');
});
