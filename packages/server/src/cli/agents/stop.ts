import type { CommandInput } from '../command-spec.ts';
import { startProgress } from '../progress.ts';
import { nameOf, report } from './agent-text.ts';

export async function run({ context, args, options }: CommandInput): Promise<number> {
  const id = nameOf(args);
  const progress = startProgress(`stopping ${id}`);
  await using client = await context.connect();
  const agent = await client.agents.stop({ id, signal: options['kill'] ? 'kill' : 'term' });
  progress[Symbol.dispose]();
  return report(agent, context.isJson, agent.status === 'stopped');
}
