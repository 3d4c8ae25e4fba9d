// One connection's view of one feed: a bounded queue of ready frames, and the drain that hands them to its peer.
import type { SharedFrame } from '@car-runtime/rpc';

/** Events that wait for a reader (Run tracing, I-2). */
export const maxQueuedEvents = 256;
/** How soon a reader that was too slow is tried again, in ms, when no event comes before. */
const firstRetryMs = 25;
/** It doubles up to this, so that ten thousand subscriptions of one reader that never reads cost next to nothing. */
const maxRetryMs = 800;

/** The way to a subscriber's peer. */
export interface EventSink {
  /** Whether the peer has more queued than a slow reader may. */
  readonly isReaderSlow: boolean;
  send(frame: SharedFrame): void;
}

export interface SubscriberOptions {
  sink: EventSink;
  /** Makes the marker of a gap, for a subscriber that is to be told. */
  encodeGap: ((gap: Gap) => SharedFrame) | undefined;
  onDrop: (cursor: number) => void;
}

/** Cursors of the first and the last event that were dropped one after another, and of the last one before them. */
export interface Gap {
  readonly after: number;
  readonly from: number;
  to: number;
}

export class Subscriber implements Disposable {
  readonly #options: SubscriberOptions;
  #queue: SharedFrame[] = [];
  /** Events in the queue: of a burst, each counts. */
  #queuedEvents = 0;
  #gap: Gap | undefined;
  #lastCursor = 0;
  #isOpen = false;
  #isClosed = false;
  #isScheduled = false;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;

  constructor(options: SubscriberOptions) {
    this.#options = options;
  }

  /** I-2: takes no longer whatever the reader does, since only the drain hands anything to its peer. I-3: an event that finds
   *  the queue full is dropped for this subscriber alone; of a burst, what there is no room for. `cursor` is that of the last
   *  event. */
  push(frame: SharedFrame, cursor: number): void {
    if (this.#isClosed) return;
    // A burst within one turn fills the queue of a reader that keeps up too: it gets what is queued first.
    if (this.#isOpen && this.#lacksRoomFor(frame)) this.#drain();
    if (this.#lacksRoomFor(frame) && frame.messageCount > 1) {
      const first = cursor - frame.messageCount + 1;
      frame.messages.forEach((message, index) => this.#take(message, first + index));
    } else this.#take(frame, cursor);
  }

  #lacksRoomFor({ messageCount }: SharedFrame): boolean {
    return this.#queuedEvents + messageCount > maxQueuedEvents;
  }

  #take(frame: SharedFrame, cursor: number): void {
    if (this.#lacksRoomFor(frame)) {
      this.#gap ??= { after: this.#lastCursor, from: cursor, to: cursor };
      this.#gap.to = cursor;
      this.#options.onDrop(cursor);
      return;
    }
    this.#closeGap();
    this.#enqueue(frame);
    this.#lastCursor = cursor;
    this.#schedule();
  }

  #enqueue(frame: SharedFrame): void {
    this.#queue.push(frame);
    this.#queuedEvents += frame.messageCount;
  }

  /** Begins to deliver what comes behind this cursor. The drain runs after this turn's work, when the answer to the
   *  subscription is queued. */
  open(cursor: number): void {
    this.#lastCursor = cursor;
    this.#isOpen = true;
    this.#schedule();
  }

  /** The marker stands where the events would have been. */
  #closeGap(): void {
    if (!this.#gap) return;
    const marker = this.#options.encodeGap?.(this.#gap);
    this.#gap = undefined;
    if (marker) this.#enqueue(marker);
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#isOpen || this.#isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    if (this.#isClosed) return;
    this.#sendQueued();
    const { isReaderSlow } = this.#options.sink;
    if (this.#queue.length === 0 && this.#gap && !isReaderSlow) {
      this.#closeGap();
      this.#sendQueued();
    }
    if (this.#queue.length > 0 || this.#gap) this.#retryLater();
  }

  /** A reader that takes something is tried again soon. */
  #sendQueued(): void {
    const { sink } = this.#options;
    const queue = this.#queue;
    let sent = 0;
    while (sent < queue.length && !sink.isReaderSlow) {
      const frame = queue[sent++] as SharedFrame;
      this.#queuedEvents -= frame.messageCount;
      sink.send(frame);
    }
    this.#queue = sent === queue.length ? [] : queue.slice(sent);
    if (sent > 0) this.#retryMs = firstRetryMs;
  }

  #retryLater(): void {
    if (this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#drain();
    }, this.#retryMs);
    this.#retry.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#queue = [];
    clearTimeout(this.#retry);
  }
}
