/** Entries of the first block of a list; each further one is twice as long, up to the largest. */
const FIRST_BLOCK = 4;
const LARGEST_BLOCK = 4096;

/** Words before the entries of a block: where the next block begins, and how many entries the block has room for. */
const HEADER = 2;

/**
 * One growing list of 32-bit entries per term, all in one typed array: a list is a chain of blocks that double in size.
 * Appending is amortised constant, a hundred thousand short lists cost no objects, and reading runs through memory.
 */
export class PostingLists {
  #pool = new Int32Array(4096);
  #end = 0;
  /** Per list: first block, last block, entries in the last block, entries in all. */
  #lists = new Int32Array(1024);
  #listCount = 0;

  /** Adds an empty list and returns its number. */
  addList(): number {
    if ((this.#listCount + 1) * 4 > this.#lists.length) this.#lists = grown(this.#lists, this.#lists.length * 2);
    this.#lists.fill(-1, this.#listCount * 4, this.#listCount * 4 + 2);
    return this.#listCount++;
  }

  append(list: number, entry: number): void {
    const at = list * 4;
    const lists = this.#lists;
    let last = lists[at + 1]!;
    if (last < 0 || lists[at + 2] === this.#pool[last + 1]) {
      last = this.#addBlock(last < 0 ? FIRST_BLOCK : Math.min(LARGEST_BLOCK, this.#pool[last + 1]! * 2), last);
      if (lists[at]! < 0) lists[at] = last;
      lists[at + 1] = last;
      lists[at + 2] = 0;
    }
    this.#pool[last + HEADER + lists[at + 2]!] = entry;
    lists[at + 2]!++;
    lists[at + 3]!++;
  }

  /** Entries of a list. */
  lengthOf(list: number): number {
    return this.#lists[list * 4 + 3]!;
  }

  /** Visits the runs of a list in the order they were appended: `pool[from]` up to, not with, `pool[to]`. */
  forEachRun(list: number, visit: (pool: Int32Array, from: number, to: number) => void): void {
    const at = list * 4;
    const last = this.#lists[at + 1]!;
    for (let block = this.#lists[at]!; block >= 0; block = this.#pool[block]!) {
      const entries = block === last ? this.#lists[at + 2]! : this.#pool[block + 1]!;
      visit(this.#pool, block + HEADER, block + HEADER + entries);
    }
  }

  /** Bytes held. */
  get byteLength(): number {
    return this.#pool.byteLength + this.#lists.byteLength;
  }

  #addBlock(entries: number, previous: number): number {
    const block = this.#end;
    this.#end += HEADER + entries;
    if (this.#end > this.#pool.length) this.#pool = grown(this.#pool, Math.max(this.#end, this.#pool.length * 1.5));
    this.#pool[block] = -1;
    this.#pool[block + 1] = entries;
    if (previous >= 0) this.#pool[previous] = block;
    return block;
  }
}

/** A longer copy. */
export function grown<T extends Int32Array | Uint8Array | Float64Array>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(Math.ceil(length));
  larger.set(array);
  return larger;
}
