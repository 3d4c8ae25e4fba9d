// What the daemon tells its hosts, kept up to date: approvals, agents, the newest events. It goes on from its cursor after a
// lost connection, and begins anew where the daemon says that it cannot.
import type { Client } from '@car-runtime/client';
import type { FeedCursor, HostAgent, HostApproval, HostEvent, HostIdentity } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import { Store } from './store.ts';

const maxEvents = 1_000;
const maxEnded = 200;
const pageSize = 500;

export interface HostView {
  isReady: boolean;
  error?: unknown;
  /** Those that wait, oldest first. */
  pending: readonly HostApproval[];
  /** Those that have ended, newest first. */
  ended: readonly HostApproval[];
  agents: readonly HostAgent[];
  /** Oldest first. */
  events: readonly HostEvent[];
  /** What the daemon is, to its agents among others. */
  identity?: HostIdentity | undefined;
}

export const hostView = new Store<HostView>({ isReady: false, pending: [], ended: [], agents: [], events: [] });

let cursor: FeedCursor | undefined;
let subscribed = 0;
let isFollowing = false;

/** Follows for as long as the page is open; once is enough. */
export function followHost(): void {
  if (isFollowing) return;
  isFollowing = true;
  connection.listen(() => void onConnection());
  void onConnection();
}

let followed: Client | undefined;

async function onConnection(): Promise<void> {
  const { state, connections } = connection.value;
  if (state !== 'connected' || connections === subscribed) return;
  subscribed = connections;
  const current = client();
  if (followed !== current) {
    followed = current;
    void readEvents(current);
  }
  await subscribe();
}

async function subscribe(): Promise<void> {
  try {
    // The daemon tells of gaps whoever says where it stands.
    const answer = await client().host.subscribe({ after: cursor ?? { epoch: '', seq: 0 } });
    if (answer.cursor) cursor = answer.cursor;
    hostView.update((view) => ({ ...view, identity: answer.identity }));
    if (answer.delivery === 'replayed') {
      for (const event of answer.events) apply(event);
      return;
    }
    const [pending, ended] = await Promise.all([
      readPending(),
      client().host.approvals({ status: 'resolved', limit: maxEnded }),
    ]);
    hostView.set({
      isReady: true,
      identity: answer.identity,
      pending,
      ended: ended.approvals.toReversed(),
      agents: answer.agents,
      events: answer.events.slice(-maxEvents),
    });
  } catch (error) {
    hostView.update((view) => ({ ...view, error }));
  }
}

async function readPending(): Promise<HostApproval[]> {
  const pending: HostApproval[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page: Awaited<ReturnType<Client['host']['approvals']>> = await client().host.approvals({
      status: 'pending',
      limit: pageSize,
      after,
    });
    pending.push(...page.approvals.filter(isOpen));
    after = page.next;
  }
  return pending;
}

async function readEvents(from: Client): Promise<void> {
  try {
    for await (const event of from.events('host.event', { bufferSize: 4_096 })) apply(event);
  } catch (error) {
    hostView.update((view) => ({ ...view, error }));
  }
}

function apply(event: HostEvent): void {
  const { sequence, kind, payload } = event;
  if (kind === 'gap') {
    cursor = undefined;
    void subscribe();
    return;
  }
  if (sequence !== undefined) {
    if (cursor && sequence <= cursor.seq) return;
    if (cursor) cursor = { ...cursor, seq: sequence };
  }
  hostView.update((view) => ({
    ...withApproval(view, kind, payload),
    events: [...view.events.slice(1 - maxEvents), event],
  }));
  // A lost connection is asked again when it is back.
  if (/^agent\.(registered|unregistered|status_changed)$/.test(kind)) void readAgents().catch(() => undefined);
}

function withApproval(view: HostView, kind: string, payload: unknown): HostView {
  if (!kind.startsWith('approval.') || kind === 'approval.resolve_requested') return view;
  const approval = payload as HostApproval;
  const pending = view.pending.filter(({ id }) => id !== approval.id);
  if (isOpen(approval)) return { ...view, pending: [...pending, approval] };
  const ended = view.ended.filter(({ id }) => id !== approval.id);
  return { ...view, pending, ended: [approval, ...ended].slice(0, maxEnded) };
}

/** The agents of all kinds come together only in the daemon. */
async function readAgents(): Promise<void> {
  const agents = await client().host.agents();
  hostView.update((view) => ({ ...view, agents }));
}

/** What the agent of a run asked since it began: an approval does not say which run it is for. */
export function askedFor(run: { agent_id: string; started_at: string }): readonly HostApproval[] {
  const since = Date.parse(run.started_at);
  return hostView.value.pending.filter(
    ({ agent_id, created_at }) => agent_id === run.agent_id && Date.parse(created_at) >= since,
  );
}

/** A row that a gate gave up on stays `pending` and says in its outcome how it ended. */
export function isOpen({ status, outcome }: HostApproval): boolean {
  return status === 'pending' && outcome === undefined;
}
