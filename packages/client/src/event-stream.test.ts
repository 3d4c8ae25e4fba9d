import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventHub } from './event-stream.ts';

// req: client.events
test('every subscriber of a name gets its events in order, from when it subscribed', async () => {
  const hub = new EventHub();
  const first = hub.open('a', {});
  hub.deliver('a', 1);
  const second = hub.open('a', {});
  hub.deliver('b', 'other');
  hub.deliver('a', 2);
  hub.endAll();
  hub.deliver('a', 3);
  assert.deepEqual(await Array.fromAsync(first), [1, 2]);
  assert.deepEqual(await Array.fromAsync(second), [2]);
  assert.deepEqual(await Array.fromAsync(hub.open('a', {})), []);
});

// req: client.events-bound
test('a reader that is behind loses the oldest events and is told how many', async () => {
  const hub = new EventHub();
  const stream = hub.open('a', { bufferSize: 3 });
  for (let event = 1; event <= 10; event++) hub.deliver('a', event);
  assert.deepEqual([stream.dropped, stream.buffered], [7, 3]);
  hub.endAll();
  assert.deepEqual(await Array.fromAsync(stream), [8, 9, 10]);
  const large = hub.open('a', {});
  assert.equal(large.dropped, 0);
});

// req: client.events-bound
test('without a size of its own a stream keeps 256 events', () => {
  const hub = new EventHub();
  const stream = hub.open('a', {});
  for (let event = 0; event < 300; event++) hub.deliver('a', event);
  assert.deepEqual([stream.dropped, stream.buffered], [44, 256]);
});

// req: client.events
test('a waiting reader is served at once, and several readers share what comes', async () => {
  const hub = new EventHub();
  const stream = hub.open('a', { bufferSize: 1 });
  const reads = [stream.next(), stream.next(), stream.next()];
  hub.deliver('a', 1);
  hub.deliver('a', 2);
  assert.equal(stream.dropped, 0);
  await stream.return();
  assert.deepEqual(await Promise.all(reads), [
    { value: 1, done: false },
    { value: 2, done: false },
    { value: undefined, done: true },
  ]);
});

// req: client.events-end
test('a stream ends by break, dispose and signal, and is forgotten', async () => {
  const hub = new EventHub();
  const broken = hub.open('a', {});
  hub.deliver('a', 1);
  hub.deliver('a', 2);
  for await (const event of broken) {
    assert.equal(event, 1);
    break;
  }
  assert.deepEqual(await broken.next(), { value: undefined, done: true });
  const controller = new AbortController();
  const signalled = hub.open('a', { signal: controller.signal });
  hub.deliver('a', 3);
  controller.abort();
  assert.deepEqual(await Array.fromAsync(signalled), [3]);
  assert.deepEqual(await Array.fromAsync(hub.open('a', { signal: AbortSignal.abort() })), []);
  {
    await using disposed = hub.open('a', {});
    hub.deliver('a', 4);
    assert.equal(disposed.buffered, 1);
  }
  hub.deliver('a', 5);
  assert.equal(broken.buffered + signalled.buffered, 0);
});

// req: client.events-end
test('a stream that a failure ended says so once, after what was buffered', async () => {
  const hub = new EventHub();
  const waiting = hub.open('a', {});
  const buffered = hub.open('a', {});
  const read = assert.rejects(waiting.next(), /gone/);
  buffered.push(1);
  hub.endAll(new Error('gone'));
  await read;
  assert.deepEqual(await waiting.next(), { value: undefined, done: true });
  assert.deepEqual(await buffered.next(), { value: 1, done: false });
  await assert.rejects(buffered.next(), /gone/);
  assert.deepEqual(await buffered.next(), { value: undefined, done: true });
});
