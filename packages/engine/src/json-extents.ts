/** How large values are as JSON, without writing them out: one that is shared may be larger than memory. */
import type { JsonObject } from './json-value.ts';

export interface JsonExtent {
  /** About the characters of its text; escapes are not counted. */
  readonly chars: number;
  /** Levels of arrays and objects. */
  readonly depth: number;
}

/** Deeper values are endless: recursion needs an end. */
const MAX_DEPTH = 256;
/** Objects and arrays of a value that is measured without remembering any of them. */
const MAX_SMALL = 64;
const LITERAL: JsonExtent = { chars: 5, depth: 0 };
const ENDLESS: JsonExtent = { chars: Number.POSITIVE_INFINITY, depth: Number.POSITIVE_INFINITY };

/** Looks at every object once, however often it is asked about or part of others, but for those of small values; they must
 *  not change meanwhile. */
export class JsonExtents {
  /** Made with the first large value: V8 puts the table of a weak map into the old generation at once, where it waits for a
   *  full collection with all that it refers to. One for each plan was half of what collecting garbage cost. */
  #known: WeakMap<object, JsonExtent> | undefined;
  /** How many more objects a small value may have, and how deep it was found to be. */
  #left = 0;
  #depth = 0;

  of(value: unknown): JsonExtent {
    this.#left = MAX_SMALL;
    this.#depth = 0;
    const chars = this.#measureSmall(value, 0);
    if (this.#left >= 0) return { chars, depth: this.#depth };
    return this.#measure(value, 0, (this.#known ??= new WeakMap()));
  }

  /** Its characters, unless there is nothing left of what it may have; then they mean nothing. */
  #measureSmall(value: unknown, level: number): number {
    if (typeof value === 'string') return value.length + 2;
    if (typeof value !== 'object' || value === null) return LITERAL.chars;
    this.#left -= 1;
    if (this.#left < 0) return 0;
    if (level >= this.#depth) this.#depth = level + 1;
    let chars = 2;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length && this.#left >= 0; index += 1)
        chars += 1 + this.#measureSmall(value[index], level + 1);
      return chars;
    }
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      chars += key.length + 4 + this.#measureSmall((value as JsonObject)[key], level + 1);
      if (this.#left < 0) break;
    }
    return chars;
  }

  #measure(value: unknown, level: number, known: WeakMap<object, JsonExtent>): JsonExtent {
    if (typeof value === 'string') return { chars: value.length + 2, depth: 0 };
    if (typeof value !== 'object' || value === null) return LITERAL;
    const before = known.get(value);
    if (before !== undefined) return before;
    if (level >= MAX_DEPTH) return ENDLESS;
    // What is met again before it is known contains itself.
    known.set(value, ENDLESS);
    const extent = Array.isArray(value)
      ? this.#ofItems(value, level, known)
      : this.#ofMembers(value as JsonObject, level, known);
    known.set(value, extent);
    return extent;
  }

  #ofItems(items: readonly unknown[], level: number, known: WeakMap<object, JsonExtent>): JsonExtent {
    let chars = 2 + items.length;
    let depth = 0;
    for (const item of items) {
      const inner = this.#measure(item, level + 1, known);
      chars += inner.chars;
      if (inner.depth > depth) depth = inner.depth;
    }
    return { chars, depth: depth + 1 };
  }

  #ofMembers(object: JsonObject, level: number, known: WeakMap<object, JsonExtent>): JsonExtent {
    let chars = 2;
    let depth = 0;
    for (const key of Object.keys(object)) {
      const inner = this.#measure(object[key], level + 1, known);
      chars += key.length + 4 + inner.chars;
      if (inner.depth > depth) depth = inner.depth;
    }
    return { chars, depth: depth + 1 };
  }
}
