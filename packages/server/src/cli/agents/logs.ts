import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { onInterrupt } from '../interrupt.ts';
import { follow, LogReader } from '../log-files.ts';
import { startProgress } from '../progress.ts';
import { paint, shown } from '../terminal.ts';
import { nameOf } from './agent-text.ts';

const defaultLines = 100;
const pollMs = 200;
type Stream = 'stdout' | 'stderr';

export async function run({ context, args, options }: CommandInput): Promise<number> {
  const id = nameOf(args);
  const count = countOf(options['lines']);
  const stream = streamOf(options['stream']);
  const progress = startProgress('reading the log');
  await using client = await context.connect();
  const tail = await client.agents.tail_log({ id, n: count === 0 ? 1 : count, stream });
  progress[Symbol.dispose]();
  const write = (from: Stream, line: string): Promise<void> => writeLine(context.isJson, from, line);
  const wanted = (['stdout', 'stderr'] as const).filter((each) => stream === 'combined' || stream === each);
  if (!options['follow']) {
    for (const each of wanted) for (const line of count === 0 ? [] : tail[each]) await write(each, line);
    return exitCode.ok;
  }
  if (!existsSync(dirname(tail.stdout_path)))
    throw new UsageError(`--follow reads the files of the daemon, and ${tail.stdout_path} is not on this machine`);
  await followAll(
    wanted.map((each) => ({ stream: each, path: each === 'stdout' ? tail.stdout_path : tail.stderr_path })),
    count,
    write,
  );
  return exitCode.ok;
}

/** Until Ctrl-C: the last lines of each file, then what is written, whatever is rotated meanwhile. */
async function followAll(
  files: readonly { stream: Stream; path: string }[],
  count: number,
  write: (from: Stream, line: string) => Promise<void>,
): Promise<void> {
  using interrupt = onInterrupt();
  const readers = files.map(({ stream, path }) => ({ stream, reader: new LogReader(path) }));
  try {
    for (const { stream, reader } of readers) for (const line of lastOf(reader, count)) await write(stream, line);
    await Promise.all(
      readers.map(async ({ stream, reader }) => {
        for await (const line of follow(reader, pollMs, interrupt.signal)) await write(stream, line);
      }),
    );
  } finally {
    for (const { reader } of readers) reader[Symbol.dispose]();
  }
}

/** What comes later is still the reader's to give. */
function lastOf(reader: LogReader, count: number): string[] {
  let lines: string[] = [];
  for (const line of reader.lines()) {
    lines.push(line);
    // Cut now and then, so that memory does not grow with the log.
    if (lines.length >= 2 * count + 1_000) lines = lines.slice(lines.length - count);
  }
  return count === 0 ? [] : lines.slice(-count);
}

async function writeLine(isJson: boolean, stream: Stream, line: string): Promise<void> {
  const text = isJson ? JSON.stringify({ stream, line }) : plainLine(stream, line);
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
}

/** On a terminal what went to standard error is marked, and nothing is obeyed. */
function plainLine(stream: Stream, line: string): string {
  if (!process.stdout.isTTY) return line;
  return stream === 'stderr' ? `${paint('yellow', '!')} ${shown(line)}` : `  ${shown(line)}`;
}

function countOf(value: string | boolean | undefined): number {
  if (value === undefined) return defaultLines;
  const count = Number(value);
  if (typeof value !== 'string' || !Number.isSafeInteger(count) || count < 0)
    throw new UsageError(`--lines is a whole number, not ${JSON.stringify(value)}`);
  return count;
}

function streamOf(value: string | boolean | undefined): Stream | 'combined' {
  if (value === undefined) return 'combined';
  if (value === 'stdout' || value === 'stderr') return value;
  throw new UsageError(`--stream is stdout or stderr, not ${JSON.stringify(value)}`);
}
