// What people and agents ask of budgets: which there are, what was used, and more of it.
import { fail, type Budget, type BudgetAccount, type BudgetAmounts } from '@car-runtime/protocol';
import type { JsonObject } from '@car-runtime/engine';
import type { Connection } from '../../kernel/connection.ts';
import { meters, toAmounts, toUnits, type Limits, type Units } from './amounts.ts';
import { limitOf, type Account } from './book.ts';
import { endOfDay } from './calendar.ts';
import { refOf, sessionRun, type Entry } from './catalogue.ts';
import type { AccountRef } from './records.ts';
import { resetsAt } from './refusal.ts';
import type { BudgetService } from './service.ts';

/** What people are asked with. */
export interface BudgetApprovals {
  request(request: {
    kind: 'budget';
    action: string;
    details: JsonObject;
    agentId?: string | undefined;
    timeoutMs?: number | undefined;
    subject: JsonObject;
  }): { id: string };
  find(id: string): { status: string; outcome?: string | undefined } | undefined;
}

export interface AdminOptions {
  service: BudgetService;
  approvals: BudgetApprovals;
  /** The run that is open on a connection. */
  currentRun(connection: Connection): string | undefined;
  /** Whether a connection may give without being asked. */
  mayGovern(connection: Connection): boolean;
  announce(kind: string, event: { agentId?: string | undefined; message: string; payload: object }): void;
}

/** Which account, where a budget has several. */
export interface Which {
  agent?: string | null | undefined;
  run_id?: string | null | undefined;
}

/** What an approval needs when it is resolved, perhaps in another life of the daemon. */
interface Subject extends JsonObject {
  ref: AccountRef;
  units: Units;
}

const maxSetBudgets = 256;

export class BudgetAdmin {
  readonly #options: AdminOptions;
  /** By account: the approval that somebody waits for. */
  readonly #asked = new Map<string, string>();

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  get(connection: Connection, name: string): { budget: Budget; accounts: BudgetAccount[] } {
    const { budget } = this.#find(name);
    return { budget, accounts: this.usage(connection, { name }, Number.POSITIVE_INFINITY).accounts };
  }

  /** Those used last come first. */
  usage(connection: Connection, which: Which & { name?: string | null | undefined }, limit: number) {
    const { book, catalogue } = this.#options.service;
    const accounts = [...book.accounts.values()].filter(({ ref: [name, agent, period] }) => {
      if (which.name != null && name !== which.name) return false;
      if (which.agent != null && agent !== which.agent) return false;
      if (which.run_id != null && period !== `run:${which.run_id}`) return false;
      return catalogue.get(name) !== undefined && this.#maySee(connection, agent, period);
    });
    accounts.sort((one, other) => (one.day > other.day ? -1 : one.day < other.day ? 1 : 0));
    const shown = accounts
      .slice(0, limit)
      .map((account) => this.#toWire(account, catalogue.get(account.ref[0])?.limits));
    return { accounts: shown, total: accounts.length };
  }

  #maySee(connection: Connection, agent: string | null, period: string): boolean {
    if (connection.agentId === undefined) return true;
    if (agent !== null) return agent === connection.agentId;
    if (!period.startsWith('run:')) return true;
    return period === `run:${this.#runOf(connection)}`;
  }

  set(definition: Omit<Budget, 'source' | 'agent'> & { agent?: string | null | undefined }) {
    const { service } = this.#options;
    const { name, agent, per, limits } = definition;
    const known = service.catalogue.get(name);
    if (known?.budget.source === 'file') throw fromFile('set', name);
    if (!known && service.book.defined.size >= maxSetBudgets)
      throw fail('overloaded', `Cannot set budget "${name}": ${maxSetBudgets} are set, the limit`);
    const budget = { name, ...(agent != null && { agent }), per, limits };
    this.#record({ define: budget }, `set budget "${name}"`);
    return { budget: { ...budget, source: 'wire' as const }, replaced: known !== undefined };
  }

  remove(name: string): 0 | 1 {
    const known = this.#options.service.catalogue.get(name);
    if (known?.budget.source === 'file') throw fromFile('remove', name);
    if (!known) return 0;
    this.#record({ remove: name }, `remove budget "${name}"`);
    return 1;
  }

  reset(name: string, which: Which): number {
    const { service } = this.#options;
    this.#find(name);
    const refs = [...service.book.accounts.values()]
      .map(({ ref }) => ref)
      .filter(
        ([budget, agent, period]) =>
          budget === name &&
          (which.agent == null || agent === which.agent) &&
          (which.run_id == null || period === `run:${which.run_id}`),
      );
    for (const ref of refs) {
      this.#record({ reset: ref }, `reset budget "${name}"`);
      service.forgetAnnounced(ref);
    }
    return refs.length;
  }

  /** At once for who may govern; else a person is asked, and the account grows when one approves. */
  extend(connection: Connection, name: string, which: Which, add: BudgetAmounts, reason: string | undefined) {
    const { service, approvals, mayGovern } = this.#options;
    const entry = this.#find(name);
    const ref = this.#refOf(connection, entry, which);
    const units = toUnits(add);
    const unlimited = meters.find((meter) => units[meter] > 0 && entry.limits[meter] === undefined);
    if (unlimited !== undefined)
      throw fail('failed', `Cannot extend budget "${name}": it does not limit ${unlimited}`, {
        data: { reason: 'not_limited', meter: unlimited },
      });
    if (!service.book.account(ref).isEntered && !service.hasRoomFor(1))
      throw fail('overloaded', `Cannot extend budget "${name}": budgets have as many accounts as there may be`);
    if (mayGovern(connection)) {
      this.#apply(ref, units, `conn:${connection.id}`);
      return { status: 'applied' as const, account: this.#accountOf(ref, entry) };
    }
    const key = JSON.stringify(ref);
    const asked = this.#asked.get(key);
    const row = asked === undefined ? undefined : approvals.find(asked);
    if (row?.status === 'pending' && row.outcome === undefined) {
      throw fail('failed', `Cannot extend budget "${name}": somebody has been asked already`, {
        data: { reason: 'already_asked', approval_id: asked },
      });
    }
    const { id } = this.#ask(connection, entry, ref, units, reason);
    if (this.#asked.size >= maxAsked) this.#asked.delete(this.#asked.keys().next().value as string);
    this.#asked.set(key, id);
    return { status: 'pending' as const, approval_id: id, account: this.#accountOf(ref, entry) };
  }

  #ask(connection: Connection, { budget, limits }: Entry, ref: AccountRef, units: Units, reason: string | undefined) {
    const { service, approvals } = this.#options;
    const [name, agent, period] = ref;
    const account = this.#accountOf(ref, { budget, limits });
    const added = Object.entries(toAmounts(pick(units))).map(([meter, value]) => `${value} ${meter}`);
    const whose = agent === null ? '' : ` of agent '${agent}'`;
    const subject: Subject = { ref, units };
    // What is added to a day is of no use after it.
    const timeoutMs = period.startsWith('day:')
      ? Math.max(1, endOfDay(period.slice('day:'.length)).getTime() - service.now())
      : undefined;
    return approvals.request({
      kind: 'budget',
      action: `extend budget '${name}'${whose} by ${added.join(', ')}`,
      details: {
        budget: name,
        agent,
        period,
        add: toAmounts(pick(units)),
        limits: account.limits,
        spent: account.spent,
        reserved: account.reserved,
        ...(reason !== undefined && { reason }),
      },
      agentId: connection.agentId,
      timeoutMs,
      subject,
    });
  }

  /** Called while a decision is made, before it is stored: one that cannot be applied is not made. Applied twice, it counts
   *  once. */
  resolved(approvalId: string, isApproved: boolean, by: string, subject: JsonObject | undefined): void {
    if (!isApproved || this.#options.service.book.isApplied(approvalId)) return;
    const { ref, units } = subject as Subject;
    this.#apply(ref, units, by, approvalId);
  }

  #apply(ref: AccountRef, units: Units, by: string, approval?: string): void {
    const { service, announce } = this.#options;
    const [name, agent] = ref;
    this.#record(
      { extend: ref, units, by, ...(approval !== undefined && { approval }) },
      `extend budget ${JSON.stringify(name)}`,
    );
    service.forgetAnnounced(ref);
    const entry = service.catalogue.get(name);
    const payload = { by, add: toAmounts(pick(units)), ...(entry && { account: this.#accountOf(ref, entry) }) };
    announce('budget.extended', { agentId: agent ?? undefined, message: `budget '${name}' was extended`, payload });
  }

  #find(name: string): Entry {
    const entry = this.#options.service.catalogue.get(name);
    if (entry) return entry;
    throw fail('failed', `There is no budget ${JSON.stringify(name)}`, { data: { reason: 'unknown_budget' } });
  }

  /** Agents speak only for themselves. */
  #refOf(connection: Connection, { budget }: Entry, { agent, run_id }: Which): AccountRef {
    const { service } = this.#options;
    const run = this.#runOf(connection);
    const bound = connection.agentId;
    if (bound !== undefined) {
      const isForeign = (agent ?? bound) !== bound || (run_id ?? run) !== run;
      const isOthers = budget.agent !== undefined && budget.agent !== '*' && budget.agent !== bound;
      if (isForeign || isOthers)
        throw fail('forbidden', `Cannot extend budget "${budget.name}": agents ask for their own accounts only`, {
          data: { role: 'agent' },
        });
    }
    const payer = service.payerOf(connection, run_id ?? this.#options.currentRun(connection));
    return refOf(budget, { agent: agent ?? payer.agent, run: run_id ?? run }, service.today());
  }

  #runOf(connection: Connection): string {
    return this.#options.currentRun(connection) ?? sessionRun(connection.id);
  }

  #accountOf(ref: AccountRef, { limits }: Entry): BudgetAccount {
    return this.#toWire(this.#options.service.book.account(ref), limits);
  }

  #toWire(account: Account, limits: Limits = {}): BudgetAccount {
    const [budget, agent, period] = account.ref;
    const { spent, reserved, extra } = account;
    const effective: Limits = {};
    const remaining: Limits = {};
    for (const meter of meters) {
      const limit = limitOf(account, limits, meter);
      if (limit === undefined) continue;
      Object.assign(effective, { [meter]: limit });
      Object.assign(remaining, { [meter]: Math.max(0, limit - spent[meter] - reserved[meter]) });
    }
    return {
      budget,
      agent,
      run_id: period.startsWith('run:') ? period.slice('run:'.length) : null,
      day: period.startsWith('day:') ? period.slice('day:'.length) : null,
      limits: toAmounts(effective),
      spent: toAmounts(spent),
      reserved: toAmounts(reserved),
      remaining: toAmounts(remaining),
      ...(meters.some((meter) => extra[meter] > 0) && { extended_by: toAmounts(pick(extra)) }),
      resets_at: resetsAt(period),
    };
  }

  #record(record: Parameters<BudgetService['record']>[0], what: string): void {
    if (this.#options.service.record(record)) return;
    throw fail('failed', `Cannot ${what}: the ledger of budgets cannot be written`, {
      data: { reason: 'ledger_unavailable' },
    });
  }
}

/** Approvals remembered, so that nobody is asked twice at once. */
const maxAsked = 10_000;

/** What there is of something. */
function pick(units: Units): Limits {
  return Object.fromEntries(Object.entries(units).filter(([, value]) => value > 0));
}

function fromFile(what: string, name: string): Error {
  return fail('failed', `Cannot ${what} budget "${name}": it is in budgets.toml, which only its owner changes`, {
    data: { reason: 'budget_from_file' },
  });
}
