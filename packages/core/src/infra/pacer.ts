// Long work on the event loop, in slices: everybody else gets a turn after each.
import { setImmediate as nextTurn } from 'node:timers/promises';

const defaultBusyMs = 4;

export class Pacer {
  readonly #busyMs: number;
  #pauseAt: number;

  constructor(busyMs = defaultBusyMs) {
    this.#busyMs = busyMs;
    this.#pauseAt = performance.now() + busyMs;
  }

  /** Whether it is time for a pause: to be asked between steps that take well under a millisecond. */
  get isDue(): boolean {
    return performance.now() > this.#pauseAt;
  }

  /** The world may be another afterwards. */
  async pause(): Promise<void> {
    await nextTurn();
    this.#pauseAt = performance.now() + this.#busyMs;
  }
}
