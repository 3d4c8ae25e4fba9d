import type { CommandInput } from '../command-spec.ts';
import { safeJson } from '../plan/plan-text.ts';
import { warn } from '../plan/with-plan.ts';
import { wholeNumber } from '../runs/run-reader.ts';
import { printLine, printTable } from '../terminal.ts';
import { accountColumns, whichOf } from './amounts.ts';
import { withBudgets } from './connect.ts';

const defaultLines = 50;

export async function run({ context, args: [name], options }: CommandInput): Promise<void> {
  const limit = wholeNumber('--lines', options['lines'], { min: 1, max: 1_000 }) ?? defaultLines;
  const query = { ...(name !== undefined && { name }), ...whichOf(options), limit };
  const answer = await withBudgets(context, (client) => client.budget.usage(query));
  if (context.isJson) return printLine(safeJson(answer));
  printTable(answer.accounts, accountColumns);
  const more = answer.total - answer.accounts.length;
  if (more > 0) warn(`${more} more: -n ${Math.min(1_000, answer.total)} shows them`);
}
