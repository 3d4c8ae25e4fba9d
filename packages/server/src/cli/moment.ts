import { UsageError } from './exit-codes.ts';

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The moment, in ms of the epoch, that the value of `--since` names: so long ago, or a date and time. */
export function sinceOf(value: string | boolean | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(value) ?? [];
  if (amount !== undefined && unit !== undefined) return Date.now() - Number(amount) * (unitMs[unit] ?? 0);
  const moment = Date.parse(value);
  if (Number.isNaN(moment))
    throw new UsageError(`--since is like 90s, 10m, 2h, 3d or 2026-01-31T12:00, not ${JSON.stringify(value)}`);
  return moment;
}
