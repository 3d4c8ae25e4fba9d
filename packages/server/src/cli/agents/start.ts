import type { CommandInput } from '../command-spec.ts';
import { startProgress } from '../progress.ts';
import { nameOf, report } from './agent-text.ts';

export async function run({ context, args }: CommandInput): Promise<number> {
  const id = nameOf(args);
  const progress = startProgress(`starting ${id}`);
  await using client = await context.connect();
  const agent = await client.agents.start({ id });
  progress[Symbol.dispose]();
  return report(agent, context.isJson, agent.status === 'running' || agent.status === 'starting');
}
