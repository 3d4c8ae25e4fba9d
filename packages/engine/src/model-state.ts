import { setOwn } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import type { StateReader } from './state-store.ts';

/** State over a base that stays as it is: starting again costs nothing, however large the base. */
export class ModelState implements StateReader {
  readonly #base: ReadonlyMap<string, unknown>;
  readonly #written = new Map<string, unknown>();

  constructor(base: ReadonlyMap<string, unknown>) {
    this.#base = base;
  }

  /** Keys written since the last reset. */
  get writtenKeys(): Iterable<string> {
    return this.#written.keys();
  }

  get(key: string): unknown {
    return (this.#written.has(key) ? this.#written.get(key) : this.#base.get(key)) ?? null;
  }

  has(key: string): boolean {
    return this.#written.has(key) || this.#base.has(key);
  }

  set(key: string, value: unknown): void {
    this.#written.set(key, value);
  }

  /** Back to the base. */
  reset(): void {
    this.#written.clear();
  }

  toObject(): JsonObject {
    const object: JsonObject = {};
    for (const [key, value] of this.#base) setOwn(object, key, value);
    for (const [key, value] of this.#written) setOwn(object, key, value);
    return object;
  }
}
