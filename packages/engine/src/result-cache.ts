/** Answers of tools that may be repeated for a while (Tool dispatch precedence, step 1). */
import { BoundedCache } from './bounded-cache.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { canonicalJson, jsonLength } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import type { ToolSchema } from './tool-registry.ts';

const MAX_ENTRIES = 1_000;
const MAX_CHARS = 16 * 1024 * 1024;

export interface ResultCacheOptions {
  readonly clock?: Pick<Clock, 'monotonic'>;
  readonly maxEntries?: number;
  readonly maxChars?: number;
}

/** Answers by tool, parameters and tenant, for tools with `cache_ttl_secs`. Detached calls must not come here. */
export class ResultCache {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #answers: BoundedCache<{ readonly output: unknown; readonly expiresAt: number }>;

  constructor({ clock = systemClock, maxEntries = MAX_ENTRIES, maxChars = MAX_CHARS }: ResultCacheOptions = {}) {
    this.#clock = clock;
    this.#answers = new BoundedCache(maxEntries, maxChars);
  }

  get size(): number {
    return this.#answers.size;
  }

  /** The answer, wrapped because it may be anything, or undefined. */
  get(tool: ToolSchema, parameters: JsonObject, tenantId = ''): { readonly output: unknown } | undefined {
    if (!isCached(tool)) return undefined;
    const key = keyOf(tool, parameters, tenantId);
    const answer = this.#answers.get(key);
    if (answer === undefined || this.#clock.monotonic() < answer.expiresAt) return answer;
    this.#answers.delete(key);
    return undefined;
  }

  set(tool: ToolSchema, parameters: JsonObject, output: unknown, tenantId = ''): void {
    if (!isCached(tool)) return;
    const expiresAt = this.#clock.monotonic() + (tool.cache_ttl_secs ?? 0) * 1_000;
    this.#answers.set(keyOf(tool, parameters, tenantId), { output, expiresAt }, jsonLength(output));
  }

  /** For when tools change: an answer of the tool that had the name before is not an answer of this one. */
  clear(): void {
    this.#answers.clear();
  }
}

function isCached({ cache_ttl_secs }: ToolSchema): boolean {
  return cache_ttl_secs !== undefined && cache_ttl_secs > 0;
}

function keyOf({ name }: ToolSchema, parameters: JsonObject, tenantId: string): string {
  return canonicalJson([name, parameters, tenantId]);
}
