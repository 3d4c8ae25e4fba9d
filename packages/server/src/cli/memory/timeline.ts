import type { CommandInput } from '../command-spec.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { printLine, printTable, talk } from '../terminal.ts';
import { connectMemory, tenantOf } from './memory-client.ts';

export async function run(input: CommandInput): Promise<void> {
  const [key = ''] = input.args;
  await using client = await connectMemory(input);
  const entries = await client.memory.timeline({ key, ...tenantOf(input) });
  if (input.context.isJson) return printLine(safeJson(entries));
  if (entries.length === 0) talk(`nothing is known of ${JSON.stringify(key)}`);
  printTable(entries, [
    { title: 'SINCE', text: ({ at }) => at },
    { title: 'ID', text: ({ fact_id: id }) => textOf(id), style: 'bold' },
    {
      title: 'STATE',
      text: ({ ended_at: ended, superseded_by: by, needs_review: needsReview }) => {
        if (by !== undefined) return `superseded by ${textOf(by)}`;
        if (ended !== undefined) return 'ended';
        return needsReview ? 'needs review' : 'holds';
      },
      style: ({ ended_at: ended }) => (ended === undefined ? 'green' : 'dim'),
    },
    { title: 'VALUE', text: ({ body }) => textOf(body) },
  ]);
}
