import type { CommandInput } from '../command-spec.ts';
import { countOf } from '../plan/plan-text.ts';
import { printLine } from '../terminal.ts';
import { connectMemory, tenantOf, textOption } from './memory-client.ts';

export async function run(input: CommandInput): Promise<void> {
  const { context, options, repeated } = input;
  const [subject = '', body = ''] = input.args;
  const { tag = [], dependsOn = [] } = repeated;
  const [kind, factId, supersedes, source] = [
    options['kind'],
    options['id'],
    options['supersedes'],
    options['source'],
  ].map(textOption);
  await using client = await connectMemory(input);
  const count = await client.memory.add_fact({
    subject,
    body,
    ...(kind !== undefined && { kind }),
    ...(factId !== undefined && { fact_id: factId }),
    ...(supersedes !== undefined && { supersedes }),
    ...(source !== undefined && { source }),
    ...(tag.length > 0 && { tags: [...tag] }),
    ...(dependsOn.length > 0 && { depends_on: [...dependsOn] }),
    ...tenantOf(input),
  });
  printLine(context.isJson ? JSON.stringify({ fact_count: count }) : `remembered; ${countOf(count, 'fact')} in all`);
}
