import type { CommandInput } from '../command-spec.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { paint, printLine, printTable } from '../terminal.ts';
import { accountColumns, limitsText } from './amounts.ts';
import { withBudgets } from './connect.ts';

export async function run({ context, args: [name = ''] }: CommandInput): Promise<void> {
  const answer = await withBudgets(context, (client) => client.budget.get({ name }));
  if (context.isJson) return printLine(safeJson(answer));
  const { agent, per, limits, source } = answer.budget;
  const whose =
    agent === undefined ? 'all agents together' : agent === '*' ? 'each agent' : `agent ${textOf(agent, 60)}`;
  printLine(`${paint('bold', answer.budget.name)}  ${limitsText(limits)} per ${per}, for ${whose}`);
  printLine(`set in ${source === 'file' ? 'budgets.toml' : 'the daemon'}`);
  if (answer.accounts.length > 0) printTable(answer.accounts, accountColumns);
}
