import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';
import { connectDecider, modeOf, printPolicy, tierOf } from './shared.ts';

const presets = ['cautious', 'balanced', 'trusting'] as const;

export async function run({ context, args: [given], options }: CommandInput): Promise<void> {
  const preset = presets.find((each) => each === given);
  const mode = modeOf(given);
  const tier = tierOf(options['tier'], '--tier');
  if (preset && tier) throw new UsageError('a preset sets all three tiers: leave --tier out');
  if (!preset && !(mode && tier)) throw new UsageError('give cautious, balanced or trusting, or a mode and --tier');
  await using client = await connectDecider(context);
  printPolicy(context, await client.agent_permissions.set_default(preset ? { preset } : { mode, tier }));
}
