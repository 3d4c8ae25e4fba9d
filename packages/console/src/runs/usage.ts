// What a turn used, where its output or the result of its program says so (`usage`), by the names that are in use.
import type { RunTurn } from '@car-runtime/protocol';

export interface Usage {
  readonly tokens?: number;
  readonly tokensIn?: number;
  readonly tokensOut?: number;
  readonly costUsd?: number;
}

const none: Usage = {};
/** Turns do not change, and there are many. */
const known = new WeakMap<RunTurn, Usage>();

export function usageOf(turn: RunTurn): Usage {
  let usage = known.get(turn);
  if (!usage) known.set(turn, (usage = readUsage(turn.output) ?? readUsage(turn.cli_outcome) ?? none));
  return usage;
}

function readUsage(value: unknown): Usage | undefined {
  const usage = memberOf(parsed(value), 'usage');
  if (typeof usage !== 'object' || usage === null) return undefined;
  const first = (...names: string[]): number | undefined =>
    names.map((name) => memberOf(usage, name)).find((each) => typeof each === 'number' && each >= 0) as
      | number
      | undefined;
  const tokensIn = first('tokens_in', 'input_tokens', 'prompt_tokens');
  const tokensOut = first('tokens_out', 'output_tokens', 'completion_tokens');
  const tokens = first('tokens', 'total_tokens') ?? sum(tokensIn, tokensOut);
  const costUsd = first('cost_usd');
  if (tokens === undefined && costUsd === undefined) return undefined;
  return {
    ...(tokens !== undefined && { tokens }),
    ...(tokensIn !== undefined && { tokensIn }),
    ...(tokensOut !== undefined && { tokensOut }),
    ...(costUsd !== undefined && { costUsd }),
  };
}

/** Of all turns together; nothing where none says anything. */
export function totalUsage(turns: readonly RunTurn[]): { tokens: number | undefined; costUsd: number | undefined } {
  let tokens: number | undefined;
  let costUsd: number | undefined;
  for (const turn of turns) {
    const usage = usageOf(turn);
    tokens = sum(tokens, usage.tokens);
    costUsd = sum(costUsd, usage.costUsd);
  }
  return { tokens, costUsd };
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : a + (b ?? 0);
}

/** Plans record outputs as text. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (!value.startsWith('{') || !value.includes('"usage"')) return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
