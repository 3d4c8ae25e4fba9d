// Which budgets there are, and which accounts a call is booked on.
import type { Budget } from '@car-runtime/protocol';
import { toLimits, type Limits } from './amounts.ts';
import type { Book } from './book.ts';
import type { ConfigFile } from './config-file.ts';
import type { Price } from './prices.ts';
import type { AccountRef, Period } from './records.ts';

export interface Entry {
  readonly budget: Budget;
  readonly limits: Limits;
}

/** Who makes a call. */
export interface Payer {
  /** The agent that the connection is, else that of its run; nothing for a client outside a run. */
  readonly agent: string | null;
  /** The run, or the connection where there is none. */
  readonly run: string;
}

export class Catalogue {
  readonly #file: ConfigFile;
  readonly #book: Book;
  #entries = new Map<string, Entry>();
  #prices = new Map<string, Price>();

  constructor(file: ConfigFile, book: Book) {
    this.#file = file;
    this.#book = book;
    this.rebuild();
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  get prices(): ReadonlyMap<string, Price> {
    return this.#prices;
  }

  /** In the order of their names. */
  list(): Entry[] {
    return [...this.#entries.values()];
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name);
  }

  /** After the file or what was set over the wire has changed. A name that both have is the file's. */
  rebuild(): void {
    const { budgets, prices } = this.#file.current;
    const set = [...this.#book.defined.values()].map((budget): Budget => ({ ...budget, source: 'wire' }));
    const all = new Map([...set, ...budgets].map((budget) => [budget.name, budget]));
    const sorted = [...all.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
    this.#entries = new Map(sorted.map((budget) => [budget.name, { budget, limits: toLimits(budget.limits) }]));
    this.#prices = new Map(prices.map((price) => [price.tool, price]));
  }

  /** The budgets that a call counts against, each with the account. */
  applying(payer: Payer, day: string): { readonly entry: Entry; readonly ref: AccountRef }[] {
    const found: { entry: Entry; ref: AccountRef }[] = [];
    for (const entry of this.#entries.values()) {
      const { agent } = entry.budget;
      if (agent === undefined || agent === '*' || agent === payer.agent)
        found.push({ entry, ref: refOf(entry.budget, payer, day) });
    }
    return found;
  }
}

/** The account of a budget that this payer books on. */
export function refOf({ name, agent, per }: Budget, payer: Payer, day: string): AccountRef {
  return [name, agent === undefined ? null : agent === '*' ? payer.agent : agent, periodOf(per, payer.run, day)];
}

function periodOf(per: Budget['per'], run: string, day: string): Period {
  if (per === 'total') return 'total';
  return per === 'day' ? `day:${day}` : `run:${run}`;
}

/** The run of a connection that has none. */
export function sessionRun(clientId: string): string {
  return `session:${clientId}`;
}
