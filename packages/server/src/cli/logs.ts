import { once } from 'node:events';
import { daemonLogPath } from '@car-runtime/client/node-paths';
import { oneLine } from '../log/safe-line.ts';
import type { CommandInput } from './command-spec.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { follow, logFiles, LogReader } from './log-files.ts';
import { sinceOf } from './moment.ts';
import { startProgress } from './progress.ts';
import { talk } from './terminal.ts';

const defaultLines = 100;
const pollMs = 200;

/** The levels pino writes, by their place in the order of severity. */
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

export async function run({ context, options }: CommandInput): Promise<number> {
  const path = daemonLogPath();
  const since = sinceOf(options['since']);
  const count = linesOf(options['lines'], since !== undefined);
  const isWanted = filterOf(since, levelOf(options['level']));
  if (!options['follow'] && logFiles(path).length === 0) {
    talk(`car: there is no log at ${path}: no daemon has run with this state root`);
    return exitCode.failed;
  }
  const isPretty = process.stdout.isTTY && !context.isJson;
  const format = isPretty ? await prettyFormat() : (line: string) => `${line}\n`;
  using reader = new LogReader(path);
  for (const line of lastOf(reader, isWanted, count)) await write(format(line));
  if (!options['follow']) return exitCode.ok;
  for await (const line of follow(reader, pollMs)) if (isWanted(line)) await write(format(line));
  return exitCode.ok;
}

/** The last `count` wanted lines there are now. What comes later is still the reader's to give. */
function lastOf(reader: LogReader, isWanted: (line: string) => boolean, count: number): string[] {
  using _progress = startProgress('reading the log');
  let lines: string[] = [];
  for (const line of reader.lines()) {
    if (!isWanted(line)) continue;
    lines.push(line);
    // Cut now and then, so that neither time nor memory grows with the log.
    if (lines.length >= 2 * count + 1_000) lines = lines.slice(lines.length - count);
  }
  return count === 0 ? [] : lines.slice(-count);
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

async function prettyFormat(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({
    colorize: process.stdout.hasColors(),
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
    ignore: 'pid',
  });
  return (line) => (line.startsWith('{') ? format(line) : undefined) ?? `${oneLine(line)}\n`;
}

/** Lines that are not JSON are kept unless the level or the time decides, which they do not have. */
function filterOf(since: number | undefined, level: number | undefined): (line: string) => boolean {
  if (since === undefined && level === undefined) return () => true;
  return (line) => {
    const { time, level: own } = parseLine(line);
    if (since !== undefined && !(typeof time === 'string' && Date.parse(time) >= since)) return false;
    return level === undefined || (typeof own === 'string' && levels.indexOf(own) >= level);
  };
}

function parseLine(line: string): { time?: unknown; level?: unknown } {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null ? record : {};
  } catch {
    return {}; // torn by a crash, or written by something else
  }
}

function linesOf(value: string | boolean | undefined, hasSince: boolean): number {
  if (value === undefined) return hasSince ? Infinity : defaultLines;
  if (value === 'all') return Infinity;
  const count = Number(value);
  if (typeof value !== 'string' || !Number.isSafeInteger(count) || count < 0)
    throw new UsageError(`--lines is a whole number or "all", not ${JSON.stringify(value)}`);
  return count;
}

function levelOf(value: string | boolean | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const level = levels.indexOf(value);
  if (level === -1) throw new UsageError(`--level is one of ${levels.join(', ')}, not ${JSON.stringify(value)}`);
  return level;
}
