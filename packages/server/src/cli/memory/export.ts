import type { CommandInput } from '../command-spec.ts';
import { connectMemory, tenantOf } from './memory-client.ts';
import { formatOf } from './format-option.ts';

export async function run(input: CommandInput): Promise<void> {
  const format = formatOf(input.options['format']) ?? 'jsonl';
  await using client = await connectMemory(input);
  let after: string | undefined;
  do {
    const { text, next } = await client.memory.export({
      format,
      ...(after !== undefined && { after }),
      ...tenantOf(input),
    });
    // As it is: it is made for files, and JSON and quotations hold whatever is in it.
    process.stdout.write(text);
    after = next;
  } while (after !== undefined);
}
