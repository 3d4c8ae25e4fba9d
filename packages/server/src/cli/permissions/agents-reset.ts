import type { CommandInput } from '../command-spec.ts';
import { connectDecider, printPolicy } from './shared.ts';

export async function run({ context, args: [agent_id = ''] }: CommandInput): Promise<void> {
  await using client = await connectDecider(context);
  printPolicy(context, await client.agent_permissions.reset({ agent_id }));
}
