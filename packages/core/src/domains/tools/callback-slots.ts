// How many callbacks of one connection are under way at a time (Tool callback).
import type { CancelSignal } from '@car-runtime/engine';

/** A client answers 1 024 requests at a time and refuses more; plans side by side could ask for any number. */
export const maxCallbacks = 512;

interface Waiter {
  proceed(): void;
}

export class CallbackSlots {
  #free = maxCallbacks;
  /** In the order they came. */
  readonly #waiting = new Set<Waiter>();

  /** Takes a slot: at once, or with a promise for when there is one. That one rejects with the reason of `signal`. */
  acquire(signal: CancelSignal | undefined): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        // Whoever aborts gives a reason that is an error.
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        proceed: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort);
      this.#waiting.add(waiter);
    });
  }

  /** Hands the slot to whoever waits longest. */
  release(): void {
    for (const waiter of this.#waiting) {
      this.#waiting.delete(waiter);
      waiter.proceed();
      return;
    }
    this.#free++;
  }
}
