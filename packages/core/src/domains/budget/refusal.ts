// Why a call was not made, in words and for programs.
import type { MeterRefusal } from '@car-runtime/engine';
import { amountOf, type Units } from './amounts.ts';
import type { Shortage } from './book.ts';
import { endOfDay } from './calendar.ts';
import type { Entry } from './catalogue.ts';

export type RefusalReason =
  | 'budget_exceeded'
  | 'price_unknown'
  | 'not_metered'
  | 'ledger_unavailable'
  | 'too_many_accounts';

export function refuse(reason: RefusalReason, error: string, details: object = {}): MeterRefusal {
  return { error, data: { reason, ...details } };
}

export function resetsAt(period: string): string | null {
  return period.startsWith('day:') ? endOfDay(period.slice('day:'.length)).toISOString() : null;
}

/** A limit without room, with its numbers. */
export function shortageText({ budget }: Entry, { account, meter, limit }: Shortage, wanted: Units): MeterRefusal {
  const [, agent, period] = account.ref;
  const of = (units: number): number => amountOf(meter, units);
  const numbers = {
    limit: of(limit),
    spent: of(account.spent[meter]),
    reserved: of(account.reserved[meter]),
    requested: of(wanted[meter]),
  };
  const resets_at = resetsAt(period);
  const when = resets_at === null ? '' : `, until ${resets_at}`;
  const text =
    `budget '${budget.name}' has no room for ${numbers.requested} more ${meter}: ` +
    `limit ${numbers.limit}, spent ${numbers.spent}, reserved ${numbers.reserved}${when}`;
  const run_id = period.startsWith('run:') ? period.slice('run:'.length) : null;
  return refuse('budget_exceeded', text, { budget: budget.name, agent, run_id, meter, ...numbers, resets_at });
}
