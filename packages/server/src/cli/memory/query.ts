import type { FactRow } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { wholeNumber } from '../runs/run-reader.ts';
import { printLine, printTable, talk } from '../terminal.ts';
import { connectMemory, factText, tenantOf } from './memory-client.ts';
import { rankingOf } from './ranking-option.ts';

const maxLimit = 1_000;

export async function run(input: CommandInput): Promise<void> {
  const { context, options } = input;
  const [query = ''] = input.args;
  const k = wholeNumber('--lines', options['lines'], { min: 1, max: maxLimit });
  await using client = await connectMemory(input);
  const rows = await client.memory.query({
    query,
    ...(k !== undefined && { k }),
    ...rankingOf(options),
    ...tenantOf(input),
  });
  if (context.isJson) return printLine(safeJson(rows));
  if (rows.length === 0) talk('nothing that holds matches');
  printTable(rows, [
    { title: 'ID', text: ({ fact_id: id }: FactRow) => textOf(id ?? '-'), style: 'bold' },
    { title: 'KIND', text: ({ kind }) => textOf(kind) },
    { title: 'FACT', text: factText },
  ]);
}
