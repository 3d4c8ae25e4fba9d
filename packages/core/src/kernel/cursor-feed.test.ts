import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { FeedCursor } from '@car-runtime/protocol';
import type { Connection } from './connection.ts';
import { CursorFeed, EntryTooLargeError, type CursorFeedOptions } from './cursor-feed.ts';
import { createFeedReader } from './feed-reader-rig.ts';
import { maxQueuedEvents } from './feed-subscriber.ts';

interface Entry {
  seq: number;
  text: string;
}

function createFeed(options: Partial<CursorFeedOptions<Entry>> = {}) {
  const feed = new CursorFeed<Entry>({
    event: 'test.event',
    maxEntries: 5,
    maxCharacters: 10_000,
    gapOf: ({ from, to }) => ({ seq: to, text: `gap ${from}-${to}` }),
    ...options,
  });
  const say = (text: string): Entry => feed.publish(({ seq }) => ({ seq, text })).entry;
  const sayMany = (count: number): void => {
    for (let n = 0; n < count; n++) say('x');
  };
  const at = (seq: number): FeedCursor => ({ epoch: feed.epoch, seq });
  return { feed, say, sayMany, at };
}

const seqs = (entries: readonly Entry[] | undefined): number[] | undefined => entries?.map(({ seq }) => seq);

// req: host.ring
test('the newest entries are kept, as many as the limits of number and size allow', () => {
  const { feed, say, sayMany } = createFeed({ maxCharacters: 300 });
  sayMany(8);
  assert.deepEqual(seqs(feed.newest()), [4, 5, 6, 7, 8]);
  assert.deepEqual(seqs(feed.newest(2)), [7, 8]);
  say('y'.repeat(220));
  assert.deepEqual(seqs(feed.newest()), [6, 7, 8, 9]);
  assert.deepEqual(seqs(feed.newest(9, 40)), []);
  say('y'.repeat(400));
  assert.deepEqual(seqs(feed.newest()), []);
});

test('an entry over the limit is refused, and takes no number', () => {
  const { feed, say } = createFeed({ maxEntryCharacters: 100 });
  assert.throws(() => say('y'.repeat(200)), EntryTooLargeError);
  assert.deepEqual(say('x').seq, 1);
  assert.equal(feed.cursor.seq, 1);
});

test('a cursor is answered with what came after it, a snapshot when some of that is gone, a reset when it is not of here', () => {
  const { feed, sayMany, at } = createFeed();
  const { connection } = createFeedReader();
  sayMany(8);
  const start = (after: FeedCursor | undefined) => {
    const { cursor, delivery, entries } = feed.subscribe(connection, after);
    assert.deepEqual(cursor, at(8));
    return [delivery, seqs(entries)];
  };
  assert.deepEqual(start(undefined), ['snapshot', undefined]);
  assert.deepEqual(start(at(8)), ['replayed', []]);
  assert.deepEqual(start(at(3)), ['replayed', [4, 5, 6, 7, 8]]);
  assert.deepEqual(start(at(2)), ['snapshot', undefined]);
  assert.deepEqual(start(at(9)), ['reset', undefined]);
  assert.deepEqual(start({ epoch: 'another', seq: 3 }), ['reset', undefined]);
  assert.equal(feed.subscribers, 1);
});

test('a reader that is too slow loses what its queue has no room for; who came with a cursor is told, at the latest when it reads again', async (context: TestContext) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const dropped: number[] = [];
  const { feed, sayMany, at } = createFeed({ onDrop: ({ id }, seq) => void (id === 'k' && dropped.push(seq)) });
  const knowing = createFeedReader<Entry>('k');
  const simple = createFeedReader<Entry>('s');
  feed.subscribe(knowing.connection, at(0));
  feed.subscribe(simple.connection, undefined);
  knowing.isSlow = simple.isSlow = true;
  sayMany(maxQueuedEvents + 3);
  const lost = [1, 2, 3].map((n) => maxQueuedEvents + n);
  assert.deepEqual(dropped, lost);
  knowing.isSlow = simple.isSlow = false;
  await setImmediate();
  assert.deepEqual(simple.received.length, maxQueuedEvents);
  assert.deepEqual(knowing.received.length, maxQueuedEvents + 1);
  assert.deepEqual(knowing.received.at(-1), { seq: lost[2], text: `gap ${lost[0]}-${lost[2]}` });
  sayMany(1);
  await setImmediate();
  for (const { received } of [knowing, simple]) assert.equal(received.at(-1)?.seq, maxQueuedEvents + 4);
});

test('a subscription that is repeated or taken back gets every entry once, or none', async () => {
  const { feed, sayMany } = createFeed();
  const { connection, received } = createFeedReader<Entry>();
  feed.subscribe(connection, undefined);
  feed.subscribe(connection, undefined);
  sayMany(2);
  await setImmediate();
  assert.deepEqual(seqs(received), [1, 2]);
  assert.deepEqual([feed.unsubscribe(connection), feed.unsubscribe(connection)], [true, false]);
  sayMany(1);
  await setImmediate();
  assert.equal(received.length, 2);
});

// req: agents.watch-private
test('a connection is sent and replayed what it may see; the others share one frame', async () => {
  const shownTo = (entry: Entry, { role }: Connection): Entry =>
    role === 'agent' ? { ...entry, text: 'hidden' } : entry;
  const { feed, say, at } = createFeed({ shownTo });
  const host = createFeedReader<Entry>();
  const agent = createFeedReader<Entry>('agent', 'agent');
  for (const { connection } of [host, agent]) feed.subscribe(connection, undefined);
  say('secret');
  await setImmediate();
  assert.deepEqual([host.received, agent.received], [[{ seq: 1, text: 'secret' }], [{ seq: 1, text: 'hidden' }]]);
  assert.deepEqual(feed.subscribe(agent.connection, at(0)).entries, [{ seq: 1, text: 'hidden' }]);
});
