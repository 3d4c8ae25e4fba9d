import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { safeJson } from '../plan/plan-text.ts';
import { withPlan } from '../plan/with-plan.ts';
import { printLine } from '../terminal.ts';
import { connectDecider, printDecisions, textOption } from './shared.ts';

export async function run(input: CommandInput): Promise<number> {
  return await withPlan(input, async ({ proposal }) => {
    await using client = await connectDecider(input.context);
    const answer = await client.permission.pending({ proposal, skill: textOption(input.options['skill']) });
    if (input.context.isJson) printLine(safeJson(answer));
    else if (answer.pending.length === 0) printLine('nothing needs approval');
    else printDecisions(answer.pending);
    return exitCode.ok;
  });
}
