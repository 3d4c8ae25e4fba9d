import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChannelHandlers, CloseInfo } from './channel.ts';
import { SharedFrame } from './frame.ts';
import { createMemoryPair, type MemoryChannel } from './memory-channel.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function log(channel: MemoryChannel): { events: unknown[]; handlers: ChannelHandlers } {
  const events: unknown[] = [];
  const handlers: ChannelHandlers = {
    onText: (text) => events.push(text),
    onBinary: (bytes) => events.push([...bytes]),
    onClose: (info: CloseInfo) => events.push(info),
  };
  channel.start(handlers);
  return { events, handlers };
}

// req: rpc.memory-channel
test('messages arrive on a later turn, in order, text and binary, also those sent before the other end started', async () => {
  const [left, right] = createMemoryPair();
  left.send('early');
  left.sendFrame(SharedFrame.binary(Uint8Array.of(1)));
  const { events } = log(right);
  left.send('late');
  left.sendFrame(SharedFrame.text('shared'));
  assert.deepEqual(events, []);
  await turn();
  assert.deepEqual(events, ['early', [1], 'late', 'shared']);
});

// req: rpc.memory-channel
test('a close is delivered behind what was sent before it, once, to both ends, and ends sending', async () => {
  const [left, right] = createMemoryPair();
  const far = log(right);
  const near = log(left);
  left.send('last');
  left.close(4001, 'done');
  left.close(4002, 'again');
  right.close(4003, 'me too');
  right.terminate();
  left.send('too late');
  await turn();
  assert.deepEqual(near.events, [{ code: 4001, reason: 'done' }]);
  assert.deepEqual(far.events.at(-1), { code: 4001, reason: 'done' });
  await turn();
  assert.equal(near.events.length + far.events.filter((event) => typeof event === 'object').length, 2);
});

// req: rpc.memory-channel
test('terminating drops what is queued in both directions', async () => {
  const [left, right] = createMemoryPair();
  const far = log(right);
  const near = log(left);
  left.send('outgoing');
  right.send('incoming');
  left.terminate('cut');
  assert.equal(left.queuedBytes, 0);
  await turn();
  assert.deepEqual([near.events, far.events], [[{ code: 1006, reason: 'cut' }], [{ code: 1006, reason: 'cut' }]]);
});

// req: rpc.memory-channel
test('a paused end takes nothing, counts as queued at the other, and still learns that it was cut off', async () => {
  const [left, right] = createMemoryPair();
  const { events } = log(right);
  right.pause();
  left.send('12345');
  left.send('678');
  await turn();
  assert.deepEqual([events, left.queuedBytes], [[], 8]);
  right.resume();
  await turn();
  assert.deepEqual([events, left.queuedBytes], [['12345', '678'], 0]);
  right.pause();
  left.send('never');
  left.terminate();
  await turn();
  assert.deepEqual(events.slice(2), [{ code: 1006, reason: '' }]);
});

// req: rpc.memory-channel
test('an end may pause, or send, from within a delivery, and nothing is lost or reordered', async () => {
  const [left, right] = createMemoryPair();
  const seen: string[] = [];
  right.start({
    onText: (text) => {
      seen.push(text);
      if (text === 'b') right.pause();
      if (text === 'a') right.send('echo');
    },
    onBinary: () => undefined,
    onClose: () => seen.push('closed'),
  });
  const { events } = log(left);
  for (const text of ['a', 'b', 'c', 'd']) left.send(text);
  await turn();
  left.send('e');
  await turn();
  assert.deepEqual([seen, events], [['a', 'b'], ['echo']]);
  right.resume();
  left.close();
  await turn();
  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e', 'closed']);
});
