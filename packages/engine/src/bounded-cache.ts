interface Entry<V> {
  readonly value: V;
  readonly cost: number;
}

/** Keeps the most recently used values within a number of entries and a total cost; what is too large is not kept. */
export class BoundedCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #maxEntries: number;
  readonly #maxCost: number;
  #cost = 0;

  /** `maxCost` is in the unit `set` is given, usually characters of JSON. */
  constructor(maxEntries: number, maxCost: number) {
    this.#maxEntries = maxEntries;
    this.#maxCost = maxCost;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A Map iterates in order of insertion, so the least recently used entry is always the first.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, cost: number): void {
    this.delete(key);
    const whole = cost + key.length;
    if (whole > this.#maxCost) return;
    this.#entries.set(key, { value, cost: whole });
    this.#cost += whole;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#cost <= this.#maxCost) break;
      this.delete(oldest);
    }
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#cost -= entry.cost;
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#cost = 0;
  }
}
