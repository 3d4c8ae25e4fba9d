/** Entries of the first block of a list; each further one is twice as long, up to the largest. */
const FIRST_BLOCK = 4;
const LARGEST_BLOCK = 128;

/** Words before the entries of a block: where the next block begins, how many entries it has room for, and their bound. */
const HEADER = 3;
/** Words of a list: first block, last block, entries in the last block, entries in all, and the bound of them all. */
const LIST = 5;

/** A length of a text is no more than this in a bound; a longer one is taken for this, which keeps the bound one. */
const MAX_LENGTH = (1 << 20) - 1;

/**
 * One growing list of 32-bit entries per term, all in one typed array: a list is a chain of blocks that double in size.
 * Appending is amortised constant, a hundred thousand short lists cost no objects, and reading runs through memory.
 *
 * An entry is the slot of a text and how often its subject and its body hold the term: `slot << 8 | subject << 4 | body`.
 * Every block and every list knows the highest counts and the shortest body of its texts, so that whoever looks for the
 * best texts can pass over those that are none.
 */
export class PostingLists {
  pool = new Int32Array(256);
  #end = 0;
  #lists = new Int32Array(LIST * 16);
  #listCount = 0;

  /** Adds an empty list and returns its number. */
  addList(): number {
    const at = this.#listCount * LIST;
    if (at + LIST > this.#lists.length) this.#lists = grown(this.#lists, this.#lists.length * 2);
    this.#lists[at] = -1;
    this.#lists[at + 1] = -1;
    this.#lists[at + 4] = EMPTY_BOUND;
    return this.#listCount++;
  }

  append(list: number, entry: number, bodyLength: number): void {
    const at = list * LIST;
    const lists = this.#lists;
    let last = lists[at + 1]!;
    if (last < 0 || lists[at + 2] === this.pool[last + 1]) {
      last = this.#addBlock(last < 0 ? FIRST_BLOCK : Math.min(LARGEST_BLOCK, this.pool[last + 1]! * 2), last);
      if (lists[at]! < 0) lists[at] = last;
      lists[at + 1] = last;
      lists[at + 2] = 0;
    }
    const { pool } = this;
    pool[last + HEADER + lists[at + 2]!] = entry;
    pool[last + 2] = widened(pool[last + 2]!, entry, bodyLength);
    lists[at + 2]!++;
    lists[at + 3]!++;
    lists[at + 4] = widened(lists[at + 4]!, entry, bodyLength);
  }

  /** Entries of a list. */
  lengthOf(list: number): number {
    return this.#lists[list * LIST + 3]!;
  }

  /** Bound of all entries of a list. */
  boundOf(list: number): number {
    return this.#lists[list * LIST + 4]!;
  }

  /** First block of a list, or -1. */
  firstBlock(list: number): number {
    return this.#lists[list * LIST]!;
  }

  /** The block after one, or -1. */
  nextBlock(block: number): number {
    return this.pool[block]!;
  }

  boundOfBlock(block: number): number {
    return this.pool[block + 2]!;
  }

  /** Where the entries of a block begin in `pool`. */
  startOf(block: number): number {
    return block + HEADER;
  }

  /** Where the entries of a block end in `pool`. */
  endOf(list: number, block: number): number {
    const at = list * LIST;
    return block + HEADER + (block === this.#lists[at + 1] ? this.#lists[at + 2]! : this.pool[block + 1]!);
  }

  /** Bytes held. */
  get byteLength(): number {
    return this.pool.byteLength + this.#lists.byteLength;
  }

  #addBlock(entries: number, previous: number): number {
    const block = this.#end;
    this.#end += HEADER + entries;
    if (this.#end > this.pool.length) this.pool = grown(this.pool, Math.max(this.#end, this.pool.length * 1.5));
    this.pool[block] = -1;
    this.pool[block + 1] = entries;
    this.pool[block + 2] = EMPTY_BOUND;
    if (previous >= 0) this.pool[previous] = block;
    return block;
  }
}

/** A bound has the counts in its lowest eight bits, as an entry has, and above them the length of the shortest body. */
const EMPTY_BOUND = MAX_LENGTH << 8;

function widened(bound: number, entry: number, bodyLength: number): number {
  const subject = Math.max(bound & 0xf0, entry & 0xf0);
  const body = Math.max(bound & 15, entry & 15);
  return (Math.min(bound >>> 8, bodyLength) << 8) | subject | body;
}

/** The shortest body that a bound stands for. */
export function shortestIn(bound: number): number {
  return bound >>> 8;
}

/** A longer copy. */
export function grown<T extends Int32Array | Uint32Array | Uint8Array | Float64Array>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(Math.ceil(length));
  larger.set(array);
  return larger;
}
