import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { startDeadline, wheelSlots } from './deadline.ts';

/** Resolves with the time it took, in ms. */
function expiry(delayMs: number): Promise<number> {
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<number>();
  startDeadline(delayMs, () => resolve(performance.now() - startedAt));
  return promise;
}

suite('deadlines', { concurrency: true }, () => {
  // req: rpc.deadlines
  test('a deadline expires once, never early, below and above one second', async () => {
    const delays = [0, 5, 60, 1_000, 1_130];
    const took = await Promise.all(delays.map(expiry));
    took.forEach((ms, index) => {
      const delay = delays[index] as number;
      // Timers of Node count whole milliseconds and may be short by less than one.
      assert.ok(ms >= delay - 1, `${delay} ms took ${ms} ms`);
    });
  });

  // req: rpc.deadlines
  test('a cancelled deadline never expires, and cancelling twice or afterwards does nothing', async () => {
    const expired: string[] = [];
    const short = startDeadline(20, () => expired.push('short'));
    const long = startDeadline(1_020, () => expired.push('long'));
    const kept = expiry(1_150);
    short.cancel();
    long.cancel();
    long.cancel();
    await kept;
    assert.deepEqual(expired, []);
  });

  // req: rpc.deadlines
  test('one of several deadlines of the same moment may cancel the next', async () => {
    const expired: string[] = [];
    startDeadline(1_010, () => {
      expired.push('first');
      second.cancel();
    });
    const second = startDeadline(1_010, () => expired.push('second'));
    await expiry(1_150);
    assert.deepEqual(expired, ['first']);
  });

  // req: rpc.deadlines
  test('deadlines that were cancelled leave nothing behind while others still wait', () => {
    const kept = startDeadline(3_600_000, () => undefined);
    for (let index = 0; index < 20_000; index++) startDeadline(10_000 + index * 50, () => undefined).cancel();
    assert.ok(wheelSlots() < 5_000, `${wheelSlots()} slots for one deadline`);
    kept.cancel();
  });

  // req: rpc.turn-faults
  test('a deadline whose work throws keeps no other from expiring, and its error surfaces', async () => {
    const surfaced = Promise.withResolvers<unknown>();
    process.setUncaughtExceptionCaptureCallback(surfaced.resolve);
    try {
      startDeadline(1_000, () => {
        throw new Error('wedged');
      });
      await expiry(1_000);
      assert.equal(((await surfaced.promise) as Error).message, 'wedged');
    } finally {
      process.setUncaughtExceptionCaptureCallback(null);
    }
  });
});
