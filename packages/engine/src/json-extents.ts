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
const LITERAL: JsonExtent = { chars: 5, depth: 0 };
const ENDLESS: JsonExtent = { chars: Number.POSITIVE_INFINITY, depth: Number.POSITIVE_INFINITY };

/** Looks at every object once, however often it is asked about or part of others; they must not change meanwhile. */
export class JsonExtents {
  readonly #known = new WeakMap<object, JsonExtent>();

  of(value: unknown): JsonExtent {
    return this.#measure(value, 0);
  }

  #measure(value: unknown, level: number): JsonExtent {
    if (typeof value === 'string') return { chars: value.length + 2, depth: 0 };
    if (typeof value !== 'object' || value === null) return LITERAL;
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    if (level >= MAX_DEPTH) return ENDLESS;
    // What is met again before it is known contains itself.
    this.#known.set(value, ENDLESS);
    const extent = Array.isArray(value) ? this.#ofItems(value, level) : this.#ofMembers(value as JsonObject, level);
    this.#known.set(value, extent);
    return extent;
  }

  #ofItems(items: readonly unknown[], level: number): JsonExtent {
    let chars = 2 + items.length;
    let depth = 0;
    for (const item of items) {
      const inner = this.#measure(item, level + 1);
      chars += inner.chars;
      if (inner.depth > depth) depth = inner.depth;
    }
    return { chars, depth: depth + 1 };
  }

  #ofMembers(object: JsonObject, level: number): JsonExtent {
    let chars = 2;
    let depth = 0;
    for (const key of Object.keys(object)) {
      const inner = this.#measure(object[key], level + 1);
      chars += key.length + 4 + inner.chars;
      if (inner.depth > depth) depth = inner.depth;
    }
    return { chars, depth: depth + 1 };
  }
}
