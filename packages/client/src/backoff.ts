// How long to wait before the next attempt to connect.

/** How a lost connection is made again. */
export interface ReconnectOptions {
  /** Longest wait before the first attempt, in ms. Default 100. */
  baseDelayMs?: number;
  /** Longest wait before any attempt, in ms. Default 10 000. */
  maxDelayMs?: number;
  /** Attempts in a row before the client gives up. Default: it does not. */
  maxAttempts?: number;
  /** How long a connection must last to count as good, in ms; one that breaks sooner keeps the delays growing, so a
   *  daemon that accepts and drops is not stormed. Default 5 000. */
  stableAfterMs?: number;
}

/** Exponential, bounded, and jittered over half its range, so clients of one daemon do not come back all at once. */
export class Backoff {
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #stableAfterMs: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor(options: ReconnectOptions = {}, random: () => number = Math.random) {
    this.#baseDelayMs = options.baseDelayMs ?? 100;
    this.#maxDelayMs = options.maxDelayMs ?? 10_000;
    this.#stableAfterMs = options.stableAfterMs ?? 5_000;
    this.#random = random;
  }

  /** Delay before the next attempt, in ms; never shorter than what the daemon asked for, up to the limit. */
  next(atLeastMs = 0): number {
    // 2 ** 30 is far beyond any limit and still exact.
    const ceiling = Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    const jittered = ceiling * (0.5 + this.#random() / 2);
    return Math.min(Math.max(jittered, atLeastMs), Math.max(this.#maxDelayMs, 0));
  }

  /** A connection ended after so many ms. */
  connectionLasted(durationMs: number): void {
    if (durationMs >= this.#stableAfterMs) this.#attempts = 0;
  }
}
