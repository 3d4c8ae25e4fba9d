import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEndOfTurn, settleStorage } from './turn.ts';

const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

// req: rpc.storage-first
test('storage is written before sockets, whatever order they enlisted in', async () => {
  const order: string[] = [];
  atEndOfTurn('network', { endTurn: () => order.push('socket') });
  atEndOfTurn('storage', { endTurn: () => order.push('disk') });
  assert.deepEqual(order, []);
  await turnOver();
  assert.deepEqual(order, ['disk', 'socket']);
});

// req: rpc.storage-first
test('whoever sends early settles storage first, and its writer is not called again', async () => {
  const order: string[] = [];
  atEndOfTurn('storage', { endTurn: () => order.push('disk') });
  settleStorage();
  order.push('early send');
  await turnOver();
  assert.deepEqual(order, ['disk', 'early send']);
});

// req: rpc.turn-faults
test('a participant that throws keeps nobody else from its turn, and its error surfaces', async () => {
  const surfaced = Promise.withResolvers<unknown>();
  process.setUncaughtExceptionCaptureCallback(surfaced.resolve);
  const order: string[] = [];
  atEndOfTurn('network', {
    endTurn: () => {
      throw new Error('wedged');
    },
  });
  atEndOfTurn('network', { endTurn: () => order.push('other') });
  assert.equal(((await surfaced.promise) as Error).message, 'wedged');
  process.setUncaughtExceptionCaptureCallback(null);
  await turnOver();
  assert.deepEqual(order, ['other']);
});

test('a participant may enlist again from its own turn and gets the next one', async () => {
  const order: string[] = [];
  const participant = {
    endTurn: (): void => {
      order.push('turn');
      if (order.length < 3) atEndOfTurn('network', participant);
    },
  };
  atEndOfTurn('network', participant);
  await turnOver();
  await turnOver();
  assert.deepEqual(order, ['turn', 'turn', 'turn']);
});
