// What a call of a tool uses. Said by the operator, else by the tool's registration; and what it did use, by its output.
import { isJsonObject, type ToolSchema } from '@car-runtime/engine';
import { none, toMicros, type Units } from './amounts.ts';

/** The most one call uses. What is left out is not known. */
export interface Price {
  /** A name, or `*` for every tool without a price of its own. */
  readonly tool: string;
  readonly tokens?: number | undefined;
  readonly cost_usd?: number | undefined;
  /** Given to calls whose action names no `timeout_ms`. */
  readonly wall_time_ms?: number | undefined;
  /** The output says in `usage` what it was; without it a call costs the price. */
  readonly reported: boolean;
}

/** A price in units. */
export interface Priced {
  readonly tokens: number | undefined;
  readonly cost_usd: number | undefined;
  readonly wallTimeMs: number | undefined;
  /** Whether what the output says may lower it. */
  readonly isReported: boolean;
}

const free: Priced = { tokens: 0, cost_usd: 0, wallTimeMs: undefined, isReported: false };

/**
 * The operator's word comes first. What a tool says of itself counts unless an agent registered it: an agent would set its own
 * prices. The daemon's own tools cost nothing.
 */
export function priceOf(
  name: string,
  tool: ToolSchema | undefined,
  prices: ReadonlyMap<string, Price>,
  isAgent: boolean,
): Priced {
  const own = prices.get(name);
  const isTrusted = !isAgent || tool?.source !== 'user_defined';
  const declared = isTrusted ? tool?.usage : undefined;
  const price = own ?? (declared === undefined && tool?.source !== 'builtin' ? prices.get('*') : undefined);
  if (price) {
    return {
      tokens: price.tokens,
      cost_usd: price.cost_usd === undefined ? undefined : toMicros(price.cost_usd),
      wallTimeMs: price.wall_time_ms,
      isReported: price.reported && isTrusted,
    };
  }
  if (declared) {
    return {
      tokens: declared.max_tokens,
      cost_usd: declared.max_cost_usd === undefined ? undefined : toMicros(declared.max_cost_usd),
      wallTimeMs: undefined,
      isReported: declared.reported === true,
    };
  }
  if (tool?.source === 'builtin') return free;
  return { tokens: undefined, cost_usd: undefined, wallTimeMs: undefined, isReported: false };
}

/** What an output says it used; nothing where it does not say, or says what cannot be. */
export function usageOf(output: unknown): { tokens: number | undefined; cost_usd: number | undefined } {
  const usage = isJsonObject(output) && isJsonObject(output['usage']) ? output['usage'] : {};
  const cost = amount(usage['cost_usd']);
  return { tokens: tokensOf(usage), cost_usd: cost === undefined ? undefined : toMicros(cost) };
}

/** A total, or both halves, under the names that model APIs use. */
function tokensOf(usage: Record<string, unknown>): number | undefined {
  const total = amount(usage['tokens']) ?? amount(usage['total_tokens']);
  if (total !== undefined) return Math.ceil(total);
  const input = amount(usage['tokens_in']) ?? amount(usage['input_tokens']) ?? amount(usage['prompt_tokens']);
  const output = amount(usage['tokens_out']) ?? amount(usage['output_tokens']) ?? amount(usage['completion_tokens']);
  return input === undefined || output === undefined ? undefined : Math.ceil(input + output);
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 1e12 ? value : undefined;
}

/** What a call that answered used: its price, or what its output says where that counts, also when it is more. */
export function usedBy(price: Priced, output: unknown): Pick<Units, 'tokens' | 'cost_usd'> {
  const said = price.isReported ? usageOf(output) : undefined;
  return {
    tokens: said?.tokens ?? price.tokens ?? none.tokens,
    cost_usd: said?.cost_usd ?? price.cost_usd ?? none.cost_usd,
  };
}
