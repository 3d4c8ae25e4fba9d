import type { CommandInput } from '../command-spec.ts';
import { wholeNumber } from '../runs/run-reader.ts';
import { printLine, shown } from '../terminal.ts';
import { connectMemory, tenantOf } from './memory-client.ts';
import { rankingOf } from './ranking-option.ts';

export async function run(input: CommandInput): Promise<void> {
  const { context, options } = input;
  const [query = ''] = input.args;
  const window = wholeNumber('--window', options['window'], { min: 1 });
  await using client = await connectMemory(input);
  const params = {
    query,
    ...(window !== undefined && { model_context_window: window }),
    ...rankingOf(options),
    ...tenantOf(input),
  };
  const text = options['fast']
    ? await client.memory.build_context_fast(params)
    : await client.memory.build_context(params);
  if (context.isJson) printLine(JSON.stringify(text));
  else for (const line of text.split('\n')) printLine(shown(line));
}
