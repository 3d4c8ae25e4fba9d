// The memory that is looked at: chosen once for each connection, and followed as it changes, across reconnects.
import type { Client } from '@car-runtime/client';
import type { FeedCursor, MemoryChange, MemoryScope } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import { Store } from './store.ts';

const maxChanges = 200;
/** A burst of changes is one reason to ask again. */
const settleMs = 200;

export interface MemoryPlace {
  scope: MemoryScope;
  /** The empty one is nobody's. */
  tenant: string;
}

export interface MemoryView {
  /** Rises when something has changed: what was read is to be read again. */
  version: number;
  /** Newest first, of the place that is open. */
  changes: readonly MemoryChange[];
  error?: unknown;
}

export const memoryView = new Store<MemoryView>({ version: 0, changes: [] });

interface Opened {
  key: string;
  place: string;
  client: Promise<Client>;
}

let opened: Opened | undefined;
let cursor: FeedCursor | undefined;
let followed: Client | undefined;
let settling: ReturnType<typeof setTimeout> | undefined;

/** The client, once it works on that memory. What is asked through it afterwards is asked of that one. */
export function openMemory({ scope, tenant }: MemoryPlace): Promise<Client> {
  const place = JSON.stringify([scope.kind, scope.name ?? '', tenant]);
  const key = `${connection.value.connections} ${place}`;
  if (opened?.key === key) return opened.client;
  // Another memory has cursors of its own.
  if (opened?.place !== place) {
    cursor = undefined;
    memoryView.set({ version: memoryView.value.version + 1, changes: [] });
  }
  const opening = select(client(), { scope, tenant });
  opened = { key, place, client: opening };
  // Tried again by whoever asks next.
  opening.catch(() => {
    if (opened?.key === key) opened = undefined;
  });
  return opening;
}

async function select(from: Client, { scope, tenant }: MemoryPlace): Promise<Client> {
  if (followed !== from) {
    followed = from;
    void readChanges(from);
  }
  await from.memory.select({
    ...(scope.kind === 'namespace' && { namespace: scope.name ?? null }),
    ...(scope.kind === 'agent' && { agent_id: scope.name ?? null }),
  });
  const answer = await from.memory.watch({ after: cursor ?? null, ...(tenant && { tenant_id: tenant }) });
  cursor = answer.cursor;
  for (const change of answer.changes ?? []) apply(change);
  if (answer.delivery === 'reset') changed();
  return from;
}

async function readChanges(from: Client): Promise<void> {
  try {
    for await (const change of from.events('memory.watch.event', { bufferSize: 2_048 })) apply(change);
  } catch (error) {
    memoryView.update((view) => ({ ...view, error }));
  }
}

function apply(change: MemoryChange): void {
  if (change.cursor.epoch === cursor?.epoch && change.cursor.seq <= cursor.seq && change.kind !== 'gap') return;
  cursor = change.cursor;
  memoryView.update((view) => ({ ...view, changes: [change, ...view.changes].slice(0, maxChanges) }));
  changed();
}

function changed(): void {
  settling ??= setTimeout(() => {
    settling = undefined;
    memoryView.update((view) => ({ ...view, version: view.version + 1 }));
  }, settleMs);
}
