import type { CommandInput } from '../command-spec.ts';
import { safeJson } from '../plan/plan-text.ts';
import { paint, printLine } from '../terminal.ts';
import { connectDecider, textOption, tierOf, tierStyles } from './shared.ts';

export async function run({ context, args: [given], options }: CommandInput): Promise<void> {
  const tier = tierOf(given, 'the tier');
  const session_id = textOption(options['session']);
  await using client = await connectDecider(context);
  const { granted_tier: granted } =
    tier === undefined
      ? await client.permission.get_tier({ session_id })
      : await client.permission.set_tier({ tier, session_id });
  printLine(context.isJson ? safeJson({ granted_tier: granted }) : paint(tierStyles[granted], granted));
}
