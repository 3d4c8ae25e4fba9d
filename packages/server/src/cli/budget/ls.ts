import type { CommandInput } from '../command-spec.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { printLine, printTable } from '../terminal.ts';
import { limitsText } from './amounts.ts';
import { withBudgets } from './connect.ts';

export async function run({ context }: CommandInput): Promise<void> {
  const answer = await withBudgets(context, (client) => client.budget.list());
  if (context.isJson) return printLine(safeJson(answer));
  printTable(answer.budgets, [
    { title: 'BUDGET', text: ({ name }) => name, style: 'bold' },
    {
      title: 'FOR',
      text: ({ agent }) => (agent === undefined ? 'all together' : agent === '*' ? 'each agent' : textOf(agent, 30)),
    },
    { title: 'PER', text: ({ per }) => per },
    { title: 'SET IN', text: ({ source }) => (source === 'file' ? 'budgets.toml' : 'daemon') },
    { title: 'LIMITS', text: ({ limits }) => limitsText(limits) },
  ]);
}
