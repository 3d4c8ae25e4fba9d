import type { CommandInput } from '../command-spec.ts';
import { safeJson } from '../plan/plan-text.ts';
import { printLine, printTable } from '../terminal.ts';
import { accountColumns, amountsOf, whichOf } from './amounts.ts';
import { withBudgets } from './connect.ts';

export async function run({ context, args: [name = ''], options }: CommandInput): Promise<void> {
  const { reason } = options;
  const request = { name, ...whichOf(options), add: amountsOf(options), ...(typeof reason === 'string' && { reason }) };
  const answer = await withBudgets(context, (client) => client.budget.extend(request));
  if (context.isJson) return printLine(safeJson(answer));
  if (answer.status === 'pending') printLine(`waits for a host to approve ${answer.approval_id}`);
  printTable([answer.account], accountColumns);
}
