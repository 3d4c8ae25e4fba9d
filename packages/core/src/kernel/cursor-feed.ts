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
  /** Of what is kept in all, as JSON characters. */
  maxCharacters: number;
  /** Params of the notification that stands where events were dropped, for those who asked with a cursor. */
  gapOf: (gap: Gap & { cursor: FeedCursor }) => T;
}

/** What a reader is given at first. */
export interface FeedStart<T> {
  cursor: FeedCursor;
  delivery: 'snapshot' | 'replayed' | 'reset';
  entries: T[];
}

export class CursorFeed<T extends object> {
  readonly epoch: string = randomUUID();
  readonly #options: CursorFeedOptions<T>;
  readonly #subscribers = new Map<Connection, Subscriber>();
  #kept: { readonly entry: T; readonly characters: number }[] = [];
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

  /** One synchronous block: the number, what is kept and every queue agree on the order. Returns the frame all got. */
  publish(entryAt: (cursor: FeedCursor) => T): SharedFrame {
    const seq = this.#seq + 1;
    const entry = entryAt({ epoch: this.epoch, seq });
    const json = JSON.stringify(entry);
    this.#seq = seq;
    this.#keep(entry, json.length);
    const frame = this.#toFrame(json);
    for (const subscriber of this.#subscribers.values()) subscriber.push(frame, seq);
    return frame;
  }

  /** Entries from now on, and those that came before, as far as they are kept. One synchronous block: what is answered and
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
      onDrop: () => undefined,
    });
    subscriber.open(this.#seq);
    this.#subscribers.set(connection, subscriber);
    return { cursor: this.cursor, ...this.#since(after) };
  }

  unsubscribe(connection: Connection): boolean {
    this.#subscribers.get(connection)?.[Symbol.dispose]();
    return this.#subscribers.delete(connection);
  }

  #since(after: FeedCursor | undefined): Pick<FeedStart<T>, 'delivery' | 'entries'> {
    const all = (): T[] => this.#kept.map(({ entry }) => entry);
    if (after === undefined) return { delivery: 'snapshot', entries: all() };
    if (after.epoch !== this.epoch || after.seq > this.#seq) return { delivery: 'reset', entries: all() };
    const missing = this.#seq - after.seq;
    if (missing > this.#kept.length) return { delivery: 'snapshot', entries: all() };
    return { delivery: 'replayed', entries: all().slice(this.#kept.length - missing) };
  }

  #keep(entry: T, characters: number): void {
    const { maxEntries, maxCharacters } = this.#options;
    this.#kept.push({ entry, characters });
    this.#characters += characters;
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
