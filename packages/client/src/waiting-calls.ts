// Calls made while there is no connection: they wait in order, in a bounded queue, with their own time limit.
import { RequestTimeoutError } from '@car-runtime/rpc';
import { NotConnectedError } from './errors.ts';
import type { CallOptions } from './typed-calls.ts';

/** The longest delay a timer takes; a longer one would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

interface Waiting {
  /** Sends the call. Never throws. */
  release(): void;
  reject(error: unknown): void;
  readonly method: string;
}

export class WaitingCalls {
  readonly #waiting = new Set<Waiting>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Calls `send` when there is a connection, with what is left of the time. */
  add(method: string, options: CallOptions, send: (options: CallOptions) => Promise<unknown>): Promise<unknown> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.size >= this.#limit) {
      return Promise.reject(
        new NotConnectedError(
          method,
          `${this.#waiting.size} calls already wait for a connection, limit ${this.#limit}`,
        ),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timeoutMs = timerMs(options.timeoutMs);
    const since = performance.now();
    const leave = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#waiting.delete(entry);
    };
    const entry: Waiting = {
      method,
      release: () => {
        leave();
        const left = timeoutMs === undefined ? undefined : Math.max(0, timeoutMs - (performance.now() - since));
        resolve(send({ ...options, timeoutMs: left }));
      },
      reject: (error) => {
        leave();
        reject(error);
      },
    };
    const onAbort = (): void => entry.reject(signal?.reason);
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => entry.reject(new RequestTimeoutError(method, timeoutMs)), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.add(entry);
    return promise;
  }

  /** One synchronous block: what waited goes out in its order, and before anything called later. */
  releaseAll(): void {
    for (const entry of [...this.#waiting]) entry.release();
  }

  rejectAll(errorOf: (method: string) => Error): void {
    for (const entry of [...this.#waiting]) entry.reject(errorOf(entry.method));
  }
}

/** A time limit as a timer takes it; `undefined` for one too long to matter. */
export function timerMs(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined || timeoutMs > maxTimerMs ? undefined : timeoutMs;
}
