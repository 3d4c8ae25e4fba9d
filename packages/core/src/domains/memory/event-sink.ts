import type { JournalEvent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';

/** What the domain needs of a connection's event log. */
export interface EventSink {
  append(connection: Connection, kind: string, data: object): void;
  /** The newest so many, newest first. */
  recent(connection: Connection, limit: number, signal: AbortSignal): Promise<JournalEvent[]>;
}
