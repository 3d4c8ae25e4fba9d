import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { countOf, safeJson } from '../plan/plan-text.ts';
import { withPlan } from '../plan/with-plan.ts';
import { paint, printLine } from '../terminal.ts';
import { connectDecider, printCard, textOption } from './shared.ts';

export async function run(input: CommandInput): Promise<number> {
  const { context, options } = input;
  return await withPlan(input, async ({ proposal }) => {
    await using client = await connectDecider(context);
    const review = await client.permission.review({ proposal, skill: textOption(options['skill']) });
    if (!context.isJson) printCard(review.card);
    if (options['approve'] !== true) {
      if (context.isJson) printLine(safeJson(review));
      return exitCode.ok;
    }
    // What was shown is what is approved: by its digest, whatever the file says by now.
    const { approved } = await client.permission.approve_plan({
      digest: review.digest,
      reason: textOption(options['reason']),
      evidence: textOption(options['evidence']),
    });
    if (context.isJson) printLine(safeJson({ ...review, approved }));
    else printLine(paint('green', `approved ${countOf(approved, 'operation')}`));
    return exitCode.ok;
  });
}
