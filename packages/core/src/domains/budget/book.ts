// The books: accounts, what is spent and what is set aside. Everything here is synchronous, so no other call comes between
// a check and the booking that depends on it. Nothing here waits, stores or looks at a clock.
import type { Budget } from '@car-runtime/protocol';
import { meters, minus, none, plus, type Limits, type MeterName, type Units } from './amounts.ts';
import type { AccountRef, LedgerRecord } from './records.ts';

export interface Account {
  readonly ref: AccountRef;
  spent: Units;
  reserved: Units;
  /** What it was extended by. */
  extra: Units;
  /** Calls that have not ended. */
  open: number;
  /** When it was last used. */
  day: string;
  /** Something was booked on it. */
  isEntered: boolean;
}

export interface Shortage {
  readonly account: Account;
  readonly meter: MeterName;
  readonly limit: number;
}

/** Extensions remembered, so that none is applied twice. */
const maxRemembered = 10_000;

export function keyOf(ref: AccountRef): string {
  return JSON.stringify(ref);
}

export function limitOf({ extra }: Pick<Account, 'extra'>, limits: Limits, meter: MeterName): number | undefined {
  const limit = limits[meter];
  return limit === undefined ? undefined : limit + extra[meter];
}

export class Book {
  readonly accounts = new Map<string, Account>();
  /** Budgets that were set over the wire. */
  readonly defined = new Map<string, Omit<Budget, 'source'>>();
  readonly #open = new Map<number, { readonly accounts: readonly Account[]; readonly units: Units }>();
  readonly #applied = new Set<string>();
  #lastId = 0;
  /** The latest day there was; empty at first. */
  day = '';

  get openCalls(): number {
    return this.#open.size;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  isApplied(approval: string): boolean {
    return this.#applied.has(approval);
  }

  /** The account, or what it would be: it is only entered when something is booked on it. */
  account(ref: AccountRef): Account {
    return (
      this.accounts.get(keyOf(ref)) ?? {
        ref,
        spent: none,
        reserved: none,
        extra: none,
        open: 0,
        day: this.day,
        isEntered: false,
      }
    );
  }

  /** The first limit that has no room for these units. */
  shortageOf(account: Account, limits: Limits, units: Units): Shortage | undefined {
    for (const meter of meters) {
      const limit = limitOf(account, limits, meter);
      if (limit === undefined) continue;
      // A call that uses none of it has nothing to do with how much is left.
      if (units[meter] > 0 && account.spent[meter] + account.reserved[meter] + units[meter] > limit)
        return { account, meter, limit };
    }
    return undefined;
  }

  /** Takes in a record, whether it was just made or read from the ledger. */
  apply(record: LedgerRecord): void {
    if ('reserve' in record) this.#reserve(record);
    else if ('settle' in record) this.#settle(record.settle, record.units);
    else if ('extend' in record) this.#extend(record);
    else if ('reset' in record) this.#reset(record.reset);
    else if ('define' in record) this.defined.set(record.define.name, record.define);
    else if ('remove' in record) this.#remove(record.remove);
    else if ('account' in record) {
      const { account: ref, spent, extra, day } = record;
      this.accounts.set(keyOf(ref), { ref, spent, extra, reserved: none, open: 0, day, isEntered: true });
    } else if ('applied' in record) this.#remember(record.applied);
    else this.day = record.day;
  }

  #reserve({ reserve: id, of, units, day }: Extract<LedgerRecord, { reserve: number }>): void {
    this.day = day > this.day ? day : this.day;
    this.#lastId = Math.max(this.#lastId, id);
    const accounts = of.map((ref) => this.#enter(ref));
    for (const account of accounts) {
      account.reserved = plus(account.reserved, units);
      account.open++;
      account.day = day;
    }
    this.#open.set(id, { accounts, units });
  }

  #settle(id: number, units: Units): void {
    const call = this.#open.get(id);
    if (!call) return;
    this.#open.delete(id);
    for (const account of call.accounts) {
      account.reserved = minus(account.reserved, call.units);
      account.spent = plus(account.spent, units);
      account.open--;
    }
  }

  #extend({ extend: ref, units, approval }: Extract<LedgerRecord, { extend: AccountRef }>): void {
    if (approval !== undefined) {
      if (this.#applied.has(approval)) return;
      this.#remember(approval);
    }
    const account = this.#enter(ref);
    account.extra = plus(account.extra, units);
  }

  #remember(approval: string): void {
    this.#applied.add(approval);
    if (this.#applied.size > maxRemembered) this.#applied.delete(this.#applied.values().next().value as string);
  }

  #reset(ref: AccountRef): void {
    const account = this.accounts.get(keyOf(ref));
    if (!account) return;
    account.spent = none;
    account.extra = none;
    if (account.open === 0) this.accounts.delete(keyOf(ref));
  }

  #remove(name: string): void {
    this.defined.delete(name);
    for (const [key, { ref, open }] of this.accounts) if (ref[0] === name && open === 0) this.accounts.delete(key);
  }

  #enter(ref: AccountRef): Account {
    const key = keyOf(ref);
    let account = this.accounts.get(key);
    if (!account) this.accounts.set(key, (account = { ...this.account(ref), isEntered: true }));
    return account;
  }

  /** What was under way when the daemon ended counts in full. Returns how many calls that were. */
  settleUnknown(): number {
    const ids = [...this.#open].map(([id, { units }]) => [id, units] as const);
    for (const [id, units] of ids) this.#settle(id, units);
    return ids.length;
  }

  /** Forgets accounts that nothing can be booked on any more. */
  drop(isOver: (account: Account) => boolean): void {
    for (const [key, account] of this.accounts) if (account.open === 0 && isOver(account)) this.accounts.delete(key);
  }

  /** The shortest records that come to the same. */
  *records(): Generator<LedgerRecord> {
    if (this.day !== '') yield { day: this.day };
    for (const define of this.defined.values()) yield { define };
    for (const { ref, spent, extra, day } of this.accounts.values()) yield { account: ref, spent, extra, day };
    for (const [reserve, { accounts, units }] of this.#open)
      yield { reserve, of: accounts.map(({ ref }) => ref), units, day: this.day };
    for (const applied of this.#applied) yield { applied };
  }
}
