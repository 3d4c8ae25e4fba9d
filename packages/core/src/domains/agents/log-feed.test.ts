// Following what agents write.
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { test } from 'node:test';
import type { AgentLogEntry } from '@car-runtime/protocol';
import { serve, TempFolder } from '@car-runtime/testkit';
import { createFeedReader } from '../../kernel/feed-reader-rig.ts';
import { LogFeeds } from './log-feed.ts';

const node = process.execPath;

function rig(isRunning = true) {
  const folder = new TempFolder();
  const pathOf = (id: string, stream: string): string => folder.join(`${id}.${stream}.log`);
  const feeds = new LogFeeds({ pathOf, isRunning: () => isRunning, now: () => 0 });
  return {
    feeds,
    /** As a log file does. */
    write: (text: string, stream: 'stdout' | 'stderr' = 'stdout', id = 'a') => {
      appendFileSync(pathOf(id, stream), text);
      feeds.take(id, stream, Buffer.from(text));
    },
    pathOf,
    [Symbol.dispose]: () => {
      feeds[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}

// req: agents.log-watch
test('whoever follows a log gets its end and then each line once, also one that was begun before', async () => {
  using log = rig();
  log.write('one\ntwo\nthr');
  const reader = createFeedReader<AgentLogEntry>();
  const start = log.feeds.watch(reader.connection, 'a', 1, undefined);
  assert.deepEqual(
    [start.delivery, start.entries, start.hasMore],
    ['snapshot', [{ stream: 'stdout', lines: ['two'] }], true],
  );
  log.write('ee\n');
  log.write('oh\n', 'stderr');
  log.write('four\nfi');
  await setImmediate();
  assert.deepEqual(
    reader.received.map(({ stream, lines }) => [stream, lines]),
    [
      ['stdout', ['three']],
      ['stderr', ['oh']],
      ['stdout', ['four']],
    ],
  );
  log.feeds.ended('a');
  await setImmediate();
  assert.deepEqual(reader.received.at(-1)?.lines, ['fi'], 'nobody will end it');
});

// req: agents.log-watch
test('whoever comes back with a cursor gets what came after it; one of another life begins anew', async () => {
  using log = rig();
  const first = createFeedReader<AgentLogEntry>('first');
  log.feeds.watch(first.connection, 'a', 10, undefined);
  log.write('one\n');
  await setImmediate();
  log.feeds.connectionClosed(first.connection);
  log.write('two\n');
  log.write('three\n');
  const cursor = first.received[0]?.cursor;
  const second = createFeedReader<AgentLogEntry>('second');
  const replayed = log.feeds.watch(second.connection, 'a', 10, cursor);
  assert.deepEqual([replayed.delivery, replayed.entries.map(({ lines }) => lines)], ['replayed', [['two'], ['three']]]);
  const reset = log.feeds.watch(second.connection, 'a', 10, { epoch: 'other', seq: 1 });
  assert.deepEqual([reset.delivery, reset.entries], ['reset', [{ stream: 'stdout', lines: ['one', 'two', 'three'] }]]);
});

// req: agents.log-watch-bounds
test('a long line comes in pieces, and what is written too fast is counted and left out', async () => {
  using log = rig();
  const reader = createFeedReader<AgentLogEntry>();
  log.feeds.watch(reader.connection, 'a', 10, undefined);
  log.write('x'.repeat(40_000));
  log.write('\n');
  await setImmediate();
  assert.deepEqual(
    reader.received.flatMap(({ lines }) => lines.map(({ length }) => length)),
    [16_384, 16_384, 7_232],
  );
  const line = `${'y'.repeat(999)}\n`;
  for (let n = 0; n < 20; n++) log.write(line.repeat(60));
  const told = (): number =>
    reader.received.flatMap(({ lines }) => lines).filter((text) => text.startsWith('y')).length;
  const skipped = (): number => reader.received.reduce((sum, entry) => sum + (entry.skipped ?? 0), 0);
  while (told() + skipped() < 1_200) await setTimeout(20);
  assert.deepEqual([told(), skipped()], [484, 716], 'each is told or counted');
});

// req: agents.log-watch-bounds
test('so many logs are followed; one that nobody follows makes room, and one that somebody does is refused none', () => {
  using log = rig();
  const readers = Array.from({ length: 256 }, (_, n) => createFeedReader(`r${n}`));
  for (const [n, { connection }] of readers.entries()) log.feeds.watch(connection, `a${n}`, 1, undefined);
  const more = createFeedReader('more');
  assert.throws(() => log.feeds.watch(more.connection, 'b', 1, undefined), /256 agents are, the limit/);
  const [first] = readers;
  assert.ok(first && log.feeds.unwatch(first.connection, 'a0'));
  log.feeds.watch(more.connection, 'b', 1, undefined);
});

// req: agents.log-watch
test('agents.watch_log follows a real process, an agent follows no other, and one that is unknown is said so', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  using folder = new TempFolder();
  writeFileSync(folder.join('agent.js'), 'console.log("up"); console.error("hm"); setInterval(() => {}, 1000);');
  await client.agents.upsert({ id: 'a', name: 'A', command: node, args: [folder.join('agent.js')] });
  const events = client.events('agents.log.event');
  const start = await client.agents.watch_log({ id: 'a' });
  assert.deepEqual([start.delivery, start.entries, start.more], ['snapshot', [], false]);
  await client.agents.start({ id: 'a' });
  const lines: string[] = [];
  for await (const event of events) {
    lines.push(...event.lines.map((text) => `${event.stream} ${text}`));
    if (lines.length === 2) break;
  }
  assert.deepEqual(lines.toSorted(), ['stderr hm', 'stdout up']);
  assert.deepEqual(await client.agents.unwatch_log({ id: 'a' }), { removed: true });
  await assert.rejects(client.agents.watch_log({ id: 'none' }), { message: /none/ });
});
