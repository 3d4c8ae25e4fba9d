// What the ledger is made of. The books are what these records, taken in one after another, come to.
import type { Budget } from '@car-runtime/protocol';
import type { Units } from './amounts.ts';

/** `total`, `day:<date>` or `run:<id>`. */
export type Period = string;

/** An account: a budget, the agent it counts for where it tells them apart, and the period. */
export type AccountRef = readonly [budget: string, agent: string | null, period: Period];

export type LedgerRecord =
  /** Room set aside for a call that is about to be made. */
  | { readonly reserve: number; readonly of: readonly AccountRef[]; readonly units: Units; readonly day: string }
  /** What it came to. A call that has none when the daemon starts counts in full: nobody knows what became of it. */
  | { readonly settle: number; readonly units: Units }
  | { readonly extend: AccountRef; readonly units: Units; readonly by: string; readonly approval?: string }
  | { readonly reset: AccountRef }
  | { readonly define: Omit<Budget, 'source'> }
  | { readonly remove: string }
  /** The latest day there was, which the clock cannot take back. */
  | { readonly day: string }
  /** The balance of an account, where the file was made shorter. */
  | { readonly account: AccountRef; readonly spent: Units; readonly extra: Units; readonly day: string }
  /** An extension that was applied, by its approval: none is applied twice. */
  | { readonly applied: string };
