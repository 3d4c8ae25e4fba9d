import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import type { AgentChange } from '@car-runtime/protocol';
import { createFeedReader } from '../../kernel/feed-reader-rig.ts';
import { maxQueuedEvents } from '../../kernel/feed-subscriber.ts';
import { AgentFeed } from './feed.ts';

// req: agents.watch-ring
test('500 changes are kept; a cursor older than them is answered with a reset', () => {
  const feed = new AgentFeed();
  const { connection } = createFeedReader();
  for (let n = 1; n <= 700; n++) feed.publish('upserted', `a${n}`, undefined);
  const { cursor } = feed;
  assert.deepEqual(feed.watch(connection, { ...cursor, seq: 199 }), { cursor, delivery: 'reset' });
  const { delivery, changes } = feed.watch(connection, { ...cursor, seq: 200 });
  assert.deepEqual([delivery, changes?.length, changes?.[0]?.agent_id], ['replayed', 500, 'a201']);
});

// req: agents.watch-gap
test('a slow watcher that knows cursors is told how many changes it missed', async () => {
  const feed = new AgentFeed();
  const reader = createFeedReader<AgentChange>();
  const { cursor } = feed;
  feed.watch(reader.connection, cursor);
  reader.isSlow = true;
  for (let n = 1; n <= maxQueuedEvents + 3; n++) feed.publish('status', 'a', undefined);
  reader.isSlow = false;
  feed.publish('status', 'b', undefined);
  await setImmediate();
  assert.deepEqual(reader.received.slice(-2), [
    { cursor: { ...cursor, seq: maxQueuedEvents + 3 }, kind: 'gap', missed: 3 },
    { cursor: { ...cursor, seq: maxQueuedEvents + 4 }, kind: 'status', agent_id: 'b' },
  ]);
});

// req: agents.watch-bound
test('so many connections may watch agents, each once, and one that stops makes room', () => {
  const feed = new AgentFeed();
  const readers = Array.from({ length: 10_000 }, (_, n) => createFeedReader(`w${n}`));
  for (const { connection } of readers) feed.watch(connection, undefined);
  const more = createFeedReader('more');
  assert.throws(() => feed.watch(more.connection, undefined), /10000 connections do, the limit/);
  const [first] = readers;
  assert.ok(first);
  feed.watch(first.connection, undefined);
  assert.ok(feed.unwatch(first.connection));
  feed.watch(more.connection, undefined);
});
