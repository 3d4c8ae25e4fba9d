// What changes in a memory, for those who watch: numbered for each tenant, so that a client can ask for what came after the
// last it saw, and cannot tell from the numbers what others do.
import { factKindOf, isValidKind, type MemoryEngine, type MemoryNode } from '@car-runtime/memory';
import { fail, type FeedCursor, type MemoryChange } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { CursorFeed } from '../../kernel/cursor-feed.ts';
import { toRow } from './rows.ts';

const maxWatchers = 10_000;
/** Tenants whose changes are kept; beyond it those that nobody watches are forgotten. */
const maxTenants = 256;
/** A fact's text in an event; the whole is a query away. */
const maxBodyChars = 4_096;

export interface WatchStart {
  cursor: FeedCursor;
  delivery: 'live' | 'replayed' | 'reset';
  changes?: MemoryChange[];
}

type TenantFeed = CursorFeed<MemoryChange>;

function createTenantFeed(): TenantFeed {
  return new CursorFeed<MemoryChange>({
    event: 'memory.watch.event',
    maxEntries: 500,
    maxCharacters: 2 * 1024 * 1024,
    gapOf: ({ cursor, from, to }) => ({ cursor, kind: 'gap', missed: to - from + 1 }),
  });
}

export class MemoryFeed implements Disposable {
  readonly #tenants = new Map<string, TenantFeed>();
  #unsubscribe: () => void;
  readonly #forget: () => void;

  constructor(engine: MemoryEngine) {
    this.#unsubscribe = this.#follow(engine);
    this.#forget = engine.onReplaced(() => {
      this.#unsubscribe();
      this.#unsubscribe = this.#follow(engine);
      this.#publishReset();
    });
  }

  #follow({ graph }: MemoryEngine): () => void {
    return graph.subscribe({
      nodeAdded: (node) => this.#publish('added', node),
      nodeChanged: (node, before) => {
        if (!isValidKind(node.kind) && isValidKind(before.kind)) {
          this.#publish(node.kind === 'conclusion_invalidated' ? 'invalidated' : 'superseded', node);
        } else if (node.needsReview !== before.needsReview) this.#publish('review', node);
      },
      nodeRemoved: (node) => this.#publish('removed', node),
      reset: () => this.#publishReset(),
    });
  }

  #publishReset(): void {
    for (const feed of this.#tenants.values()) feed.publish((cursor) => ({ cursor, kind: 'reset' }));
  }

  watch(connection: Connection, tenant: string, after: FeedCursor | undefined): WatchStart {
    if (this.#watchers >= maxWatchers) {
      throw fail('overloaded', `Cannot watch a memory: ${maxWatchers} connections do, the limit`);
    }
    this.unwatch(connection);
    const { cursor, entries } = this.#feedOf(tenant).subscribe(connection, after);
    if (entries) return { cursor, delivery: 'replayed', changes: entries };
    return { cursor, delivery: after === undefined ? 'live' : 'reset' };
  }

  unwatch(connection: Connection): boolean {
    return [...this.#tenants.values()].some((feed) => feed.unsubscribe(connection));
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.#forget();
    this.#tenants.clear();
  }

  #feedOf(tenant: string): TenantFeed {
    let feed = this.#tenants.get(tenant);
    if (!feed) {
      if (this.#tenants.size >= maxTenants) this.#forgetOne();
      this.#tenants.set(tenant, (feed = createTenantFeed()));
    }
    return feed;
  }

  #forgetOne(): void {
    for (const [tenant, { subscribers }] of this.#tenants) {
      if (subscribers > 0) continue;
      this.#tenants.delete(tenant);
      return;
    }
    throw fail('overloaded', `Cannot watch a memory: ${maxTenants} tenants are watched, the limit`);
  }

  #publish(kind: MemoryChange['kind'], node: MemoryNode): void {
    const feed = this.#tenants.get(node.tenant);
    if (!feed || node.kind === 'identity' || node.kind === 'skill' || node.kind === 'skill_deprecated') return;
    const fact = toRow(node);
    feed.publish((cursor) => ({
      cursor,
      kind,
      fact: { ...fact, kind: factKindOf(node), body: fact.body.slice(0, maxBodyChars) },
    }));
  }

  get #watchers(): number {
    let count = 0;
    for (const { subscribers } of this.#tenants.values()) count += subscribers;
    return count;
  }
}
