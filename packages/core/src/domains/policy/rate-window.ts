/** At most `maxCalls` in any stretch of `intervalMs`. Holds one number per call that still counts. */
export class RateWindow {
  readonly #maxCalls: number;
  readonly #intervalMs: number;
  readonly #now: () => number;
  /** When the calls that still count were made, oldest first. */
  #calls: number[] = [];

  constructor(maxCalls: number, intervalMs: number, now: () => number = () => performance.now()) {
    this.#maxCalls = maxCalls;
    this.#intervalMs = intervalMs;
    this.#now = now;
  }

  /** Takes a slot, or answers false when none is free. */
  take(): boolean {
    const now = this.#now();
    const firstCounting = this.#calls.findIndex((call) => now - call < this.#intervalMs);
    this.#calls = firstCounting === -1 ? [] : this.#calls.slice(firstCounting);
    if (this.#calls.length >= this.#maxCalls) return false;
    this.#calls.push(now);
    return true;
  }
}
