import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { safeJson } from '../plan/plan-text.ts';
import { withPlan } from '../plan/with-plan.ts';
import { printLine } from '../terminal.ts';
import { connectDecider, printDecisions, textOption } from './shared.ts';

export async function run(input: CommandInput): Promise<number> {
  return await withPlan(input, async ({ proposal }) => {
    await using client = await connectDecider(input.context);
    const answer = await client.permission.evaluate({ proposal, skill: textOption(input.options['skill']) });
    if (input.context.isJson) printLine(safeJson(answer));
    else {
      printDecisions(answer.decisions);
      if (answer.skill_ceiling) printLine(`capped at ${answer.skill_ceiling} by the skill`);
    }
    return answer.decisions.every(({ decision }) => decision === 'allow') ? exitCode.ok : exitCode.failed;
  });
}
