// Approvals in answers that stay small, however many there are.
import { maxApprovalsPerPage, type HostApproval } from '@car-runtime/protocol';
import { isOpen, toWire, type StoredApproval } from './approval.ts';
import type { ApprovalShelf } from './shelf.ts';

/** Of the approvals of one answer, as JSON. */
const maxPageBytes = 4 * 1024 * 1024;
const maxShown = 250;
const maxShownBytes = 1024 * 1024;
const maxEndedShown = 100;

export interface PageQuery {
  status?: 'pending' | 'resolved' | undefined;
  limit?: number | undefined;
  /** Only those after this number, oldest first; the newest when it is left out. */
  after?: number | undefined;
  /** Only those before this number, the newest of them. */
  before?: number | undefined;
}

export interface Page {
  approvals: HostApproval[];
  total: number;
  /** Number to go on after, when there are more. */
  next: number | undefined;
}

export function pageOf(
  shelf: ApprovalShelf,
  { status, limit = maxApprovalsPerPage, after, before = Infinity }: PageQuery,
): Page {
  const rows = [...shelf.all()].filter(({ approval }) => status === undefined || approval.status === status);
  const total = rows.length;
  if (after === undefined) {
    const earlier = before === Infinity ? rows : rows.filter(({ approval }) => approval.number < before);
    const newest = take(shelf, earlier.slice(-limit).toReversed(), limit, maxPageBytes);
    return { approvals: newest.toReversed(), total, next: undefined };
  }
  const behind = rows.filter(({ approval }) => approval.number > after);
  const approvals = take(shelf, behind, limit, maxPageBytes);
  return { approvals, total, next: approvals.length < behind.length ? approvals.at(-1)?.number : undefined };
}

/** What a new subscriber sees: those that wait, oldest first, then some that ended, if there is room. */
export function shownOf(shelf: ApprovalShelf): {
  approvals: HostApproval[];
  pending: number;
  next: number | undefined;
} {
  const open: StoredApproval[] = [];
  const ended: StoredApproval[] = [];
  for (const row of shelf.all()) (isOpen(row) ? open : ended).push(row);
  const waiting = take(shelf, open, maxShown, maxShownBytes);
  const hasMore = waiting.length < open.length;
  const recent = hasMore ? [] : take(shelf, ended.slice(-maxEndedShown).toReversed(), maxEndedShown, maxShownBytes);
  return {
    approvals: [...waiting, ...recent].toSorted((left, right) => (left.number ?? 0) - (right.number ?? 0)),
    pending: open.length,
    next: hasMore ? waiting.at(-1)?.number : undefined,
  };
}

/** The first ones, as long as they fit; one at least. */
function take(shelf: ApprovalShelf, rows: readonly StoredApproval[], limit: number, maxBytes: number): HostApproval[] {
  const taken: HostApproval[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (taken.length >= limit) break;
    const approval = toWire(row);
    bytes += shelf.sizeOf(approval.id) + (approval.card?.length ?? 0);
    if (taken.length > 0 && bytes > maxBytes) break;
    taken.push(approval);
  }
  return taken;
}
