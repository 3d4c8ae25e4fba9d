export interface ScoredSlot {
  readonly slot: number;
  readonly score: number;
}

/** The best of what is added; of equals the lower slot. Scores of 0 and less are none. A heap whose top is the worst. */
export class BestSlots {
  readonly #limit: number;
  readonly #slots: number[] = [];
  readonly #scores: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether a slot of this score, or any higher slot where it is the lowest of several, would be among the best. */
  hasRoomFor(slot: number, score: number): boolean {
    if (score <= 0 || this.#limit <= 0) return false;
    if (this.#slots.length < this.#limit) return true;
    const worst = this.#scores[0]!;
    return score > worst || (score === worst && slot < this.#slots[0]!);
  }

  /** The score that one more has to reach. */
  get least(): number {
    return this.#slots.length < this.#limit ? 0 : this.#scores[0]!;
  }

  add(slot: number, score: number): void {
    if (!this.hasRoomFor(slot, score)) return;
    if (this.#slots.length < this.#limit) this.#rise(slot, score);
    else this.#sink(slot, score);
  }

  /** Best first. */
  sorted(): ScoredSlot[] {
    return this.#slots
      .map((slot, at) => ({ slot, score: this.#scores[at]! }))
      .sort((a, b) => b.score - a.score || a.slot - b.slot);
  }

  #rise(slot: number, score: number): void {
    let at = this.#slots.length;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#isWorse(slot, score, parent)) break;
      this.#slots[at] = this.#slots[parent]!;
      this.#scores[at] = this.#scores[parent]!;
      at = parent;
    }
    this.#slots[at] = slot;
    this.#scores[at] = score;
  }

  #sink(slot: number, score: number): void {
    const count = this.#slots.length;
    let at = 0;
    for (let child = 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && this.#isWorse(this.#slots[child + 1]!, this.#scores[child + 1]!, child)) child++;
      if (this.#isWorse(slot, score, child)) break;
      this.#slots[at] = this.#slots[child]!;
      this.#scores[at] = this.#scores[child]!;
      at = child;
    }
    this.#slots[at] = slot;
    this.#scores[at] = score;
  }

  #isWorse(slot: number, score: number, than: number): boolean {
    const other = this.#scores[than]!;
    return score < other || (score === other && slot > this.#slots[than]!);
  }
}
