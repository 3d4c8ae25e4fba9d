/** A log that can give memory back. */
export interface MemoryUser {
  readonly memoryBytes: number;
  /** Forgets the older half of what it keeps. */
  halve(): void;
}

/** Memory that all logs of the daemon share. Whoever holds most gives way first. */
export class MemoryBudget {
  readonly #maxBytes: number;
  readonly #users = new Set<MemoryUser>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `user` now holds so many bytes more (or less). */
  change(user: MemoryUser, bytes: number): void {
    this.#bytes += bytes;
    if (bytes <= 0) return;
    this.#users.add(user);
    while (this.#bytes > this.#maxBytes) {
      const largest = this.#largest();
      const before = this.#bytes;
      largest?.halve();
      if (this.#bytes >= before) return; // nobody has anything left to give
    }
  }

  /** `user` is gone; what it held was given back before. */
  remove(user: MemoryUser): void {
    this.#users.delete(user);
  }

  #largest(): MemoryUser | undefined {
    let largest: MemoryUser | undefined;
    for (const user of this.#users) if (!largest || user.memoryBytes > largest.memoryBytes) largest = user;
    return largest;
  }
}
