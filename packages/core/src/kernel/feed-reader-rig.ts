// For tests of feeds: a connection that takes what a feed sends, and whose reader can be made slow.
import type { SharedFrame } from '@car-runtime/rpc';
import type { Connection } from './connection.ts';

export interface FeedReader<T> {
  readonly connection: Connection;
  /** Params of the notifications it was sent. */
  readonly received: T[];
  isSlow: boolean;
}

export function createFeedReader<T>(id = 'reader', role: 'agent' | 'host' = 'host'): FeedReader<T> {
  const reader: { connection: Connection; received: T[]; isSlow: boolean } = {
    connection: {
      id,
      role,
      peer: {
        get isReaderSlow() {
          return reader.isSlow;
        },
        sendShared: ({ text }: SharedFrame) =>
          void reader.received.push((JSON.parse(text ?? '') as { params: T }).params),
      },
    } as unknown as Connection,
    received: [],
    isSlow: false,
  };
  return reader;
}
