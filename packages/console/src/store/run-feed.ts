// The records of one run as they come, from its start to its end, across reconnects; and how far its plans have come that are
// not recorded yet.
import type { Client } from '@car-runtime/client';
import type { RunEnded, RunningPlan, RunStarted, RunTurn } from '@car-runtime/protocol';

const plansEveryMs = 500;

export class RunFeed implements Disposable {
  readonly runId: string;
  started: RunStarted | undefined;
  /** Grows in place; `version` says when. */
  readonly turns: RunTurn[] = [];
  ended: RunEnded | undefined;
  running: readonly RunningPlan[] = [];
  error: unknown;
  /** Raised with every change. */
  version = 0;
  readonly #client: Client;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Client, runId: string) {
    this.#client = client;
    this.runId = runId;
    void this.#follow();
    void this.#readPlans();
  }

  listen(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async #follow(): Promise<void> {
    try {
      for await (const { record, kind } of this.#client.runs.watch(this.runId, { signal: this.#stopping.signal })) {
        // A crash lost turns that were seen: the run follows from its start.
        if (kind === 'reset') this.turns.length = 0;
        if (record?.record === 'started') this.started = record;
        else if (record?.record === 'turn') this.turns.push(record);
        else if (record) this.ended = record;
        this.#changed();
      }
    } catch (error) {
      this.error = error;
    }
    this.#changed();
  }

  /** Whatever is missed here comes with the turns, so a question that fails is asked again and nothing else. */
  async #readPlans(): Promise<void> {
    if (this.#isOver) return;
    if (document.visibilityState === 'visible') {
      const signal = this.#stopping.signal;
      const answer = await this.#client.runs
        .plans({ run_id: this.runId }, { signal })
        .catch(() => ({ plans: [] as RunningPlan[] }));
      if (this.#isOver) return;
      if (answer.plans.length > 0 || this.running.length > 0) {
        this.running = answer.plans;
        this.#changed();
      }
    }
    this.#timer = setTimeout(() => void this.#readPlans(), plansEveryMs);
  }

  get #isOver(): boolean {
    return this.#stopping.signal.aborted || this.ended !== undefined || this.error !== undefined;
  }

  #changed(): void {
    this.version++;
    if (this.ended) this.running = [];
    for (const listener of this.#listeners) listener();
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }
}
