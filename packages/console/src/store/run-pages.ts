// A list of runs of any length: pages are read as somebody scrolls to them, the newest and those on screen are read again
// while they may change. What is listed is always without a gap and without a duplicate.
import type { RunSummary } from '@car-runtime/protocol';

export interface RunPage {
  runs: RunSummary[];
  next?: string | undefined;
}

/** `after`: the `next` of an earlier page. */
export type SearchRuns = (page: { limit: number; after?: string }) => Promise<RunPage>;

export const pageSize = 200;
/** Newest that are read again and again. */
const headSize = 50;
/** Whoever looks for more narrows the search: rows stay in memory. */
export const maxListed = 20_000;

export class RunPages {
  readonly #search: SearchRuns;
  #runs: readonly RunSummary[] = [];
  #next: string | undefined;
  #isBusy = false;
  /** Raised by `reload`: what was asked before counts no more. */
  #epoch = 0;
  isReady = false;

  constructor(search: SearchRuns) {
    this.#search = search;
  }

  /** Newest first. Another array after each change. */
  get runs(): readonly RunSummary[] {
    return this.#runs;
  }

  get hasMore(): boolean {
    return this.#next !== undefined;
  }

  /** There are more than a list holds. */
  get isFull(): boolean {
    return this.hasMore && this.#runs.length >= maxListed;
  }

  async reload(): Promise<void> {
    const epoch = ++this.#epoch;
    const { runs, next } = await this.#search({ limit: pageSize });
    if (epoch !== this.#epoch) return;
    this.#runs = runs;
    this.#next = next;
    this.isReady = true;
    this.#isBusy = false;
  }

  /** The page behind the last one, unless it is on its way. True when there are more rows now. */
  async more(): Promise<boolean> {
    const after = this.#next;
    if (after === undefined || this.#isBusy || this.isFull) return false;
    const epoch = this.#epoch;
    this.#isBusy = true;
    try {
      const { runs, next } = await this.#search({ limit: pageSize, after });
      if (epoch !== this.#epoch) return false;
      const known = new Set(this.#runs.map(({ run_id }) => run_id));
      this.#runs = [...this.#runs, ...runs.filter(({ run_id }) => !known.has(run_id))];
      this.#next = next;
      return true;
    } finally {
      if (epoch === this.#epoch) this.#isBusy = false;
    }
  }

  /** Reads the newest again, and those on screen. Answers how many rows are new above. */
  async refresh(first: number, last: number): Promise<number> {
    if (!this.isReady) return 0;
    const epoch = this.#epoch;
    const head = await this.#search({ limit: headSize });
    if (epoch !== this.#epoch) return 0;
    const added = this.#takeHead(head);
    // As the numbers of rows are now.
    const from = Math.max(headSize, first + added);
    const above = this.#runs[from - 1];
    if (above && last + added >= from) {
      const seen = await this.#search({ limit: last + added - from + 1, after: cursorOf(above) });
      if (epoch === this.#epoch) this.#replace(seen.runs);
    }
    return added;
  }

  #takeHead({ runs, next }: RunPage): number {
    const known = new Map(this.#runs.map((run, index) => [run.run_id, index]));
    const overlap = runs.findIndex(({ run_id }) => known.has(run_id));
    // So many are new that what lies between is not known, or all are gone: the list begins anew.
    if (overlap === -1) {
      const added = next === undefined && runs.length === 0 ? 0 : runs.length;
      this.#runs = runs;
      this.#next = next;
      return added;
    }
    const fresh = runs.filter(({ run_id }) => !known.has(run_id));
    this.#replace(runs.filter(({ run_id }) => known.has(run_id)));
    if (fresh.length > 0) this.#runs = [...fresh, ...this.#runs].toSorted(newestFirst);
    return fresh.length;
  }

  #replace(runs: readonly RunSummary[]): void {
    const now = new Map(runs.map((run) => [run.run_id, run]));
    this.#runs = this.#runs.map((run) => now.get(run.run_id) ?? run);
  }
}

/** As the daemon orders them. */
function newestFirst(a: RunSummary, b: RunSummary): number {
  return startedMs(b) - startedMs(a) || (a.run_id < b.run_id ? -1 : 1);
}

function startedMs({ started_at }: RunSummary): number {
  const ms = Date.parse(started_at);
  return Number.isNaN(ms) ? 0 : ms;
}

/** What the daemon answers as `next` behind this run. */
function cursorOf(run: RunSummary): string {
  return `${Math.max(0, startedMs(run))}/${encodeURIComponent(run.run_id)}`;
}
