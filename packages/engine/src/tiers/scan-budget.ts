/** How much of an action is read to find what it needs. It has room for whatever fits a frame; what it bounds is work: others
 *  wait while an action is read, at some nanoseconds a character and microseconds a name that nothing else had. */

/** Characters of one action, and what else costs as much. What is beyond is not read and counts as the worst it could be. */
export const maxScanned = 32 * 1024 * 1024;

export class ScanBudget {
  readonly #limit: number;
  #left: number;

  constructor(limit = maxScanned) {
    this.#limit = this.#left = limit;
  }

  /** Units that were paid for. */
  get work(): number {
    return this.#limit - this.#left;
  }

  /** Whether so much more may be read. */
  pays(units: number): boolean {
    if (units > this.#left) return false;
    this.#left -= units;
    return true;
  }
}
