import { UsageError } from '../exit-codes.ts';

export function formatOf(value: string | boolean | undefined): 'jsonl' | 'markdown' | undefined {
  if (value === undefined || value === 'jsonl' || value === 'markdown') return value;
  throw new UsageError(`--format is jsonl or markdown, not ${JSON.stringify(value)}`);
}
