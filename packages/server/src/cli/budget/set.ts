import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';
import { safeJson } from '../plan/plan-text.ts';
import { printLine } from '../terminal.ts';
import { amountsOf, limitsText } from './amounts.ts';
import { withBudgets } from './connect.ts';

export async function run({ context, args: [name = ''], options }: CommandInput): Promise<void> {
  const { agent } = options;
  const per = periodOf(options['per']);
  const definition = { name, per, limits: amountsOf(options), ...(typeof agent === 'string' && { agent }) };
  const answer = await withBudgets(context, (client) => client.budget.set(definition));
  if (context.isJson) return printLine(safeJson(answer));
  printLine(`${answer.replaced ? 'replaced' : 'set'} ${name}: ${limitsText(answer.budget.limits)} per ${per}`);
}

function periodOf(value: string | boolean | undefined): 'run' | 'day' | 'total' {
  if (value === 'run' || value === 'day' || value === 'total') return value;
  throw new UsageError('--per is run, day or total');
}
