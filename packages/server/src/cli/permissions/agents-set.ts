import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';
import { connectDecider, modeOf, printPolicy, tierOf } from './shared.ts';

export async function run({ context, args: [agent_id = '', given], options }: CommandInput): Promise<void> {
  const mode = modeOf(given);
  if (!mode) throw new UsageError(`a mode is always_allow, require_approval or deny, not ${JSON.stringify(given)}`);
  const tier = tierOf(options['tier'], '--tier');
  await using client = await connectDecider(context);
  printPolicy(context, await client.agent_permissions.set({ agent_id, mode, tier }));
}
