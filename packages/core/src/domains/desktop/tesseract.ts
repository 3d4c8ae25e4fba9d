// Reads the text in an image with the program `tesseract`: the image through its standard input, in a process with little time,
// little memory and an empty environment.
import { spawn, type ChildProcess } from 'node:child_process';
import { fail } from '@car-runtime/protocol';
import { packageOfLanguage } from './languages.ts';

export const tesseractPackage = 'tesseract-ocr';

export interface TesseractLimits {
  timeoutMs: number;
  maxOutputBytes: number;
  /** Address space of the process. */
  maxMemoryKib: number;
}

export const defaultTesseractLimits: TesseractLimits = {
  timeoutMs: 60_000,
  maxOutputBytes: 8 * 1024 * 1024,
  maxMemoryKib: 2 * 1024 * 1024,
};

export interface TesseractJob {
  program: string;
  image: Buffer;
  languages: readonly string[];
  isFast: boolean;
  usesDictionary: boolean;
  signal: AbortSignal;
  limits: TesseractLimits;
}

/** Its table of words, lines and pages, as text. */
export async function runTesseract(job: TesseractJob): Promise<string> {
  const { signal, limits, image } = job;
  const child = start(job);
  const ended = Promise.withResolvers<number | null>();
  let why: Error | undefined;
  const stop = (error: Error): void => {
    why ??= error;
    child.kill('SIGKILL');
  };
  const abandon = (): void => stop(signal.reason instanceof Error ? signal.reason : new Error('abandoned'));
  const timer = setTimeout(
    () => stop(failed(`it took longer than ${limits.timeoutMs / 1_000} s`, 'timeout')),
    limits.timeoutMs,
  );
  const output = collect(child, limits.maxOutputBytes, () => stop(failed('its output is too long', 'too_large')));
  child.on('error', (error) => {
    why ??= failed(error.message, 'program_failed');
    ended.resolve(null);
  });
  child.on('close', (code) => ended.resolve(code));
  signal.addEventListener('abort', abandon, { once: true });
  // It may end before it has read everything; how it ended says why.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(image);
  try {
    if (signal.aborted) abandon();
    const code = await ended.promise;
    if (why) throw why;
    if (code !== 0) throw refused(code, output.stderr(), job.languages);
    return output.stdout();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abandon);
  }
}

function start({ program, languages, isFast, usesDictionary, limits }: TesseractJob): ChildProcess {
  const settings = [
    ...(isFast ? ['tessedit_do_invert=0'] : []),
    ...(usesDictionary ? [] : ['load_system_dawg=0', 'load_freq_dawg=0']),
  ];
  const args = ['stdin', 'stdout', '-l', languages.join('+'), ...settings.flatMap((each) => ['-c', each]), 'tsv'];
  const { TESSDATA_PREFIX } = process.env;
  const options = {
    cwd: '/',
    env: { LC_ALL: 'C', OMP_THREAD_LIMIT: '1', ...(TESSDATA_PREFIX !== undefined && { TESSDATA_PREFIX }) },
  };
  if (process.platform === 'win32') return spawn(program, args, { ...options, cwd: undefined });
  // The shell sets the limit and becomes the program; what it runs is fixed, and the arguments are never read as a script.
  const limited = ['-c', `ulimit -v ${limits.maxMemoryKib}; exec "$0" "$@"`, program, ...args];
  return spawn('/bin/sh', limited, options);
}

function collect(child: ChildProcess, maxBytes: number, tooMuch: () => void) {
  const pieces: Buffer[] = [];
  let bytes = 0;
  let errors = '';
  child.stdout?.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > maxBytes) tooMuch();
    else pieces.push(piece);
  });
  child.stderr?.on('data', (piece: Buffer) => {
    if (errors.length < 4_096) errors += piece.toString();
  });
  return { stdout: () => Buffer.concat(pieces).toString(), stderr: () => errors };
}

function refused(code: number | null, stderr: string, languages: readonly string[]): Error {
  const missing = languages.filter((language) => stderr.includes(`${language}.traineddata`));
  if (missing.length > 0) {
    const packages = missing.map(packageOfLanguage);
    return fail('failed', `Cannot read the image: no data for ${missing.join(', ')}; install ${packages.join(', ')}`, {
      data: { reason: 'language_missing', packages },
    });
  }
  const [line = ''] = stderr.trim().split('\n').slice(-1);
  return failed(
    `tesseract ended with ${code ?? 'a signal'}${line === '' ? '' : `: ${line.slice(0, 200)}`}`,
    'program_failed',
  );
}

function failed(why: string, reason: string): Error {
  return fail('failed', `Cannot read the image: ${why}`, { data: { reason } });
}
