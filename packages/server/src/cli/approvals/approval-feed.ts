// What waits, kept up to date across lost events and lost connections.
import type { Client } from '@car-runtime/client';
import type { HostApproval, HostEvent } from '@car-runtime/protocol';
import { isOpen, readApprovals } from './host-connection.ts';

export type ApprovalChange =
  | { kind: 'asked' | 'ended'; approval: HostApproval }
  /** What waits, anew: at first, and when something may have been missed. */
  | { kind: 'all'; approvals: HostApproval[] }
  | { kind: 'lost' | 'back'; why: string };

/** Changes from now on, `all` first. Ends with the client or the signal. */
export async function* followApprovals(client: Client, signal: AbortSignal): AsyncGenerator<ApprovalChange> {
  try {
    yield* changesOf(client, signal);
  } catch (error) {
    // A call that waits for a connection ends with the signal too.
    if (!signal.aborted) throw error;
  }
}

async function* changesOf(client: Client, signal: AbortSignal): AsyncGenerator<ApprovalChange> {
  await using events = client.events('host.event', { signal, bufferSize: 4_096 });
  await using connection = client.connectionChanges({ signal });
  let hasSubscribed = false;
  const subscribe = async (): Promise<ApprovalChange> => {
    // With a cursor the daemon tells of gaps.
    const { cursor } = await client.host.subscribe({}, { signal });
    if (cursor) await client.host.subscribe({ after: cursor }, { signal });
    hasSubscribed = true;
    return { kind: 'all', approvals: (await readApprovals(client, 'pending', signal)).filter(isOpen) };
  };
  yield await subscribe();
  let nextEvent = events.next();
  let nextChange = connection.next();
  for (;;) {
    const first = await Promise.race([
      nextEvent.then((result) => ({ event: result })),
      nextChange.then((result) => ({ change: result })),
    ]);
    if ('event' in first) {
      if (first.event.done) return;
      nextEvent = events.next();
      const change = toChange(first.event.value);
      if (change === 'gap') yield await subscribe();
      else if (change) yield change;
      continue;
    }
    if (first.change.done) return;
    nextChange = connection.next();
    const { state, error } = first.change.value;
    if (state === 'disconnected') {
      hasSubscribed = false;
      yield { kind: 'lost', why: error?.message ?? 'the connection was lost' };
    }
    if (state === 'connected' && !hasSubscribed) {
      yield { kind: 'back', why: 'connected again' };
      yield await subscribe();
    }
  }
}

function toChange({ kind, payload }: HostEvent): ApprovalChange | 'gap' | undefined {
  if (kind === 'gap') return 'gap';
  const approval = payload as HostApproval;
  if (kind === 'approval.requested') return { kind: 'asked', approval };
  return kind === 'approval.resolved' || kind === 'approval.ended' ? { kind: 'ended', approval } : undefined;
}
