// What changes in a memory, for those who watch: numbered for each tenant, so that a client can ask for what came after the
// last it saw, and cannot tell from the numbers what others do.
import { randomUUID } from 'node:crypto';
import { factKindOf, isValidKind, type MemoryEngine, type MemoryNode } from '@car-runtime/memory';
import { fail, type FeedCursor, type MemoryChange } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { toRow } from './rows.ts';

/** Changes kept for those who come back, for each tenant. */
const maxKept = 500;
const maxWatchers = 10_000;
/** Tenants whose changes are kept; beyond it those that nobody watches are forgotten. */
const maxTenants = 256;
/** A fact's text in an event; the whole is a query away. */
const maxBodyChars = 4_096;

interface Watcher {
  readonly connection: Connection;
  /** Whether it said how far it had come, and so is told of gaps. */
  readonly knowsCursors: boolean;
  missed: number;
}

export interface WatchStart {
  cursor: FeedCursor;
  delivery: 'live' | 'replayed' | 'reset';
  changes?: MemoryChange[];
}

class TenantFeed {
  readonly epoch = randomUUID();
  seq = 0;
  kept: MemoryChange[] = [];
  readonly watchers = new Map<string, Watcher>();
}

export class MemoryFeed implements Disposable {
  readonly #tenants = new Map<string, TenantFeed>();
  readonly #unsubscribe: () => void;
  #watcherCount = 0;

  constructor({ graph }: MemoryEngine) {
    this.#unsubscribe = graph.subscribe({
      nodeAdded: (node) => this.#publish('added', node),
      nodeChanged: (node, before) => {
        if (!isValidKind(node.kind) && isValidKind(before.kind)) {
          this.#publish(node.kind === 'conclusion_invalidated' ? 'invalidated' : 'superseded', node);
        } else if (node.needsReview !== before.needsReview) this.#publish('review', node);
      },
      nodeRemoved: (node) => this.#publish('removed', node),
      reset: () => {
        for (const tenant of this.#tenants.values()) this.#deliver(tenant, { kind: 'reset' });
      },
    });
  }

  /** One synchronous block: what the answer holds and what follows as events leave no gap and no duplicate. */
  watch(connection: Connection, tenant: string, after: FeedCursor | undefined): WatchStart {
    if (this.#watcherCount >= maxWatchers) {
      throw fail('overloaded', `Cannot watch a memory: ${maxWatchers} connections do, the limit`);
    }
    this.unwatch(connection);
    const feed = this.#feedOf(tenant);
    feed.watchers.set(connection.id, { connection, knowsCursors: after !== undefined, missed: 0 });
    this.#watcherCount++;
    const cursor = { epoch: feed.epoch, seq: feed.seq };
    if (after === undefined) return { cursor, delivery: 'live' };
    const behind = feed.seq - after.seq;
    if (after.epoch !== feed.epoch || behind < 0 || behind > feed.kept.length) return { cursor, delivery: 'reset' };
    return { cursor, delivery: 'replayed', changes: behind === 0 ? [] : feed.kept.slice(-behind) };
  }

  unwatch(connection: Connection): boolean {
    for (const { watchers } of this.#tenants.values()) {
      if (!watchers.delete(connection.id)) continue;
      this.#watcherCount--;
      return true;
    }
    return false;
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#tenants.clear();
  }

  #feedOf(tenant: string): TenantFeed {
    let feed = this.#tenants.get(tenant);
    if (!feed) {
      if (this.#tenants.size >= maxTenants) this.#forgetOne();
      this.#tenants.set(tenant, (feed = new TenantFeed()));
    }
    return feed;
  }

  #forgetOne(): void {
    for (const [tenant, { watchers }] of this.#tenants) {
      if (watchers.size > 0) continue;
      this.#tenants.delete(tenant);
      return;
    }
    throw fail('overloaded', `Cannot watch a memory: ${maxTenants} tenants are watched, the limit`);
  }

  #publish(kind: MemoryChange['kind'], node: MemoryNode): void {
    const tenant = this.#tenants.get(node.tenant);
    if (!tenant || node.kind === 'identity' || node.kind === 'skill' || node.kind === 'skill_deprecated') return;
    const fact = toRow(node);
    this.#deliver(tenant, {
      kind,
      fact: { ...fact, kind: factKindOf(node), body: fact.body.slice(0, maxBodyChars) },
    });
  }

  #deliver(tenant: TenantFeed, change: Omit<MemoryChange, 'cursor'>): void {
    const numbered = { cursor: { epoch: tenant.epoch, seq: ++tenant.seq }, ...change };
    tenant.kept.push(numbered);
    // Cut now and then, not at every change.
    if (tenant.kept.length >= 2 * maxKept) tenant.kept = tenant.kept.slice(-maxKept);
    for (const watcher of tenant.watchers.values()) tell(watcher, numbered);
  }
}

function tell(watcher: Watcher, change: MemoryChange): void {
  const notify = (each: MemoryChange): boolean =>
    watcher.connection.peer.notify('memory.watch.event', each, { isBestEffort: true });
  if (watcher.missed > 0 && watcher.knowsCursors) {
    const { epoch, seq } = change.cursor;
    if (!notify({ cursor: { epoch, seq: seq - 1 }, kind: 'gap', missed: watcher.missed })) {
      watcher.missed++;
      return;
    }
  }
  watcher.missed = notify(change) ? 0 : watcher.missed + 1;
}
