// What happens to agents, for those who watch: numbered, so that a client can ask for what came after the last it saw.
import { fail, type AgentChange, type FeedCursor, type ManagedAgent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { CursorFeed } from '../../kernel/cursor-feed.ts';
import { visibleTo } from './view.ts';

const maxWatchers = 10_000;

export interface WatchStart {
  cursor: FeedCursor;
  delivery: 'snapshot' | 'replayed' | 'reset';
  changes?: AgentChange[];
}

export class AgentFeed {
  readonly #changes = new CursorFeed<AgentChange>({
    event: 'agents.watch.event',
    maxEntries: 500,
    maxCharacters: 4 * 1024 * 1024,
    shownTo: (change, connection) => {
      const agent = change.agent && visibleTo(change.agent, connection);
      return agent === change.agent ? change : { ...change, agent };
    },
    gapOf: ({ cursor, from, to }) => ({ cursor, kind: 'gap', missed: to - from + 1 }),
  });

  get cursor(): FeedCursor {
    return this.#changes.cursor;
  }

  watch(connection: Connection, after: FeedCursor | undefined): WatchStart {
    if (this.#changes.subscribers >= maxWatchers && !this.#changes.isSubscribed(connection))
      throw fail('overloaded', `Cannot watch agents: ${maxWatchers} connections do, the limit`);
    const { cursor, delivery, entries } = this.#changes.subscribe(connection, after);
    if (entries) return { cursor, delivery, changes: entries };
    // Whoever comes with a cursor that is too old hears what it would of one that is unknown.
    return { cursor, delivery: after === undefined ? 'snapshot' : 'reset' };
  }

  unwatch(connection: Connection): boolean {
    return this.#changes.unsubscribe(connection);
  }

  publish(kind: Exclude<AgentChange['kind'], 'gap'>, agentId: string, agent: ManagedAgent | undefined): void {
    this.#changes.publish((cursor) => ({ cursor, kind, agent_id: agentId, ...(agent && { agent }) }));
  }
}
