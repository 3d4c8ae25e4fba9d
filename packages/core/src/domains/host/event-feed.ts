// Host events: a ring of the newest, and who follows them (Host surface, host.event).
import { randomUUID } from 'node:crypto';
import type { FeedCursor, HostEvent } from '@car-runtime/protocol';
import { SharedFrame } from '@car-runtime/rpc';
import { timestamp } from '../../infra/timestamp.ts';
import type { Connection } from '../../kernel/connection.ts';
import { Subscriber, type Gap } from '../../kernel/feed-subscriber.ts';
import type { Logger } from '../../kernel/logger.ts';

export const maxRingEvents = 500;
/** Of the ring in all, as JSON: events with large payloads leave it sooner. */
export const maxRingBytes = 8 * 1024 * 1024;
/** Of one event, as JSON. */
export const maxEventBytes = 256 * 1024;

export interface NewHostEvent {
  agentId?: string | undefined;
  message?: string | undefined;
  /** Only encoded. */
  payload?: object | undefined;
}

/** What other domains tell hosts with. */
export interface HostEvents {
  /** Puts an event in the ring and tells every subscriber. Never waits for one. Throws for an event that is too large. */
  publish(kind: string, event?: NewHostEvent): HostEvent;
  /** Tells one connection, whether it subscribed or not. Such an event is in no ring and has no number. */
  tell(connection: Connection, kind: string, event?: NewHostEvent): void;
  isSubscribed(connection: Connection): boolean;
}

/** What a subscriber that said where it stood is given. */
export type Delivery = 'replayed' | 'snapshot' | 'reset';

interface RingEntry {
  readonly event: HostEvent;
  readonly bytes: number;
}

export class EventTooLargeError extends Error {
  constructor(bytes: number) {
    super(`the event takes ${bytes} bytes, the limit is ${maxEventBytes}`);
  }
}

export class EventFeed implements HostEvents {
  /** Of this life of the daemon. */
  readonly epoch: string = randomUUID();
  readonly #logger: Logger;
  readonly #subscriptions = new Map<Connection, Subscriber>();
  #ring: RingEntry[] = [];
  #ringBytes = 0;
  #sequence = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get cursor(): FeedCursor {
    return { epoch: this.epoch, seq: this.#sequence };
  }

  get subscribers(): number {
    return this.#subscriptions.size;
  }

  publish(kind: string, event: NewHostEvent = {}): HostEvent {
    const record = { ...toHostEvent(kind, event), sequence: this.#sequence + 1 };
    const json = JSON.stringify(record);
    if (json.length > maxEventBytes) throw new EventTooLargeError(json.length);
    // One synchronous block: the number, the ring and every queue agree on the order of events.
    const sequence = ++this.#sequence;
    this.#keep({ event: record, bytes: json.length });
    if (this.#subscriptions.size > 0) {
      const frame = toFrame(json);
      for (const subscriber of this.#subscriptions.values()) subscriber.push(frame, sequence);
    }
    return record;
  }

  tell({ peer }: Connection, kind: string, event: NewHostEvent = {}): void {
    peer.notify('host.event', toHostEvent(kind, event), { isBestEffort: true });
  }

  isSubscribed(connection: Connection): boolean {
    return this.#subscriptions.has(connection);
  }

  /** The newest events, in the order they happened; no more of them than `maxBytes` hold. */
  newest(limit: number, maxBytes: number = maxRingBytes): HostEvent[] {
    let from = this.#ring.length;
    for (let bytes = 0; from > 0 && this.#ring.length - from < limit; from--) {
      bytes += (this.#ring[from - 1] as RingEntry).bytes;
      if (bytes > maxBytes) break;
    }
    return this.#ring.slice(from).map(({ event }) => event);
  }

  /** What came after a cursor, when all of it is still there. */
  since(after: FeedCursor): { delivery: Delivery; events?: HostEvent[] } {
    if (after.epoch !== this.epoch || after.seq > this.#sequence) return { delivery: 'reset' };
    const first = this.#sequence - this.#ring.length + 1;
    if (after.seq + 1 < first) return { delivery: 'snapshot' };
    return { delivery: 'replayed', events: this.#ring.slice(after.seq + 1 - first).map(({ event }) => event) };
  }

  /** Events from now on; a repeated subscription takes the place of the one before. Only who asked for it is told of gaps. */
  subscribe(connection: Connection, { wantsGaps }: { wantsGaps: boolean }): void {
    this.#subscriptions.get(connection)?.[Symbol.dispose]();
    const { peer } = connection;
    const subscriber = new Subscriber({
      sink: {
        get isReaderSlow() {
          return peer.isReaderSlow;
        },
        send: (frame) => void peer.sendShared(frame),
      },
      encodeGap: wantsGaps ? toGapFrame : undefined,
      onDrop: (sequence) => this.#logger.debug({ client_id: connection.id, sequence }, 'host event dropped'),
    });
    subscriber.open(this.#sequence);
    this.#subscriptions.set(connection, subscriber);
  }

  unsubscribe(connection: Connection): void {
    this.#subscriptions.get(connection)?.[Symbol.dispose]();
    this.#subscriptions.delete(connection);
  }

  #keep(entry: RingEntry): void {
    this.#ring.push(entry);
    this.#ringBytes += entry.bytes;
    while (this.#ring.length > maxRingEvents || this.#ringBytes > maxRingBytes) {
      this.#ringBytes -= this.#ring.shift()?.bytes ?? 0;
    }
  }
}

function toHostEvent(kind: string, { agentId, message, payload }: NewHostEvent): HostEvent {
  return {
    id: `event-${randomUUID()}`,
    timestamp: timestamp(),
    kind,
    agent_id: agentId ?? null,
    message: message ?? null,
    payload: (payload ?? {}) as Record<string, unknown>,
  };
}

function toFrame(eventJson: string): SharedFrame {
  return SharedFrame.text(`{"jsonrpc":"2.0","method":"host.event","params":${eventJson}}`);
}

/** Stands where the events were dropped, and has their last number. */
function toGapFrame({ after, from, to }: Gap): SharedFrame {
  const event = { ...toHostEvent('gap', { payload: { after, from, to } }), sequence: to };
  return toFrame(JSON.stringify(event));
}
