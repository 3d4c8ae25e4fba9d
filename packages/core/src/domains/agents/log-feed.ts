// What agents write, line by line, for those who follow it: the end of their logs at first, then what comes, by cursor. Costs
// nothing for an agent that nobody follows.
import { closeSync, readSync } from 'node:fs';
import { fail, type AgentLogEntry, type FeedCursor } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { CursorFeed } from '../../kernel/cursor-feed.ts';
import type { LogStream } from './log-file.ts';
import { openFiles } from './tail-log.ts';

/** A longer line comes in pieces, in bytes. */
const maxLineBytes = 16 * 1024;
/** Of one agent in a second: an agent that writes faster is followed with gaps, which are counted. In bytes. */
const maxBytesPerSecond = 512 * 1024;
const windowMs = 1_000;
/** Read of the end of a log for whoever begins to follow it. */
const maxTailBytes = 512 * 1024;
const maxFeeds = 256;
const maxFollowers = 1_000;
const newline = 0x0a;
const streams: readonly LogStream[] = ['stdout', 'stderr'];

type Entry = Omit<AgentLogEntry, 'agent_id' | 'cursor'>;

export interface LogStart {
  cursor: FeedCursor;
  delivery: 'snapshot' | 'replayed' | 'reset';
  entries: Entry[];
  /** Whether the log has older lines than these. */
  hasMore: boolean;
}

export interface LogFeedsOptions {
  pathOf(agentId: string, stream: LogStream): string;
  /** Whether something still writes, so that a line without an end may go on. */
  isRunning(agentId: string): boolean;
  /** In ms. */
  now?: () => number;
}

export class LogFeeds implements Disposable {
  readonly #options: LogFeedsOptions;
  /** Those that somebody follows, and those that somebody may come back to; the last that was asked for at the end. */
  readonly #feeds = new Map<string, LogFeed>();

  constructor(options: LogFeedsOptions) {
    this.#options = options;
  }

  /** One synchronous block: what is read of the files, what is kept and what follows leave no gap and no duplicate. */
  watch(connection: Connection, id: string, count: number, after: FeedCursor | undefined): LogStart {
    const feed = this.#feeds.get(id) ?? this.#open(id);
    this.#feeds.delete(id);
    this.#feeds.set(id, feed);
    const start = feed.subscribe(connection, after);
    if (start.entries) return { ...start, entries: start.entries, hasMore: true };
    const tails = streams.map((stream) => ({ stream, ...readTail(this.#options.pathOf(id, stream), count) }));
    const entries = tails.flatMap(({ stream, lines }) => (lines.length === 0 ? [] : [{ stream, lines }]));
    return { ...start, entries, hasMore: tails.some(({ hasMore }) => hasMore) };
  }

  unwatch(connection: Connection, id: string): boolean {
    return this.#feeds.get(id)?.unsubscribe(connection) ?? false;
  }

  connectionClosed(connection: Connection): void {
    for (const feed of this.#feeds.values()) feed.unsubscribe(connection);
  }

  /** What a process wrote, once it is in the log. */
  take(id: string, stream: LogStream, bytes: Buffer): void {
    this.#feeds.get(id)?.take(stream, bytes);
  }

  /** No process writes any more: a line without an end is one all the same. */
  ended(id: string): void {
    this.#feeds.get(id)?.end();
  }

  #open(id: string): LogFeed {
    const unused = [...this.#feeds].find(([, feed]) => feed.followers === 0);
    if (this.#feeds.size >= maxFeeds) {
      if (!unused) throw fail('overloaded', `Cannot follow the log: those of ${maxFeeds} agents are, the limit`);
      this.forget(unused[0]);
    }
    const feed = new LogFeed(id, this.#options.now ?? (() => performance.now()));
    if (this.#options.isRunning(id))
      for (const stream of streams) feed.begin(stream, readTail(this.#options.pathOf(id, stream), 0).rest);
    this.#feeds.set(id, feed);
    return feed;
  }

  forget(id: string): void {
    this.#feeds.get(id)?.[Symbol.dispose]();
    this.#feeds.delete(id);
  }

  [Symbol.dispose](): void {
    for (const id of this.#feeds.keys()) this.forget(id);
  }
}

class LogFeed implements Disposable {
  readonly #id: string;
  readonly #now: () => number;
  readonly #feed: CursorFeed<AgentLogEntry>;
  /** Of each stream, the line that has not ended. */
  readonly #rests: Record<LogStream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #room = maxBytesPerSecond;
  #windowStartedAt = -Infinity;
  #skipped: Record<LogStream, number> = { stdout: 0, stderr: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(id: string, now: () => number) {
    this.#id = id;
    this.#now = now;
    this.#feed = new CursorFeed<AgentLogEntry>({
      event: 'agents.log.event',
      maxEntries: 1_000,
      maxCharacters: 1024 * 1024,
      gapOf: ({ cursor, from, to }) => ({ agent_id: id, cursor, kind: 'gap', missed: to - from + 1, lines: [] }),
    });
  }

  get followers(): number {
    return this.#feed.subscribers;
  }

  subscribe(connection: Connection, after: FeedCursor | undefined) {
    if (this.#feed.subscribers >= maxFollowers && !this.#feed.isSubscribed(connection))
      throw fail('overloaded', `Cannot follow the log: ${maxFollowers} connections do, the limit`);
    const { cursor, delivery, entries } = this.#feed.subscribe(connection, after);
    return { cursor, delivery, entries: entries?.map(({ agent_id: _id, cursor: _cursor, ...entry }) => entry) };
  }

  unsubscribe(connection: Connection): boolean {
    return this.#feed.unsubscribe(connection);
  }

  begin(stream: LogStream, rest: Buffer): void {
    this.#rests[stream] = rest;
  }

  take(stream: LogStream, bytes: Buffer): void {
    const lines: string[] = [];
    let text = this.#rests[stream].length > 0 ? Buffer.concat([this.#rests[stream], bytes]) : bytes;
    for (let end = endOfLine(text); end !== undefined; end = endOfLine(text)) {
      if (this.#hasRoomFor(end + 1)) lines.push(text.toString('utf8', 0, end));
      else this.#skip(stream);
      text = text.subarray(text[end] === newline ? end + 1 : end);
    }
    // A copy: what is left is small, and what it is part of may not be.
    this.#rests[stream] = Buffer.from(text);
    if (lines.length > 0) this.#publish(stream, lines);
  }

  end(): void {
    for (const stream of streams) {
      const rest = this.#rests[stream];
      this.#rests[stream] = Buffer.alloc(0);
      if (rest.length > 0) this.#publish(stream, [rest.toString('utf8')]);
    }
  }

  #hasRoomFor(bytes: number): boolean {
    const now = this.#now();
    if (now - this.#windowStartedAt >= windowMs) {
      this.#windowStartedAt = now;
      this.#room = maxBytesPerSecond;
    }
    if (this.#room < bytes) return false;
    this.#room -= bytes;
    return true;
  }

  /** Told with the next lines, or when there are none for a while. */
  #skip(stream: LogStream): void {
    this.#skipped[stream]++;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const each of streams) if (this.#skipped[each] > 0) this.#publish(each, []);
    }, windowMs).unref();
  }

  #publish(stream: LogStream, lines: string[]): void {
    const skipped = this.#skipped[stream];
    this.#skipped[stream] = 0;
    const at = new Date().toISOString();
    this.#feed.publish((cursor) => ({
      agent_id: this.#id,
      cursor,
      at,
      stream,
      lines,
      ...(skipped > 0 && { skipped }),
    }));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Where the first line ends: before its newline, or where it is too long. */
function endOfLine(text: Buffer): number | undefined {
  const end = text.indexOf(newline);
  if (end !== -1 && end <= maxLineBytes) return end;
  return text.length > maxLineBytes ? maxLineBytes : undefined;
}

/** The last lines of a log, and what stands behind the last end of a line. */
function readTail(path: string, count: number): { lines: string[]; rest: Buffer; hasMore: boolean } {
  const { bytes, isCut } = readEnd(path);
  const end = bytes.lastIndexOf(newline) + 1;
  const rest = bytes.subarray(Math.max(end, bytes.length - maxLineBytes));
  if (count === 0 || end === 0) return { lines: [], rest, hasMore: isCut || end > 0 };
  const lines = bytes.toString('utf8', 0, end - 1).split('\n');
  // What is left of the first line says nothing on its own.
  if (isCut) lines.shift();
  return { lines: lines.slice(-count), rest, hasMore: isCut || lines.length > count };
}

function readEnd(path: string): { bytes: Buffer; isCut: boolean } {
  const files = openFiles(path);
  try {
    let room = maxTailBytes;
    const pieces: Buffer[] = [];
    for (const { descriptor, size } of files) {
      const length = Math.min(size, room);
      const piece = Buffer.alloc(length);
      const read = length === 0 ? 0 : readSync(descriptor, piece, 0, length, size - length);
      pieces.unshift(piece.subarray(0, read));
      room -= length;
    }
    return { bytes: Buffer.concat(pieces), isCut: files.reduce((sum, { size }) => sum + size, 0) > maxTailBytes };
  } finally {
    for (const { descriptor } of files) closeSync(descriptor);
  }
}
