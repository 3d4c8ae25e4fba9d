// A feed that can be resumed: every entry has a number, the newest are kept, and whoever comes back with the number of the
// last it saw gets what followed, or is told that it cannot.
import { randomUUID } from 'node:crypto';
import type { FeedCursor } from '@car-runtime/protocol';
import { SharedFrame } from '@car-runtime/rpc';
import type { Connection } from './connection.ts';
import { Subscriber, type Gap } from './feed-subscriber.ts';

export interface CursorFeedOptions<T> {
  /** Wire name of the notification. */
  event: string;
  /** Newest entries kept for those who come back. */
  maxEntries: number;
  /** Of what is kept in all, as JSON characters: large entries leave sooner. */
  maxCharacters: number;
  /** Of one entry, as JSON characters. Default: none. */
  maxEntryCharacters?: number;
  /** Params of the notification that stands where entries were dropped, for those who asked with a cursor. */
  gapOf: (gap: Gap & { cursor: FeedCursor }) => T;
  /** What of an entry a connection may see; the entry itself where that is all of it. Default: all of it. */
  shownTo?: (entry: T, connection: Connection) => T;
  /** An entry that a slow reader did not get. */
  onDrop?: (connection: Connection, seq: number) => void;
}

/** Where a reader begins. */
export interface FeedStart<T> {
  cursor: FeedCursor;
  /** `snapshot`: it had no cursor, or what came after it is no longer kept. `reset`: its cursor is of another feed. */
  delivery: 'snapshot' | 'replayed' | 'reset';
  /** What came after its cursor, when all of that is still kept. */
  entries?: T[];
}

export class EntryTooLargeError extends Error {
  constructor(characters: number, maxCharacters: number) {
    super(`the event takes ${characters} bytes, the limit is ${maxCharacters}`);
  }
}

interface Kept<T> {
  readonly entry: T;
  readonly characters: number;
}

export class CursorFeed<T extends object> {
  /** Of this life of the feed. */
  readonly epoch: string = randomUUID();
  readonly #options: CursorFeedOptions<T>;
  readonly #subscribers = new Map<Connection, Subscriber>();
  #kept: Kept<T>[] = [];
  #characters = 0;
  #seq = 0;

  constructor(options: CursorFeedOptions<T>) {
    this.#options = options;
  }

  get cursor(): FeedCursor {
    return { epoch: this.epoch, seq: this.#seq };
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  isSubscribed(connection: Connection): boolean {
    return this.#subscribers.has(connection);
  }

  /** One synchronous block: the number, what is kept and every queue agree on the order. Never waits for a reader. Returns
   *  the entry, and the frame of it. Throws `EntryTooLargeError`; then nothing happened. */
  publish<E extends T>(entryAt: (cursor: FeedCursor) => E): { entry: E; frame: SharedFrame } {
    const { maxEntryCharacters = Infinity, shownTo } = this.#options;
    const seq = this.#seq + 1;
    const entry = entryAt({ epoch: this.epoch, seq });
    const json = JSON.stringify(entry);
    if (json.length > maxEntryCharacters) throw new EntryTooLargeError(json.length, maxEntryCharacters);
    this.#seq = seq;
    this.#keep({ entry, characters: json.length });
    const frame = this.#toFrame(json);
    for (const [connection, subscriber] of this.#subscribers) {
      const shown = shownTo ? shownTo(entry, connection) : entry;
      subscriber.push(shown === entry ? frame : this.#toFrame(JSON.stringify(shown)), seq);
    }
    return { entry, frame };
  }

  /** Entries from now on, and those behind a cursor, as far as they are kept. One synchronous block: what is answered and
   *  what follows leave no gap and no duplicate. A repeated subscription takes the place of the one before. */
  subscribe(connection: Connection, after: FeedCursor | undefined): FeedStart<T> {
    this.unsubscribe(connection);
    const { peer } = connection;
    const subscriber = new Subscriber({
      sink: {
        get isReaderSlow() {
          return peer.isReaderSlow;
        },
        send: (frame) => void peer.sendShared(frame),
      },
      encodeGap: after && ((gap) => this.#toGapFrame(gap)),
      onDrop: (seq) => this.#options.onDrop?.(connection, seq),
    });
    subscriber.open(this.#seq);
    this.#subscribers.set(connection, subscriber);
    return { cursor: this.cursor, ...this.#since(after, connection) };
  }

  unsubscribe(connection: Connection): boolean {
    this.#subscribers.get(connection)?.[Symbol.dispose]();
    return this.#subscribers.delete(connection);
  }

  /** The newest of what is kept, in order; no more of them than `maxCharacters` hold. */
  newest(limit = Infinity, maxCharacters = Infinity): T[] {
    let from = this.#kept.length;
    for (let characters = 0; from > 0 && this.#kept.length - from < limit; from--) {
      characters += (this.#kept[from - 1] as Kept<T>).characters;
      if (characters > maxCharacters) break;
    }
    return this.#kept.slice(from).map(({ entry }) => entry);
  }

  #since(after: FeedCursor | undefined, connection: Connection): Pick<FeedStart<T>, 'delivery' | 'entries'> {
    if (after === undefined) return { delivery: 'snapshot' };
    if (after.epoch !== this.epoch || after.seq > this.#seq) return { delivery: 'reset' };
    const missing = this.#seq - after.seq;
    if (missing > this.#kept.length) return { delivery: 'snapshot' };
    const { shownTo } = this.#options;
    const entries = this.newest(missing);
    return { delivery: 'replayed', entries: shownTo ? entries.map((each) => shownTo(each, connection)) : entries };
  }

  #keep(entry: Kept<T>): void {
    const { maxEntries, maxCharacters } = this.#options;
    this.#kept.push(entry);
    this.#characters += entry.characters;
    while (this.#kept.length > maxEntries || (this.#characters > maxCharacters && this.#kept.length > 0))
      this.#characters -= this.#kept.shift()?.characters ?? 0;
  }

  #toGapFrame(gap: Gap): SharedFrame {
    return this.#toFrame(JSON.stringify(this.#options.gapOf({ ...gap, cursor: { epoch: this.epoch, seq: gap.to } })));
  }

  #toFrame(json: string): SharedFrame {
    return SharedFrame.text(`{"jsonrpc":"2.0","method":${JSON.stringify(this.#options.event)},"params":${json}}`);
  }
}
