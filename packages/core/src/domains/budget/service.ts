// Budgets that block (Budgets): room is set aside before a call is sent, and what it used is booked when it ends. What cannot
// be counted is refused: no price, no ledger, no room for another account.
import type { Action, Meter, MeterRefusal, Reservation, ToolSchema } from '@car-runtime/engine';
import type { Connection } from '../../kernel/connection.ts';
import type { Logger } from '../../kernel/logger.ts';
import { mapUnits, none, type Units } from './amounts.ts';
import { Book, keyOf, limitOf, type Account } from './book.ts';
import { dayAt, laterDay } from './calendar.ts';
import { Catalogue, sessionRun, type Entry, type Payer } from './catalogue.ts';
import type { ConfigFile } from './config-file.ts';
import type { Ledger } from './ledger.ts';
import { priceOf, usedBy, type Priced } from './prices.ts';
import type { AccountRef, LedgerRecord } from './records.ts';
import { refuse, shortageText } from './refusal.ts';

export interface EventSink {
  append(kind: string, event: { action_id?: string | undefined; data?: object | undefined }): void;
}

export interface BudgetClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start. */
  monotonic(): number;
}

export interface BudgetOptions {
  config: ConfigFile;
  ledger: Ledger;
  logger: Logger;
  logOf(connection: Connection): EventSink;
  registryOf(connection: Connection): { get(tool: string): ToolSchema | undefined };
  /** A run that is in memory: whose it is, and whether it is under way. */
  runOf(runId: string): { agentId: string; isEnded: boolean } | undefined;
  isConnected(clientId: string): boolean;
  /** Tells hosts. */
  announce(kind: string, event: { agentId?: string | undefined; message: string; payload: object }): void;
  /** Time of a call whose action names none, in ms. */
  defaultCallMs: number;
  clock?: BudgetClock | undefined;
  maxAccounts?: number | undefined;
}

const defaultMaxAccounts = 10_000;
const systemTime: BudgetClock = { now: () => Date.now(), monotonic: () => performance.now() };

/** A call that something wants to make. Tools are asked for by plans; whatever else costs something asks the same way. */
export interface Request {
  readonly what: string;
  readonly payer: Payer;
  readonly price: Priced;
  /** The longest it may take, in ms; nothing when it says none. */
  readonly timeoutMs?: number | undefined;
  /** It runs on after it was answered, so that nobody sees its end. */
  readonly isDetached?: boolean | undefined;
}

/** Room that was set aside. Ended once. */
export interface Held {
  readonly timeoutMs: number | undefined;
  readonly budgets: readonly string[];
  /** Books what it used and answers it. Time counts up to what was set aside: nobody waited longer. */
  end(used: Pick<Units, 'tokens' | 'cost_usd'>): Units;
  release(): void;
}

export class BudgetService implements Disposable {
  readonly book = new Book();
  readonly catalogue: Catalogue;
  readonly refusals = new Map<string, number>();
  readonly #options: BudgetOptions;
  readonly #clock: BudgetClock;
  readonly #maxAccounts: number;
  /** Accounts that hosts know are used up. */
  readonly #announced = new Set<string>();

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemTime;
    this.#maxAccounts = options.maxAccounts ?? defaultMaxAccounts;
    options.config.refresh();
    for (const record of options.ledger.load()) this.book.apply(record);
    const unknown = this.book.settleUnknown();
    if (unknown > 0) options.logger.warn({ calls: unknown }, 'calls whose end is not known count in full');
    this.catalogue = new Catalogue(options.config, this.book);
    if (this.book.day === '') return;
    this.#dropPast();
    options.ledger.compact(() => this.book.records(), true);
  }

  /** Takes in the operator's file if it changed; throws when it cannot be used. */
  refresh(): void {
    const { config, ledger } = this.#options;
    const set = ledger.reload?.();
    if (set) this.book.defined.clear();
    for (const record of set ?? []) this.book.apply(record);
    if (config.refresh() || set) this.catalogue.rebuild();
  }

  /** For one connection's plans. Without a budget it costs one look. */
  meterOf(connection: Connection): Meter {
    return {
      reserve: (action, _attempt, account) =>
        this.catalogue.isEmpty ? undefined : this.#reserveTool(connection, action, account),
    };
  }

  payerOf(connection: Connection, runId: string | undefined): Payer {
    const agent = connection.agentId ?? (runId === undefined ? undefined : this.#options.runOf(runId)?.agentId);
    return { agent: agent ?? null, run: runId ?? sessionRun(connection.id) };
  }

  now(): number {
    return this.#clock.now();
  }

  /** The day that counts now. */
  today(): string {
    return laterDay(this.book.day, dayAt(this.#clock.now()));
  }

  #reserveTool(
    connection: Connection,
    { id: action_id, tool = '', timeout_ms, invocation_mode }: Action,
    runId: string | undefined,
  ): Reservation | MeterRefusal | undefined {
    const price = priceOf(
      tool,
      this.#options.registryOf(connection).get(tool),
      this.catalogue.prices,
      connection.agentId !== undefined,
    );
    const payer = this.payerOf(connection, runId);
    const isDetached = invocation_mode !== 'one_shot';
    const held = this.hold({ what: `tool '${tool}'`, payer, price, timeoutMs: timeout_ms, isDetached });
    if (held === undefined || 'error' in held) return held;
    const log = this.#options.logOf(connection);
    const end = (output: unknown, isAnswered: boolean): void => {
      const used = held.end(
        isAnswered ? usedBy(price, output) : { tokens: price.tokens ?? 0, cost_usd: price.cost_usd ?? 0 },
      );
      const agent = payer.agent ?? undefined;
      log.append('budget_charged', {
        action_id,
        data: { tool, agent, budgets: held.budgets, ...used, cost_usd: used.cost_usd / 1e6 },
      });
    };
    return {
      timeoutMs: held.timeoutMs,
      commit: (output) => end(output, true),
      fail: () => end(undefined, false),
      release: () => held.release(),
    };
  }

  /** Sets room aside in every budget that applies, or in none. One synchronous block: between the check and the booking no
   *  other call is made, so that calls at once cannot use more together than there is. */
  hold(request: Request): Held | MeterRefusal | undefined {
    const day = this.today();
    const applying = this.catalogue.applying(request.payer, day);
    if (applying.length === 0) return undefined;
    const accounts = applying.map(({ entry, ref }) => ({ entry, account: this.book.account(ref) }));
    const problem = this.#problemOf(request, accounts);
    if (problem) return this.#refused(problem);
    const grantMs = this.#grantMs(request, accounts);
    const units = this.#unitsFor(request.price, accounts, grantMs);
    for (const { entry, account } of accounts) {
      const shortage = this.book.shortageOf(account, entry.limits, units);
      if (shortage) return this.#exhausted(request, entry, account, shortageText(entry, shortage, units));
    }
    const id = this.book.nextId();
    const record: LedgerRecord = { reserve: id, of: applying.map(({ ref }) => ref), units, day };
    if (!this.#options.ledger.write(record)) {
      // It is written when the disk takes things again; then this says that nothing came of it.
      this.#options.ledger.note({ settle: id, units: none });
      return this.#refused(
        refuse('ledger_unavailable', `${request.what} not called: the ledger of budgets cannot be written`),
      );
    }
    this.book.apply(record);
    return this.#toHeld(
      id,
      units,
      grantMs,
      accounts.map(({ entry }) => entry.budget.name),
    );
  }

  /** Why it cannot be counted, if so. */
  #problemOf(
    { what, price, isDetached }: Request,
    accounts: readonly { entry: Entry; account: Account }[],
  ): MeterRefusal | undefined {
    for (const { entry } of accounts) {
      const { name } = entry.budget;
      for (const meter of ['tokens', 'cost_usd'] as const) {
        if (entry.limits[meter] === undefined || price[meter] !== undefined) continue;
        const text = `${what} not called: budget '${name}' limits ${meter}, and nobody says how much of it a call uses`;
        return refuse('price_unknown', text, { budget: name, meter });
      }
      if (isDetached === true && entry.limits.wall_time_ms !== undefined) {
        const text = `${what} not called: budget '${name}' limits wall_time_ms, and nobody sees when a detached call ends`;
        return refuse('not_metered', text, { budget: name, meter: 'wall_time_ms' });
      }
    }
    const missing = accounts.filter(({ account }) => !account.isEntered).length;
    if (this.hasRoomFor(missing)) return undefined;
    return refuse('too_many_accounts', `${what} not called: budgets have ${this.#maxAccounts} accounts, the limit`);
  }

  /** Whether so many more accounts fit, after those that nobody needs have gone. */
  hasRoomFor(accounts: number): boolean {
    if (this.book.accounts.size + accounts <= this.#maxAccounts) return true;
    this.#dropPast();
    return this.book.accounts.size + accounts <= this.#maxAccounts;
  }

  /** Time the call gets where time is limited: what it asks for, or what is left. */
  #grantMs({ timeoutMs, price }: Request, accounts: readonly { entry: Entry; account: Account }[]): number | undefined {
    let grant: number | undefined;
    for (const { entry, account } of accounts) {
      const limit = limitOf(account, entry.limits, 'wall_time_ms');
      if (limit === undefined) continue;
      const asked = Math.max(1, Math.ceil(timeoutMs ?? price.wallTimeMs ?? this.#options.defaultCallMs));
      const left = limit - account.spent.wall_time_ms - account.reserved.wall_time_ms;
      grant = Math.min(grant ?? asked, Math.max(1, left));
    }
    return grant;
  }

  /** Only what is limited is set aside; what was used is booked on every meter. */
  #unitsFor(price: Priced, accounts: readonly { entry: Entry }[], grantMs: number | undefined): Units {
    const wanted: Units = {
      tool_calls: 1,
      wall_time_ms: grantMs ?? 0,
      tokens: price.tokens ?? 0,
      cost_usd: price.cost_usd ?? 0,
    };
    return mapUnits((meter) => (accounts.some(({ entry }) => entry.limits[meter] !== undefined) ? wanted[meter] : 0));
  }

  #toHeld(id: number, units: Units, timeoutMs: number | undefined, budgets: readonly string[]): Held {
    const startedAt = this.#clock.monotonic();
    let isEnded = false;
    const settle = (used: Units): Units => {
      if (isEnded) return used;
      isEnded = true;
      const record: LedgerRecord = { settle: id, units: used };
      this.#options.ledger.note(record);
      this.book.apply(record);
      this.#options.ledger.compact(() => this.book.records());
      return used;
    };
    return {
      timeoutMs,
      budgets,
      end: (used) => {
        const tookMs = Math.max(0, Math.ceil(this.#clock.monotonic() - startedAt));
        const over = used.tokens > units.tokens || used.cost_usd > units.cost_usd;
        if (over && (units.tokens > 0 || units.cost_usd > 0))
          this.#options.logger.warn({ budgets, used, reserved: units }, 'a call used more than its price');
        return settle({ tool_calls: 1, wall_time_ms: Math.min(tookMs, timeoutMs ?? tookMs), ...used });
      },
      release: () => void settle(none),
    };
  }

  #refused(refusal: MeterRefusal): MeterRefusal {
    const reason = String(refusal.data['reason']);
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    return refusal;
  }

  #exhausted({ what, payer }: Request, { budget }: Entry, account: Account, refusal: MeterRefusal): MeterRefusal {
    const key = keyOf(account.ref);
    if (!this.#announced.has(key)) {
      if (this.#announced.size >= this.#maxAccounts) this.#announced.clear();
      this.#announced.add(key);
      const message = `budget '${budget.name}' is used up`;
      this.#options.announce('budget.exceeded', { agentId: payer.agent ?? undefined, message, payload: refusal.data });
    }
    return this.#refused({ ...refusal, error: `${what} not called: ${refusal.error}` });
  }

  /** Says an account can be used up once more, which hosts are told again. */
  forgetAnnounced(ref: AccountRef): void {
    this.#announced.delete(keyOf(ref));
  }

  /** Stores a change that somebody made. Returns whether it is stored; only then it holds. */
  record(record: LedgerRecord): boolean {
    if (!this.#options.ledger.write(record)) return false;
    this.book.apply(record);
    this.catalogue.rebuild();
    this.#options.ledger.compact(() => this.book.records());
    return true;
  }

  /** Accounts of days before yesterday, and of runs and connections that have ended. */
  #dropPast(): void {
    const today = this.today();
    const yesterday = dayAt(Date.parse(`${today}T00:00:00.000Z`) - 1);
    this.book.drop(({ ref: [, , period], day }) => {
      if (period.startsWith('day:')) return period.slice('day:'.length) < yesterday;
      if (!period.startsWith('run:')) return false;
      const run = period.slice('run:'.length);
      const isOpen = run.startsWith('session:')
        ? this.#options.isConnected(run.slice('session:'.length))
        : this.#options.runOf(run)?.isEnded === false;
      return !isOpen && (day < yesterday || this.book.accounts.size >= this.#maxAccounts);
    });
  }

  [Symbol.dispose](): void {
    this.#options.ledger[Symbol.dispose]();
  }
}
