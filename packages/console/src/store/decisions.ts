// What the console knows of approvals beyond the rows: who decided, what was decided last of the same, and how to decide.
import type { HostApproval } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import { hostView } from './host-feed.ts';
import { Store } from './store.ts';

export interface Identity {
  clientId?: string;
  role?: string;
}

/** This page's connection, as the daemon calls it. */
export const ownIdentity = new Store<Identity>({});

let asked = 0;

/** Asks once for each connection; views that say who decided call it. */
export function readIdentity(): void {
  const { state, connections } = connection.value;
  if (state !== 'connected' || asked === connections) return;
  asked = connections;
  client()
    .server.status()
    .then(
      ({ connection: own }) => ownIdentity.set({ clientId: own.client_id, role: own.role }),
      () => (asked = 0),
    );
}

/** `you`, or the connection as it is known. */
export function whoDecided({ resolved_by: by }: HostApproval): string {
  if (by === undefined) return 'the daemon';
  return by === `conn:${ownIdentity.value.clientId}` ? 'you' : by;
}

export function resolve(approval: HostApproval, resolution: string, notes: string): Promise<HostApproval> {
  return client().host.resolve_approval({ approval_id: approval.id, resolution, ...(notes && { notes }) });
}

export function isIrreversible({ reversibility, details }: HostApproval): boolean {
  return reversibility === 'irreversible' || details?.['reversibility'] === 'irreversible';
}

export function detailText({ details }: HostApproval, name: string): string | undefined {
  const value = details?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What makes two approvals questions about the same: who asks, and for which tool or method. */
function subjectOf(approval: HostApproval): string | undefined {
  const { kind = 'request', agent_id, action } = approval;
  const what = detailText(approval, 'tool') ?? detailText(approval, 'method') ?? detailText(approval, 'budget');
  return what === undefined && kind !== 'request' ? undefined : JSON.stringify([kind, agent_id, what ?? action]);
}

/** The newest approval of the same that a person agreed to. */
export function lastApproved(approval: HostApproval): HostApproval | undefined {
  const subject = subjectOf(approval);
  if (subject === undefined) return undefined;
  return hostView.value.ended.find(
    (ended) =>
      ended.id !== approval.id &&
      ended.outcome === 'approved' &&
      (ended.number ?? 0) < (approval.number ?? Infinity) &&
      subjectOf(ended) === subject,
  );
}

/** The gravest first, then the oldest. */
export function byGravity(left: HostApproval, right: HostApproval): number {
  return gravity(right) - gravity(left) || (left.number ?? 0) - (right.number ?? 0);
}

const tierRanks: Readonly<Record<string, number>> = { read_only: 0, sandbox_edit: 1, full_access: 2 };
const reversibilityRanks: Readonly<Record<string, number>> = { reversible: 0, compensable: 1, irreversible: 2 };

export function gravityOf(tier: string | undefined, reversibility: string | undefined): number {
  return 3 * (tierRanks[tier ?? ''] ?? 2) + (reversibilityRanks[reversibility ?? ''] ?? 2);
}

function gravity(approval: HostApproval): number {
  return gravityOf(
    detailText(approval, 'required_tier'),
    approval.reversibility ?? detailText(approval, 'reversibility'),
  );
}
