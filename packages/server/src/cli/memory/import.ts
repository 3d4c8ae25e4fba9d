import { createReadStream } from 'node:fs';
import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';
import { printLine } from '../terminal.ts';
import { formatOf } from './format-option.ts';
import { connectMemory, tenantOf } from './memory-client.ts';

/** What fits into a frame, with room for the rest of it. */
const maxBytes = 12 * 1024 * 1024;

export async function run(input: CommandInput): Promise<void> {
  const [path = ''] = input.args;
  const format = formatOf(input.options['format']) ?? (/\.(?:md|markdown)$/i.test(path) ? 'markdown' : 'jsonl');
  const text = await readAll(path);
  await using client = await connectMemory(input);
  const counts = await client.memory.import({ format, text, ...tenantOf(input) });
  if (input.context.isJson) printLine(JSON.stringify(counts));
  else printLine(`${counts.imported} imported, ${counts.skipped} there already`);
}

async function readAll(path: string): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of path === '-' ? process.stdin : createReadStream(path)) {
      pieces.push(piece as Buffer);
      bytes += (piece as Buffer).length;
      if (bytes > maxBytes) break;
    }
  } catch (error) {
    throw new UsageError(`Cannot read ${JSON.stringify(path)}: ${(error as Error).message}`);
  }
  if (bytes > maxBytes)
    throw new UsageError(`Cannot import ${JSON.stringify(path)}: it is larger than ${maxBytes} bytes`);
  return Buffer.concat(pieces).toString('utf8');
}
