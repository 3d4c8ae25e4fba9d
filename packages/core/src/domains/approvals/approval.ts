// An approval as the daemon keeps it, and as it goes over the wire.
import { createHash } from 'node:crypto';
import { canonicalJson, type JsonObject } from '@car-runtime/engine';
import type { ApprovalAction, ApprovalKind, ApprovalOutcome, HostApproval } from '@car-runtime/protocol';
import { renderCard } from './card.ts';
import { toApprovalAction, toKeptWhole, type KeptWhole } from './whole.ts';

export const defaultOptions: readonly string[] = ['approve', 'deny'];

export interface ApprovalRequest {
  kind: ApprovalKind;
  /** What is asked, in one line. Of a `request` it is in the words of whoever asks. */
  action: string;
  details?: JsonObject | undefined;
  /** What the card has a line for each member of, in this order, instead of `details`. Long values are cut there. */
  shown?: readonly unknown[] | undefined;
  /** The action itself, all of it, where `details` is not that. Kept within a bound, for who wants to read it. */
  whole?: unknown;
  options?: readonly string[] | undefined;
  agentId?: string | undefined;
  /** Client id of the connection it belongs to, and ends with. Without one nobody owns it and it outlives the daemon. */
  owner?: string | undefined;
  /** Whether that connection is an agent's. */
  isOwnerAgent?: boolean | undefined;
  /** Whether it can be undone, where that is known. What cannot takes a second, deliberate key of whoever approves. */
  reversibility?: HostApproval['reversibility'] | undefined;
  /** Of the action it covers; see `digestOf`. */
  digest?: string | undefined;
  /** It ends as `expired` after so many ms, if nobody decides. */
  timeoutMs?: number | undefined;
  /** What the one who asked needs when it is resolved, in this life of the daemon or a later one. Kept, never sent. */
  subject?: JsonObject | undefined;
}

/** What is stored: the record of the wire, and what only the daemon needs. */
export interface StoredApproval {
  readonly approval: Omit<HostApproval, 'card'> & { number: number; kind: ApprovalKind };
  readonly isOwnerAgent?: boolean;
  readonly subject?: JsonObject;
  /** Of the card. */
  readonly lines?: readonly string[];
  readonly whole?: KeptWhole;
}

/** All of what it covers. */
export function wholeOf({ approval: { action, details }, whole }: StoredApproval): ApprovalAction {
  return toApprovalAction(whole ?? toKeptWhole({ action, details }));
}

/** How an approval that nobody waits for any more ended. */
export interface Settled {
  readonly approval: HostApproval;
  readonly outcome: ApprovalOutcome;
  readonly resolvedBy: string | undefined;
}

/** Nobody has decided, and it has not ended otherwise. */
export function isOpen({ approval }: StoredApproval): boolean {
  return approval.status === 'pending' && approval.outcome === undefined;
}

export function toWire(row: StoredApproval): HostApproval {
  return { ...row.approval, card: renderCard(row) };
}

/** Identifies an action by its content: two that differ in anything have different digests. */
export function digestOf(action: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalJson(action)).digest('hex')}`;
}

/** Options that say no, where `approve` is none of them. */
const refusals = /^(?:abort|block|cancel|decline|deny|disallow|never|no|refuse|reject|skip|stop)\b/i;

/** Whether a decision is a yes: `approve` where that is one of the options, else any of them but a refusal. */
export function isApproval(resolution: string, options: readonly string[]): boolean {
  if (options.includes('approve')) return resolution === 'approve';
  return options.includes(resolution) && !refusals.test(resolution);
}
