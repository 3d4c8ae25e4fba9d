import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, settled, statuses, testEnv, write } from '../test/support.ts';
import { attemptTimedOut } from './index.ts';
import type { CancelSignal } from './index.ts';

const retry = { failure_behavior: 'retry' } as const;

// req: engine.attempts.backoff
test('a retry pauses 100, 200, 400 ms and counts attempts from one', async () => {
  const times: number[] = [];
  const env = testEnv(({ attempt }) => {
    times.push(env.clock.monotonic());
    if (attempt < 4) throw new Error(`attempt ${attempt}`);
    return attempt;
  });
  const start = env.clock.monotonic();
  const running = env.run([call('a', 'ok', retry)]);
  await env.clock.advance(700);
  const { results, cost } = await running;
  assert.deepEqual(
    times.map((time) => time - start),
    [0, 100, 300, 700],
  );
  assert.deepEqual([results[0]!.output, results[0]!.duration_ms], [4, 700]);
  assert.deepEqual([cost.retries, cost.tool_calls, cost.actions_executed], [3, 4, 1]);
  assert.deepEqual(
    env.events.filter(({ kind }) => kind === 'action_retrying').map(({ event }) => event.data),
    [
      { tool: 'ok', attempt: 2, delay_ms: 100, error: 'attempt 1' },
      { tool: 'ok', attempt: 3, delay_ms: 200, error: 'attempt 2' },
      { tool: 'ok', attempt: 4, delay_ms: 400, error: 'attempt 3' },
    ],
  );
});

// req: engine.attempts.count
test('when every attempt fails the last error is the result', async () => {
  const env = testEnv(async ({ attempt }) => {
    await settled();
    throw new Error(`attempt ${attempt}`);
  });
  const running = env.run([call('a', 'ok', { ...retry, max_retries: 1 }), call('b', 'ok')]);
  await env.clock.advance(100);
  const result = await running;
  assert.equal(statuses(result), 'a:failed b:skipped');
  assert.equal(result.results[0]!.error, 'attempt 2');
});

// req: engine.attempts.count
test('only retry retries, whatever max_retries says', async () => {
  for (const failure_behavior of ['abort', 'skip'] as const) {
    const env = testEnv();
    await env.run([call('a', 'fail', { failure_behavior, max_retries: 5 })]);
    assert.equal(env.calls.length, 1);
  }
});

test('an assertion that is retried sees the state of its time', async () => {
  const env = testEnv();
  const running = env.run([{ id: 'a', type: 'assertion', parameters: { key: 'k', value: 1 }, ...retry }]);
  await env.clock.advance(99);
  env.state.set('k', 1);
  await env.clock.advance(1);
  assert.equal(statuses(await running), 'a:succeeded');
});

// req: engine.attempts.deadline
test('an attempt that outlasts its budget fails, aborts its signal once, and a late answer is dropped', async () => {
  const late = Promise.withResolvers<unknown>();
  const aborts: unknown[] = [];
  const env = testEnv((_call, signal) => {
    signal.addEventListener('abort', () => aborts.push(signal.reason));
    return late.promise;
  });
  const running = env.run([call('a', 'slow', { timeout_ms: 50 }), call('b', 'ok')]);
  await env.clock.advance(49);
  assert.deepEqual(aborts, []);
  await env.clock.advance(1);
  const result = await running;
  assert.equal(statuses(result), 'a:failed b:skipped');
  assert.equal(result.results[0]!.error, 'action timed out after 50ms');
  assert.deepEqual(aborts, [attemptTimedOut]);
  assert.deepEqual(env.calls, [{ action_id: 'a', tool: 'slow', parameters: {}, timeout_ms: 50, attempt: 1 }]);
  late.resolve('too late');
  await settled();
  assert.equal(result.results[0]!.output, null);
});

test('a late rejection of a timed out attempt is dropped as well', async () => {
  const late = Promise.withResolvers<unknown>();
  const env = testEnv(() => late.promise);
  const running = env.run([call('a', 'slow', { timeout_ms: 1 })]);
  await env.clock.advance(1);
  await running;
  late.reject(new Error('unheard'));
  await settled();
});

// req: engine.attempts.deadline
test('the budget is per attempt and each retry gets a fresh signal', async () => {
  const signals: CancelSignal[] = [];
  const env = testEnv(({ attempt }, signal) => {
    signals.push(signal);
    return attempt === 3 ? 'at last' : new Promise(() => undefined);
  });
  const running = env.run([call('a', 'slow', { ...retry, timeout_ms: 50 })]);
  await env.clock.advance(50 + 100 + 50 + 200);
  const { results, cost } = await running;
  assert.deepEqual([results[0]!.output, cost.tool_calls, cost.retries], ['at last', 3, 2]);
  assert.deepEqual(
    signals.map((signal) => signal.aborted),
    [true, true, false],
  );
  assert.equal(env.clock.pendingTimers, 0);
});

test('an answer in time stops the deadline', async () => {
  for (const answer of ['at once', Promise.resolve('later')]) {
    const env = testEnv(() => answer);
    const { results } = await env.run([call('a', 'slow', { timeout_ms: 50 })]);
    assert.equal(results[0]!.status, 'succeeded');
    assert.equal(env.clock.pendingTimers, 0);
  }
});

test('a dispatcher that throws at once, or rejects with no error, fails the action with its text', async () => {
  for (const timeout_ms of [undefined, 10]) {
    const env = testEnv(({ tool }) => {
      if (tool === 'fail') throw new TypeError('bad call');
      return Promise.reject('just text');
    });
    const { results } = await env.run([
      call('a', 'fail', { failure_behavior: 'skip', timeout_ms }),
      call('b', 'ok', { timeout_ms }),
    ]);
    assert.deepEqual(
      results.map(({ error }) => error),
      ['bad call', 'just text'],
    );
  }
});

test('an output with a member called then is an output, a thenable is waited for', async () => {
  const then = 'then';
  const answer = { [then]: 'next' };
  const env = testEnv(({ action_id }) =>
    action_id === 'a' ? answer : { [then]: (resolve: (value: unknown) => void) => resolve('thenable') },
  );
  const { results } = await env.run([call('a', 'ok'), call('b', 'ok')]);
  assert.deepEqual(
    results.map(({ output }) => output),
    [answer, 'thenable'],
  );
});

// req: engine.cancelled
test('cancelling ends what runs, skips the rest and rolls back for an abort action', async () => {
  for (const timeout_ms of [undefined, 1_000]) {
    const reasons: unknown[] = [];
    const env = testEnv((_call, signal) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return new Promise(() => undefined);
    });
    const controller = new AbortController();
    const gone = new Error('client gone');
    const running = env.run([write('a', 'k', 1), call('b', 'slow', { timeout_ms }), call('c', 'ok')], {
      signal: controller.signal,
    });
    await settled();
    controller.abort(gone);
    const result = await running;
    assert.equal(statuses(result), 'a:succeeded b:failed c:skipped');
    assert.equal(result.results[1]!.error, 'action cancelled: client gone');
    assert.deepEqual([result.results[0]!.rolled_back, env.state.has('k')], [true, false]);
    assert.deepEqual(reasons, [gone]);
    assert.equal(env.clock.pendingTimers, 0);
  }
});

test('cancelling a concurrent level ends all its attempts and starts no more', async () => {
  const env = testEnv(() => new Promise(() => undefined));
  const controller = new AbortController();
  const skip = { failure_behavior: 'skip' } as const;
  const running = env.run([call('a', 'slow', skip), call('b', 'slow', skip), call('c', 'slow', skip)], {
    signal: controller.signal,
    maxInFlight: 2,
  });
  await settled();
  controller.abort(new Error('deadline'));
  const result = await running;
  assert.equal(statuses(result), 'a:failed b:failed c:skipped');
  assert.equal(result.results[2]!.error, 'skipped: the proposal was cancelled: deadline');
});

// req: engine.cancelled
test('cancelling during a pause ends the retries with the failure that was to be retried', async () => {
  const env = testEnv();
  const controller = new AbortController();
  const running = env.run([call('a', 'fail', retry), call('b', 'ok')], { signal: controller.signal });
  await settled();
  controller.abort();
  const result = await running;
  assert.equal(statuses(result), 'a:failed b:skipped');
  assert.deepEqual([result.results[0]!.error, result.cost.retries, env.clock.pendingTimers], ['it broke', 0, 0]);
});

test('a proposal cancelled before it began skips everything', async () => {
  const env = testEnv();
  const result = await env.run([call('a', 'ok'), call('b', 'ok')], { signal: AbortSignal.abort(new Error('gone')) });
  assert.equal(statuses(result), 'a:skipped b:skipped');
  assert.deepEqual([env.calls.length, result.cost.actions_skipped], [0, 2]);
});

test('a dispatch that cancels its own proposal does not hang it', async () => {
  for (const timeout_ms of [undefined, 1_000]) {
    const controller = new AbortController();
    const env = testEnv(() => {
      controller.abort(new Error('enough'));
      return new Promise(() => undefined);
    });
    const result = await env.run([call('a', 'slow', { timeout_ms })], { signal: controller.signal });
    assert.equal(result.results[0]!.error, 'action cancelled: enough');
  }
});

// req: engine.cancelled
test('nothing stays attached to the signal of the caller', async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  const env = testEnv(async () => settled());
  const plan = Array.from({ length: 20 }, (_, n) => call(`a${n}`, 'ok', { failure_behavior: 'skip' }));
  const running = env.run(plan, { signal });
  assert.equal(listeners, 1);
  await running;
  assert.equal(listeners, 0);
});
