import { UsageError } from '../exit-codes.ts';

export function rankingOf({ ranking }: Readonly<Record<string, string | boolean | undefined>>): {
  ranking?: 'hybrid' | 'classic';
} {
  if (ranking === undefined) return {};
  if (ranking === 'hybrid' || ranking === 'classic') return { ranking };
  throw new UsageError(`--ranking is hybrid or classic, not ${JSON.stringify(ranking)}`);
}
