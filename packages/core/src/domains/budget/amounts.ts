// What is counted. Inside, all of it in whole units, so that sums never drift: money in millionths of a dollar.
import type { BudgetAmounts } from '@car-runtime/protocol';

export const meters = ['tool_calls', 'wall_time_ms', 'tokens', 'cost_usd'] as const;
export type MeterName = (typeof meters)[number];

/** One number for each meter, `cost_usd` in micro-dollars. */
export type Units = Readonly<Record<MeterName, number>>;
/** What is limited, and how far. */
export type Limits = Partial<Units>;

const microsPerUsd = 1_000_000;

export const none: Units = { tool_calls: 0, wall_time_ms: 0, tokens: 0, cost_usd: 0 };

export function mapUnits(of: (meter: MeterName) => number): Units {
  return {
    tool_calls: of('tool_calls'),
    wall_time_ms: of('wall_time_ms'),
    tokens: of('tokens'),
    cost_usd: of('cost_usd'),
  };
}

export function plus(one: Units, other: Units): Units {
  return mapUnits((meter) => one[meter] + other[meter]);
}

export function minus(one: Units, other: Units): Units {
  return mapUnits((meter) => one[meter] - other[meter]);
}

/** A use of money counts as at least what it is; a limit as at most. */
export function toMicros(usd: number, round: (value: number) => number = Math.ceil): number {
  // What cannot be written exactly (0.1) must not become a millionth more than it says.
  return round(Number((usd * microsPerUsd).toFixed(3)));
}

export function toLimits({ tool_calls, wall_time_ms, tokens, cost_usd }: BudgetAmounts): Limits {
  return {
    ...(tool_calls !== undefined && { tool_calls }),
    ...(wall_time_ms !== undefined && { wall_time_ms }),
    ...(tokens !== undefined && { tokens }),
    ...(cost_usd !== undefined && { cost_usd: toMicros(cost_usd, Math.floor) }),
  };
}

export function toUnits(amounts: BudgetAmounts): Units {
  return { ...none, ...toLimits(amounts) };
}

/** As it goes over the wire. */
export function amountOf(meter: MeterName, units: number): number {
  return meter === 'cost_usd' ? units / microsPerUsd : units;
}

export function toAmounts(units: Limits): BudgetAmounts {
  const amounts: BudgetAmounts = {};
  for (const meter of meters) {
    const value = units[meter];
    if (value !== undefined) amounts[meter] = amountOf(meter, value);
  }
  return amounts;
}
