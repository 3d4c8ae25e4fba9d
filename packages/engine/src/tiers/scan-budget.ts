/** How much of an action is read to find what it needs: reading costs up to a third of a microsecond a character, and everybody
 *  else waits meanwhile. What is not read counts as the worst that it could be. */

/** Characters of one action, and what else costs as much. */
export const maxScanned = 256 * 1024;

export class ScanBudget {
  #left = maxScanned;

  /** Units that were paid for. */
  get work(): number {
    return maxScanned - this.#left;
  }

  /** Whether so much more may be read. */
  pays(units: number): boolean {
    if (units > this.#left) return false;
    this.#left -= units;
    return true;
  }
}
