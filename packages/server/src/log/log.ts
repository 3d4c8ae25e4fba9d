// The daemon's log: NDJSON on standard error (readable text when that is a terminal) and the same NDJSON in a rotated
// file.
import { pino, stdTimeFunctions, type Logger } from 'pino';
import type { LogLevel } from '../config/settings.ts';
import { RotatingFile, type RotatingFileOptions } from './rotating-file.ts';
import { Secrets, withoutControls } from './safe-line.ts';

/** Lines kept until the file is opened. */
const maxEarlyLines = 1_000;
/** What may wait for a reader of standard error that has stopped reading. */
const maxStderrQueueBytes = 1024 * 1024;

export interface LogOptions {
  level: LogLevel;
  /** Where lines go besides the file. Default: standard error. */
  output?: (line: string) => void;
}

export interface Log {
  readonly logger: Logger;
  /** Never to appear in a line, from here on. */
  hide(secret: string): void;
  /** Writes to this file too, beginning with what was logged so far. */
  openFile(path: string, options: RotatingFileOptions): void;
}

export async function createLog({ level, output }: LogOptions): Promise<Log> {
  const secrets = new Secrets();
  const toOutput = output ?? (await openStderr());
  let early: string[] | undefined = [];
  let file: RotatingFile | undefined;
  const write = (line: string): void => {
    const safe = withoutControls(secrets.redact(line));
    toOutput(safe);
    if (file) file.write(safe);
    else if (early && early.length < maxEarlyLines) early.push(safe);
  };
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return {
    logger: pino(options, { write }),
    hide: (secret) => secrets.hide(secret),
    openFile: (path, fileOptions) => {
      file = new RotatingFile(path, fileOptions);
      if (early && early.length > 0) file.write(early.join(''));
      early = undefined;
    },
  };
}

async function openStderr(): Promise<(line: string) => void> {
  const { stderr } = process;
  // Nobody reads any more: the file still has everything.
  stderr.on('error', ignoreError);
  const format = stderr.isTTY ? await prettyFormat() : (line: string) => line;
  return (line) => {
    // A pipe is written in the background; one that nobody empties must not fill the memory.
    if (stderr.writableLength < maxStderrQueueBytes) stderr.write(format(line));
  };
}

async function prettyFormat(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({
    colorize: process.stderr.hasColors(),
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid',
  });
  return (line) => format(line) ?? line;
}

function ignoreError(): void {
  // Standard error is gone, and there is no other place to say so.
}
