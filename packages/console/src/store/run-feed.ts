// The records of one run as they come, from its start to its end, across reconnects.
import type { Client } from '@car-runtime/client';
import type { RunEnded, RunStarted, RunTurn } from '@car-runtime/protocol';

export type Turn = RunTurn;

export class RunFeed implements Disposable {
  readonly runId: string;
  started: RunStarted | undefined;
  turns: Turn[] = [];
  ended: RunEnded | undefined;
  error: unknown;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<() => void>();

  constructor(client: Client, runId: string) {
    this.runId = runId;
    void this.#follow(client);
  }

  listen(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async #follow(client: Client): Promise<void> {
    try {
      for await (const { record, kind } of client.runs.watch(this.runId, { signal: this.#stopping.signal })) {
        // A crash lost turns that were seen: the run follows from its start.
        if (kind === 'reset') this.turns = [];
        if (!record) continue;
        if (record.record === 'started') this.started = record;
        else if (record.record === 'turn') this.turns = [...this.turns, record];
        else this.ended = record;
        this.#changed();
      }
    } catch (error) {
      this.error = error;
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
  }
}
