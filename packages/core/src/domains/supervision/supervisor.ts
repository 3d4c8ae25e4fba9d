// One subscribed supervisor: its filter, and the way its intents go out.
import type { SharedFrame } from '@car-runtime/rpc';
import type { Connection } from '../../kernel/connection.ts';
import type { IntentFilter } from './filter.ts';

/** How soon a reader that was too slow is tried again, in ms. */
const retryMs = 25;

/** An intent on its way. */
export interface Outgoing {
  readonly frame: SharedFrame;
}

/**
 * A reader that is slow holds up nothing but itself: what it cannot take waits here, once for each intent that still waits
 * for a decision, so the bound of those is the bound of this.
 */
export class Supervisor implements Disposable {
  filter: IntentFilter;
  readonly #connection: Connection;
  readonly #waiting = new Set<Outgoing>();
  #retry: NodeJS.Timeout | undefined;

  constructor(connection: Connection, filter: IntentFilter) {
    this.#connection = connection;
    this.filter = filter;
  }

  /** Intents not yet handed to its peer. */
  get waiting(): number {
    return this.#waiting.size;
  }

  offer(outgoing: Outgoing): void {
    this.#waiting.add(outgoing);
    this.#drain();
  }

  /** It was decided: nobody needs to hear of it any more. */
  withdraw(outgoing: Outgoing): void {
    this.#waiting.delete(outgoing);
  }

  #drain(): void {
    const { peer } = this.#connection;
    for (const outgoing of this.#waiting) {
      if (peer.isReaderSlow) break;
      this.#waiting.delete(outgoing);
      peer.sendShared(outgoing.frame);
    }
    if (this.#waiting.size === 0 || this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#drain();
    }, retryMs);
    this.#retry.unref();
  }

  [Symbol.dispose](): void {
    this.#waiting.clear();
    clearTimeout(this.#retry);
  }
}
