import { ScanBudget } from '@car-runtime/engine';

/** Actions judged in one turn of the event loop. */
export const maxActionsPerTurn = 200;
/** Characters read in one turn before another action is begun. */
export const maxReadPerTurn = 64 * 1024;

/** What is read of a plan before others get a turn. */
export class ReadingTurn {
  #actions = 0;
  #read = 0;
  #newest: ScanBudget | undefined;

  get isOver(): boolean {
    return this.#actions >= maxActionsPerTurn || this.#read + (this.#newest?.work ?? 0) >= maxReadPerTurn;
  }

  /** For one more action. */
  budget(): ScanBudget {
    this.#read += this.#newest?.work ?? 0;
    this.#actions++;
    this.#newest = new ScanBudget();
    return this.#newest;
  }
}
