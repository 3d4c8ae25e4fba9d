// What happens to agents, for those who watch: numbered, so that a client can ask for what came after the last it saw.
import { randomUUID } from 'node:crypto';
import { fail, type AgentChange, type FeedCursor, type ManagedAgent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';

/** Changes kept for those who come back. */
const maxKept = 500;
const maxWatchers = 10_000;

type Change = Omit<AgentChange, 'cursor'> & { cursor: FeedCursor };

interface Watcher {
  connection: Connection;
  /** Whether it said how far it had come, and so is told of gaps. */
  knowsCursors: boolean;
  missed: number;
}

export interface WatchStart {
  cursor: FeedCursor;
  delivery: 'snapshot' | 'replayed' | 'reset';
  changes?: Change[];
}

export class AgentFeed {
  readonly #epoch = randomUUID();
  readonly #visibleTo: (agent: ManagedAgent, connection: Connection) => ManagedAgent;
  #seq = 0;
  #kept: Change[] = [];
  /** One of each connection. */
  readonly #watchers = new Map<string, Watcher>();

  constructor(visibleTo: (agent: ManagedAgent, connection: Connection) => ManagedAgent) {
    this.#visibleTo = visibleTo;
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0;
  }

  get cursor(): FeedCursor {
    return { epoch: this.#epoch, seq: this.#seq };
  }

  /** One synchronous block: what the answer holds and what follows as events leave no gap and no duplicate. */
  watch(connection: Connection, after: FeedCursor | undefined): WatchStart {
    if (this.#watchers.size >= maxWatchers && !this.#watchers.has(connection.id))
      throw fail('overloaded', `Cannot watch agents: ${maxWatchers} connections do, the limit`);
    this.#watchers.set(connection.id, { connection, knowsCursors: after !== undefined, missed: 0 });
    const { cursor } = this;
    if (after === undefined) return { cursor, delivery: 'snapshot' };
    const isKnown = after.epoch === this.#epoch && after.seq <= this.#seq;
    if (!isKnown || this.#seq - after.seq > this.#kept.length) return { cursor, delivery: 'reset' };
    const changes = after.seq === this.#seq ? [] : this.#kept.slice(after.seq - this.#seq);
    return { cursor, delivery: 'replayed', changes: changes.map((change) => this.#shownTo(change, connection)) };
  }

  unwatch(connection: Connection): boolean {
    return this.#watchers.delete(connection.id);
  }

  publish(kind: Exclude<Change['kind'], 'gap'>, agentId: string, agent: ManagedAgent | undefined): void {
    const change: Change = {
      cursor: { epoch: this.#epoch, seq: ++this.#seq },
      kind,
      agent_id: agentId,
      ...(agent && { agent }),
    };
    this.#kept.push(change);
    // Cut now and then, not at every change.
    if (this.#kept.length >= 2 * maxKept) this.#kept = this.#kept.slice(-maxKept);
    for (const watcher of this.#watchers.values()) this.#deliver(watcher, change);
  }

  #deliver(watcher: Watcher, change: Change): void {
    const { connection } = watcher;
    const notify = (each: Change): boolean =>
      connection.peer.notify('agents.watch.event', this.#shownTo(each, connection), { isBestEffort: true });
    if (watcher.missed > 0 && watcher.knowsCursors) {
      const { epoch, seq } = change.cursor;
      if (!notify({ cursor: { epoch, seq: seq - 1 }, kind: 'gap', missed: watcher.missed })) {
        watcher.missed++;
        return;
      }
    }
    watcher.missed = notify(change) ? 0 : watcher.missed + 1;
  }

  #shownTo(change: Change, connection: Connection): Change {
    return change.agent ? { ...change, agent: this.#visibleTo(change.agent, connection) } : change;
  }
}
