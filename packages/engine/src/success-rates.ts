/** How often each tool of a proposal is expected to succeed, and on whose word. */
import { ownValue } from './json-value.ts';
import type { Action } from './proposal.ts';

export interface ToolHistory {
  /** Days looked back; 0 means that history is not to be used. */
  readonly windowDays: number;
  /** Recorded runs that the counts come from. */
  readonly trajectories: number;
  /** By tool, calls that were really dispatched and how many of them succeeded. */
  readonly tools: Readonly<Record<string, { readonly succeeded: number; readonly dispatched: number }>>;
}

export interface ToolRate {
  tool: string;
  rate: number;
  source: 'caller' | 'trajectories' | 'default';
  succeeded: number;
  dispatched: number;
}

export interface RateProvenance {
  window_days: number;
  trajectories_available: number;
  /** Tools whose recorded rate the caller replaced. */
  overridden_by_caller: string[];
  tools: ToolRate[];
}

export interface RateSources {
  readonly toolSuccessRates?: Readonly<Record<string, number>> | undefined;
  readonly history?: ToolHistory | undefined;
  readonly config?: { default_success_rate?: number | undefined } | undefined;
}

const DEFAULT_SUCCESS_RATE = 0.5;

/** Rates of the tools that the actions call, sorted by tool. */
export function toSuccessRates(actions: readonly Action[], sources: RateSources): RateProvenance {
  const { toolSuccessRates = {}, history, config } = sources;
  const recorded = history === undefined || history.windowDays <= 0 ? {} : history.tools;
  const names = new Set(actions.flatMap(({ type, tool }) => (type === 'tool_call' && tool ? [tool] : [])));
  const overridden: string[] = [];
  const tools = [...names].toSorted().map((tool): ToolRate => {
    const seen = ownValue(recorded, tool) as ToolHistory['tools'][string] | undefined;
    const { succeeded = 0, dispatched = 0 } = seen ?? {};
    const given = ownValue(toolSuccessRates, tool);
    if (typeof given === 'number') {
      if (dispatched > 0) overridden.push(tool);
      return { tool, rate: clamp(given), source: 'caller', succeeded, dispatched };
    }
    // With few calls, certainty would be false: one success of one call is two of three.
    if (dispatched > 0) {
      return { tool, rate: clamp((succeeded + 1) / (dispatched + 2)), source: 'trajectories', succeeded, dispatched };
    }
    return {
      tool,
      rate: clamp(config?.default_success_rate ?? DEFAULT_SUCCESS_RATE),
      source: 'default',
      succeeded,
      dispatched,
    };
  });
  return {
    window_days: history?.windowDays ?? 0,
    trajectories_available: history?.trajectories ?? 0,
    overridden_by_caller: overridden,
    tools,
  };
}

function clamp(rate: number): number {
  return Number.isNaN(rate) ? 0 : Math.min(1, Math.max(0, rate));
}
