// Amounts of budgets as people write and read them.
import type { BudgetAccount, BudgetAmounts } from '@car-runtime/protocol';
import { UsageError } from '../exit-codes.ts';
import { textOf, tookText } from '../plan/plan-text.ts';
import type { Column } from '../terminal.ts';

type Options = Readonly<Record<string, string | boolean | undefined>>;
type MeterName = keyof BudgetAmounts;

const meters: readonly MeterName[] = ['tool_calls', 'wall_time_ms', 'tokens', 'cost_usd'];
const titles: Record<MeterName, string> = {
  tool_calls: 'CALLS',
  wall_time_ms: 'TIME',
  tokens: 'TOKENS',
  cost_usd: 'USD',
};

const durations: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What `--calls`, `--time`, `--tokens` and `--usd` give. */
export function amountsOf({ calls, time, tokens, usd }: Options): BudgetAmounts {
  const amounts: BudgetAmounts = {};
  if (typeof calls === 'string') amounts.tool_calls = whole('--calls', calls);
  if (typeof time === 'string') amounts.wall_time_ms = milliseconds(time);
  if (typeof tokens === 'string') amounts.tokens = whole('--tokens', tokens);
  if (typeof usd === 'string') amounts.cost_usd = money(usd);
  if (Object.keys(amounts).length === 0)
    throw new UsageError('give at least one of --calls, --time, --tokens and --usd');
  return amounts;
}

function whole(name: string, value: string): number {
  if (/^\d{1,12}$/.test(value)) return Number(value);
  throw new UsageError(`${name} is a whole number, not ${JSON.stringify(value)}`);
}

function milliseconds(value: string): number {
  const [, number = '', unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(value) ?? [];
  if (number !== '') return Number(number) * (durations[unit] ?? 1);
  throw new UsageError(`--time is 500ms, 90s, 10m, 2h or 1d, not ${JSON.stringify(value)}`);
}

function money(value: string): number {
  if (/^\d{1,6}(\.\d{1,6})?$/.test(value)) return Number(value);
  throw new UsageError(`--usd is an amount such as 2.50, with at most six decimals, not ${JSON.stringify(value)}`);
}

/** Of `--agent` and `--run`. */
export function whichOf({ agent, run }: Options): { agent?: string; run_id?: string } {
  return { ...(typeof agent === 'string' && { agent }), ...(typeof run === 'string' && { run_id: run }) };
}

function amountText(meter: MeterName, value: number): string {
  if (meter === 'wall_time_ms') return tookText(value);
  return meter === 'cost_usd' ? `$${Number(value.toFixed(6))}` : String(value);
}

/** `500 calls, $5` */
export function limitsText(limits: BudgetAmounts): string {
  const units: Record<MeterName, string> = { tool_calls: ' calls', wall_time_ms: '', tokens: ' tokens', cost_usd: '' };
  return meters
    .filter((meter) => limits[meter] !== undefined)
    .map((meter) => `${amountText(meter, limits[meter] ?? 0)}${units[meter]}`)
    .join(', ');
}

/** One account a row: what is used (and set aside) of each limit. */
export const accountColumns: Column<BudgetAccount>[] = [
  { title: 'BUDGET', text: ({ budget }) => budget, style: 'bold' },
  { title: 'AGENT', text: ({ agent }) => (agent === null ? '-' : textOf(agent, 30)) },
  { title: 'PERIOD', text: ({ day, run_id: run }) => (run === null ? (day ?? 'total') : textOf(run, 40)) },
  ...meters.map((meter): Column<BudgetAccount> => ({
    title: titles[meter],
    text: (account) => usedText(account, meter),
    style: ({ limits, remaining }) => (limits[meter] !== undefined && remaining[meter] === 0 ? 'red' : 'reset'),
  })),
  { title: 'RESETS', text: ({ resets_at: at }) => at ?? 'never' },
];

/** `3+1 of 10`: used, set aside for what is under way, and the limit. */
function usedText({ spent, reserved, limits }: BudgetAccount, meter: MeterName): string {
  const aside = reserved[meter] ?? 0;
  const used = `${amountText(meter, spent[meter] ?? 0)}${aside > 0 ? `+${amountText(meter, aside)}` : ''}`;
  const limit = limits[meter];
  return limit === undefined ? used : `${used} of ${amountText(meter, limit)}`;
}
