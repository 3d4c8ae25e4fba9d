export interface ScoredSlot {
  readonly slot: number;
  readonly score: number;
}

/** The best of what is added, best first; of equals the lower slot. Scores of 0 and less are none. */
export class BestSlots {
  readonly #limit: number;
  readonly slots: ScoredSlot[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  hasRoomFor(slot: number, score: number): boolean {
    if (score <= 0 || this.#limit <= 0) return false;
    const worst = this.slots.length < this.#limit ? undefined : this.slots.at(-1);
    return !worst || score > worst.score || (score === worst.score && slot < worst.slot);
  }

  add(slot: number, score: number): void {
    if (!this.hasRoomFor(slot, score)) return;
    let low = 0;
    for (let high = this.slots.length; low < high;) {
      const middle = (low + high) >>> 1;
      const other = this.slots[middle]!;
      if (score > other.score || (score === other.score && slot < other.slot)) high = middle;
      else low = middle + 1;
    }
    this.slots.splice(low, 0, { slot, score });
    if (this.slots.length > this.#limit) this.slots.pop();
  }
}
