import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { nameOf, safeJson } from '../plan/plan-text.ts';
import { withPlan } from '../plan/with-plan.ts';
import { printLine, printTable } from '../terminal.ts';
import { connectDecider, tierStyles } from './shared.ts';

export async function run(input: CommandInput): Promise<number> {
  return await withPlan(input, async ({ proposal }) => {
    await using client = await connectDecider(input.context);
    const answer = await client.permission.classify({ proposal });
    if (input.context.isJson) printLine(safeJson(answer));
    else {
      printTable(answer.classifications, [
        { title: 'ACTION', text: ({ action_id }) => nameOf(action_id), style: 'bold' },
        { title: 'TOOL', text: ({ tool }) => (tool === null ? '-' : nameOf(tool)) },
        { title: 'NEEDS', text: (row) => row.required_tier, style: (row) => tierStyles[row.required_tier] },
        { title: 'UNDONE', text: ({ reversibility }) => reversibility },
        {
          title: 'FOUND',
          text: ({ signals = [], missing_compensation: isMissing }) =>
            [...signals, ...(isMissing ? ['says it can be made up for, and not how'] : [])].join('; ') || '-',
        },
      ]);
      printLine(`declared as ${answer.declared_rollback_contract} at worst`);
    }
    return exitCode.ok;
  });
}
