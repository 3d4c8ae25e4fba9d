// What stands in front of every call of a tool: answers that may be repeated, then the tool's rate limit (Tool dispatch
// precedence, steps 1 and 2).
import { RateLimiter, ResultCache, type CancelSignal, type ToolCall, type ToolSchema } from '@car-runtime/engine';

type Run = () => unknown;

/** Whether calls of a tool must pass here. Most tools have neither, and then this costs nothing. */
export function isLimited(tool: ToolSchema | undefined): tool is ToolSchema {
  return tool !== undefined && (tool.cache_ttl_secs !== undefined || tool.rate_limit !== undefined);
}

/** The cache and the buckets of one connection. */
export class DispatchLimits implements Disposable {
  readonly #answers = new ResultCache();
  readonly #limiter = new RateLimiter();
  /** The tool that each cached name stood for: one registered anew has given none of the answers. */
  readonly #cachedTools = new Map<string, ToolSchema>();

  /** Runs a call of `tool` unless its answer is known, once its rate limit lets it. Detached calls are never answered
   *  from the cache. */
  run(
    tool: ToolSchema,
    call: ToolCall,
    tenantId: string | undefined,
    signal: CancelSignal | undefined,
    run: Run,
  ): unknown {
    const isCached = call.mode === undefined && tool.cache_ttl_secs !== undefined;
    if (!isCached) return this.#limited(tool, signal, run);
    this.#forgetReplaced(tool);
    const known = this.#answers.get(tool, call.parameters, tenantId);
    if (known) return known.output;
    return Promise.resolve(this.#limited(tool, signal, run)).then((output) => {
      if (this.#cachedTools.get(tool.name) === tool) this.#answers.set(tool, call.parameters, output, tenantId);
      return output;
    });
  }

  #limited({ name, rate_limit }: ToolSchema, signal: CancelSignal | undefined, run: Run): unknown {
    const token = rate_limit && this.#limiter.acquire(name, rate_limit, signal);
    return token ? token.then(run) : run();
  }

  #forgetReplaced(tool: ToolSchema): void {
    const cached = this.#cachedTools.get(tool.name);
    if (cached === tool) return;
    if (cached) this.#answers.clear();
    this.#cachedTools.set(tool.name, tool);
  }

  [Symbol.dispose](): void {
    this.#limiter[Symbol.dispose]();
    this.#answers.clear();
  }
}
