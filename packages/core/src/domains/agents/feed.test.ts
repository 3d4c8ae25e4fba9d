// The bounds of the feed of agents: what is kept, and what a slow watcher is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentChange } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { AgentFeed } from './feed.ts';

/** A connection whose reader can be made slow. */
function watcher(id: string): { connection: Connection; received: AgentChange[]; isSlow: boolean } {
  const self = { connection: {} as Connection, received: [] as AgentChange[], isSlow: false };
  const notify = (_method: string, change: AgentChange): boolean => {
    if (!self.isSlow) self.received.push(change);
    return !self.isSlow;
  };
  self.connection = { id, peer: { notify } } as unknown as Connection;
  return self;
}

// req: agents.watch-ring
test('the newest changes are kept; a cursor older than them is answered with a reset', () => {
  const feed = new AgentFeed((agent) => agent);
  const { connection } = watcher('w');
  const { cursor } = feed.watch(connection, undefined);
  for (let n = 0; n < 1_700; n++) feed.publish('upserted', `a${n}`, undefined);
  assert.equal(feed.watch(connection, cursor).delivery, 'reset');
  const { delivery, changes } = feed.watch(connection, { ...cursor, seq: 1_200 });
  assert.deepEqual([delivery, changes?.length, changes?.[0]?.agent_id], ['replayed', 500, 'a1200']);
  assert.deepEqual(feed.watch(connection, { ...cursor, seq: 1_700 }), {
    cursor: { ...cursor, seq: 1_700 },
    delivery: 'replayed',
    changes: [],
  });
});

// req: agents.watch-gap
test('a watcher that was too slow is told how much it missed, if it knows cursors, and goes on', () => {
  const feed = new AgentFeed((agent) => agent);
  const knowing = watcher('k');
  const simple = watcher('s');
  feed.watch(knowing.connection, feed.cursor);
  feed.watch(simple.connection, undefined);
  feed.publish('status', 'a', undefined);
  knowing.isSlow = simple.isSlow = true;
  for (let n = 0; n < 3; n++) feed.publish('status', 'b', undefined);
  knowing.isSlow = simple.isSlow = false;
  feed.publish('status', 'c', undefined);
  const shown = ({ received }: { received: AgentChange[] }): unknown[] =>
    received.map(({ kind, cursor, missed, agent_id }) => [kind, cursor.seq, missed ?? agent_id]);
  assert.deepEqual(shown(knowing), [
    ['status', 1, 'a'],
    ['gap', 4, 3],
    ['status', 5, 'c'],
  ]);
  assert.deepEqual(shown(simple), [
    ['status', 1, 'a'],
    ['status', 5, 'c'],
  ]);
});

// req: agents.watch-bound
test('so many connections may watch, each once, and one that stops makes room', () => {
  const feed = new AgentFeed((agent) => agent);
  for (let n = 0; n < 10_000; n++) feed.watch(watcher(`w${n}`).connection, undefined);
  assert.throws(() => feed.watch(watcher('more').connection, undefined), /10000 connections do, the limit/);
  feed.watch(watcher('w0').connection, undefined);
  assert.ok(feed.unwatch(watcher('w0').connection));
  feed.watch(watcher('more').connection, undefined);
});
