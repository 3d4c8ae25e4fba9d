import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Subscriber } from '../../kernel/feed-subscriber.ts';

/** What a connection has to do with runs. */
export interface ConnectionRuns {
  /** The run that its plans are recorded in. */
  currentRunId: string | undefined;
  readonly subscriptions: Map<string, Subscriber>;
}

export function createConnectionRuns(): (connection: Connection) => ConnectionRuns {
  return perConnection(() => ({ currentRunId: undefined, subscriptions: new Map() }));
}
