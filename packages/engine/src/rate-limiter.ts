/** Token buckets of tools: a call waits for its token (Tool dispatch precedence, step 2). */
import type { CancelSignal } from './cancel-signal.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { EngineError } from './errors.ts';
import type { RateLimit } from './tool-registry.ts';

export interface RateLimiterOptions {
  readonly clock?: Clock;
  /** How many calls may wait for one tool; one more is refused. */
  readonly maxWaiting?: number;
}

interface Waiter {
  readonly resolve: () => void;
}

interface Bucket {
  limit: RateLimit;
  tokens: number;
  refilledAt: number;
  /** In the order they came. */
  readonly waiting: Set<Waiter>;
  timer: unknown;
}

const MAX_WAITING = 1_000;
/** Past this many tools, those that nobody waits for are forgotten, and with them what they used up. */
const MAX_BUCKETS = 10_000;

export class RateLimiter implements Disposable {
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ clock = systemClock, maxWaiting = MAX_WAITING }: RateLimiterOptions = {}) {
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Takes a token of the tool. Answers undefined when there is one, else a promise for when there is; it rejects with
   * the reason of `signal` when that aborts, and the token goes to whoever is next.
   */
  acquire(tool: string, limit: RateLimit, signal?: CancelSignal): Promise<void> | undefined {
    const bucket = this.#bucketOf(tool, limit);
    this.#refill(bucket);
    if (bucket.waiting.size === 0 && bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return undefined;
    }
    if (limit.max_calls < 1) {
      const message = `tool '${tool}' cannot be called: its rate limit allows ${limit.max_calls} calls`;
      return Promise.reject(new EngineError('rate_limit_zero', message));
    }
    if (bucket.waiting.size >= this.#maxWaiting) {
      const message = `tool '${tool}' has ${bucket.waiting.size} calls waiting for its rate limit, at most ${this.#maxWaiting} are allowed`;
      return Promise.reject(new EngineError('rate_limit_queue_full', message));
    }
    return this.#wait(bucket, signal);
  }

  /** Forgets all buckets; who waits gets its token, so that nothing hangs. */
  [Symbol.dispose](): void {
    for (const bucket of this.#buckets.values()) {
      this.#clock.clearTimeout(bucket.timer);
      for (const { resolve } of bucket.waiting) resolve();
    }
    this.#buckets.clear();
  }

  #bucketOf(tool: string, limit: RateLimit): Bucket {
    let bucket = this.#buckets.get(tool);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_BUCKETS) this.#forgetIdle();
      const refilledAt = this.#clock.monotonic();
      bucket = { limit, tokens: limit.max_calls, refilledAt, waiting: new Set(), timer: undefined };
      this.#buckets.set(tool, bucket);
    } else if (bucket.limit.max_calls !== limit.max_calls || bucket.limit.interval_secs !== limit.interval_secs) {
      // The tool was registered anew: what was saved up under the old limit counts up to the new one.
      this.#refill(bucket);
      bucket.limit = limit;
      bucket.tokens = Math.min(bucket.tokens, limit.max_calls);
    }
    return bucket;
  }

  #forgetIdle(): void {
    for (const [tool, { waiting }] of this.#buckets) if (waiting.size === 0) this.#buckets.delete(tool);
  }

  #refill(bucket: Bucket): void {
    const now = this.#clock.monotonic();
    const { max_calls, interval_secs } = bucket.limit;
    const gained = interval_secs > 0 ? ((now - bucket.refilledAt) / (interval_secs * 1_000)) * max_calls : max_calls;
    bucket.tokens = Math.min(max_calls, bucket.tokens + gained);
    bucket.refilledAt = now;
  }

  #wait(bucket: Bucket, signal: CancelSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(toError(signal.reason));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        bucket.waiting.delete(waiter);
        reject(toError(signal?.reason));
      };
      const waiter: Waiter = {
        resolve: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort);
      bucket.waiting.add(waiter);
      if (bucket.waiting.size === 1) this.#schedule(bucket);
    });
  }

  /** One timer per tool, for whoever is first. */
  #schedule(bucket: Bucket): void {
    this.#clock.clearTimeout(bucket.timer);
    const { max_calls, interval_secs } = bucket.limit;
    const perTokenMs = (Math.max(0, interval_secs) * 1_000) / Math.max(1, max_calls);
    const delayMs = Math.max(0, Math.ceil((1 - bucket.tokens) * perTokenMs));
    bucket.timer = this.#clock.setTimeout(() => {
      this.#serve(bucket);
    }, delayMs);
  }

  #serve(bucket: Bucket): void {
    this.#refill(bucket);
    for (const waiter of bucket.waiting) {
      if (bucket.tokens < 1) break;
      bucket.tokens -= 1;
      bucket.waiting.delete(waiter);
      waiter.resolve();
    }
    if (bucket.waiting.size > 0) this.#schedule(bucket);
  }
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
