/** Outputs of idempotent actions that succeeded, so that repeating one does not run it again. */
import { BoundedCache } from './bounded-cache.ts';
import { canonicalJson, jsonLength } from './json-value.ts';
import type { Action } from './proposal.ts';

const MAX_ENTRIES = 1_000;
const MAX_CHARS = 16 * 1024 * 1024;

export class IdempotencyCache {
  readonly #outputs: BoundedCache<{ readonly output: unknown }>;

  constructor(maxEntries: number = MAX_ENTRIES, maxChars: number = MAX_CHARS) {
    this.#outputs = new BoundedCache(maxEntries, maxChars);
  }

  get size(): number {
    return this.#outputs.size;
  }

  /** The remembered output, wrapped because it may be anything, or undefined. */
  get(key: string): { readonly output: unknown } | undefined {
    return this.#outputs.get(key);
  }

  set(key: string, output: unknown): void {
    this.#outputs.set(key, { output }, jsonLength(output));
  }

  delete(key: string): void {
    this.#outputs.delete(key);
  }
}

/** Same key, same operation: type, tool, parameters (after references were replaced) and tenant. */
export function idempotencyKey(action: Action, tenantId: string): string {
  return canonicalJson([action.type, action.tool ?? null, action.parameters, tenantId]);
}
