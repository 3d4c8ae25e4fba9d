import type { CommandInput } from '../command-spec.ts';
import { countOf, safeJson } from '../plan/plan-text.ts';
import { printLine } from '../terminal.ts';
import { whichOf } from './amounts.ts';
import { withBudgets } from './connect.ts';

export async function run({ context, args: [name = ''], options }: CommandInput): Promise<void> {
  const answer = await withBudgets(context, (client) => client.budget.reset({ name, ...whichOf(options) }));
  if (context.isJson) return printLine(safeJson(answer));
  printLine(`${countOf(answer.reset, 'account')} begun anew`);
}
