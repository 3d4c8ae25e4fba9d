import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, settled } from '../test/support.ts';
import { RateLimiter } from './index.ts';

const limit = { max_calls: 2, interval_secs: 1 };

test('as many calls as the limit go at once, further ones wait for a token each, in order', async () => {
  const clock = new FakeClock();
  using limiter = new RateLimiter({ clock });
  const done: number[] = [];
  const start = clock.monotonic();
  for (let n = 0; n < 5; n += 1) {
    const waiting = limiter.acquire('t', limit);
    if (waiting === undefined) done.push(0);
    else void waiting.then(() => done.push(clock.monotonic() - start));
  }
  assert.deepEqual(done, [0, 0]);
  await clock.advance(1_500);
  assert.deepEqual(done, [0, 0, 500, 1_000, 1_500]);
  assert.equal(clock.pendingTimers, 0);
});

test('tokens come back with time, up to the limit', async () => {
  const clock = new FakeClock();
  using limiter = new RateLimiter({ clock });
  assert.equal(limiter.acquire('t', limit), undefined);
  assert.equal(limiter.acquire('t', limit), undefined);
  await clock.advance(60_000);
  assert.equal(limiter.acquire('t', limit), undefined);
  assert.equal(limiter.acquire('t', limit), undefined);
  assert.notEqual(limiter.acquire('t', limit), undefined);
});

test('each tool has its own bucket', () => {
  using limiter = new RateLimiter({ clock: new FakeClock() });
  const one = { max_calls: 1, interval_secs: 60 };
  assert.equal(limiter.acquire('a', one), undefined);
  assert.equal(limiter.acquire('b', one), undefined);
});

test('who stops waiting does not use up a token', async () => {
  const clock = new FakeClock();
  using limiter = new RateLimiter({ clock });
  const one = { max_calls: 1, interval_secs: 1 };
  assert.equal(limiter.acquire('t', one), undefined);
  const controller = new AbortController();
  const first = limiter.acquire('t', one, controller.signal)!;
  let isServed = false;
  void limiter.acquire('t', one)!.then(() => (isServed = true));
  controller.abort(new Error('gone'));
  await assert.rejects(first, /gone/);
  await clock.advance(1_000);
  assert.equal(isServed, true);
  await assert.rejects(limiter.acquire('t', one, AbortSignal.abort(new Error('late')))!, /late/);
});

test('a limit of no calls is refused and so is one call more than may wait', async () => {
  using limiter = new RateLimiter({ clock: new FakeClock(), maxWaiting: 1 });
  await assert.rejects(limiter.acquire('never', { max_calls: 0, interval_secs: 1 })!, { reason: 'rate_limit_zero' });
  const one = { max_calls: 1, interval_secs: 1 };
  assert.equal(limiter.acquire('t', one), undefined);
  void limiter.acquire('t', one);
  await assert.rejects(limiter.acquire('t', one)!, {
    reason: 'rate_limit_queue_full',
    message: "tool 't' has 1 calls waiting for its rate limit, at most 1 are allowed",
  });
});

test('a tool registered with another limit is held to that one', () => {
  using limiter = new RateLimiter({ clock: new FakeClock() });
  assert.equal(limiter.acquire('t', { max_calls: 5, interval_secs: 60 }), undefined);
  assert.equal(limiter.acquire('t', { max_calls: 1, interval_secs: 60 }), undefined);
  assert.notEqual(limiter.acquire('t', { max_calls: 1, interval_secs: 60 }), undefined);
});

test('disposing lets go whoever waits and leaves no timer', async () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ clock });
  const one = { max_calls: 1, interval_secs: 1 };
  assert.equal(limiter.acquire('t', one), undefined);
  const waiting = limiter.acquire('t', one);
  limiter[Symbol.dispose]();
  await waiting;
  await settled();
  assert.equal(clock.pendingTimers, 0);
});
