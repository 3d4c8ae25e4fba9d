import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestTimeoutError } from '@car-runtime/rpc';
import type { CallOptions } from './typed-calls.ts';
import { WaitingCalls } from './waiting-calls.ts';

// req: client.waiting-calls
test('the time a call has waited is taken from its limit', async () => {
  const waiting = new WaitingCalls(10);
  const sent: CallOptions[] = [];
  const answer = waiting.add('a', { timeoutMs: 60_000 }, async (options) => sent.push(options));
  await new Promise((resolve) => setTimeout(resolve, 20));
  waiting.releaseAll();
  await answer;
  const [{ timeoutMs = 0 } = {}] = sent;
  assert.ok(timeoutMs > 0 && timeoutMs <= 59_985, `${timeoutMs} ms are left`);
  assert.equal(waiting.size, 0);
});

// req: client.waiting-calls
test('calls leave in the order they came, and one that ended before does not leave at all', async () => {
  const waiting = new WaitingCalls(10);
  const sent: string[] = [];
  const send = (name: string) => async () => sent.push(name);
  const controller = new AbortController();
  const outcomes = [
    waiting.add('a', {}, send('a')),
    waiting.add('b', { signal: controller.signal }, send('b')),
    waiting.add('c', { timeoutMs: 1 }, send('c')),
    waiting.add('d', { timeoutMs: 2 ** 40 }, send('d')),
  ];
  controller.abort(new Error('stop'));
  await assert.rejects(outcomes[1] ?? assert.fail(), /stop/);
  await assert.rejects(outcomes[2] ?? assert.fail(), RequestTimeoutError);
  waiting.releaseAll();
  await Promise.all([outcomes[0], outcomes[3]]);
  assert.deepEqual(sent, ['a', 'd']);
});

// req: client.waiting-bound
test('a full queue refuses, and rejecting all names each method', async () => {
  const waiting = new WaitingCalls(1);
  const first = assert.rejects(
    waiting.add('a', {}, async () => 1),
    /closed: a/,
  );
  await assert.rejects(
    waiting.add('b', {}, async () => 1),
    /Cannot call b: 1 calls already wait for a connection, limit 1/,
  );
  waiting.rejectAll((method) => new Error(`closed: ${method}`));
  await first;
  assert.equal(waiting.size, 0);
});
