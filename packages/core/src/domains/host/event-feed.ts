// Host events: the newest are kept, and hosts follow them (Host surface, host.event).
import { randomUUID } from 'node:crypto';
import type { HostEvent } from '@car-runtime/protocol';
import { timestamp } from '../../infra/timestamp.ts';
import type { Connection } from '../../kernel/connection.ts';
import { CursorFeed } from '../../kernel/cursor-feed.ts';
import type { Logger } from '../../kernel/logger.ts';

export interface NewHostEvent {
  agentId?: string | undefined;
  message?: string | undefined;
  /** Only encoded. */
  payload?: object | undefined;
}

/** What other domains tell hosts with. */
export interface HostEvents {
  /** Keeps an event among the newest and tells every subscriber. Never waits for one. Throws `EntryTooLargeError`. */
  publish(kind: string, event?: NewHostEvent): HostEvent;
  /** Tells one connection, whether it subscribed or not. Such an event is not kept and has no number. */
  tell(connection: Connection, kind: string, event?: NewHostEvent): void;
  isSubscribed(connection: Connection): boolean;
}

export type EventFeed = CursorFeed<HostEvent>;

export function createEventFeed(logger: Logger): EventFeed {
  return new CursorFeed<HostEvent>({
    event: 'host.event',
    maxEntries: 500,
    maxCharacters: 8 * 1024 * 1024,
    maxEntryCharacters: 256 * 1024,
    gapOf: ({ after, from, to }) => ({ ...toHostEvent('gap', { payload: { after, from, to } }), sequence: to }),
    onDrop: ({ id }, sequence) => logger.debug({ client_id: id, sequence }, 'host event dropped'),
  });
}

export function createHostEvents(feed: EventFeed): HostEvents {
  return {
    publish: (kind, event = {}) => feed.publish(({ seq }) => ({ ...toHostEvent(kind, event), sequence: seq })).entry,
    tell: ({ peer }, kind, event = {}) =>
      void peer.notify('host.event', toHostEvent(kind, event), { isBestEffort: true }),
    isSubscribed: (connection) => feed.isSubscribed(connection),
  };
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
