import type { CommandInput } from '../command-spec.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { printLine } from '../terminal.ts';
import { withBudgets } from './connect.ts';

export async function run({ context, args: [name = ''] }: CommandInput): Promise<number> {
  const answer = await withBudgets(context, (client) => client.budget.remove({ name }));
  if (context.isJson) printLine(safeJson(answer));
  else printLine(answer.removed === 1 ? `removed ${textOf(name)}` : `there is no budget ${textOf(name)}`);
  return answer.removed === 1 ? 0 : 1;
}
