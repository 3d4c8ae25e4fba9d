// Runs `car` as a person or a script would, and says what it printed.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../src/car.ts', import.meta.url));

/** Compiled once for all runs of a test file, as the launcher has it for its user. */
const compileCache = mkdtempSync(join(tmpdir(), 'car-compile-cache-'));
process.on('exit', () => rmSync(compileCache, { recursive: true, force: true }));

/** Makes a pipe look like a terminal of 100 columns to the program. */
const pretendTerminal = (streams: readonly string[]): string =>
  `data:text/javascript,${encodeURIComponent(`
    const { getColorDepth, hasColors } = process.getBuiltinModule('tty').WriteStream.prototype;
    for (const name of ${JSON.stringify(streams)}) Object.assign(process[name], { isTTY: true, columns: 100, getColorDepth, hasColors });
  `)}`;

export interface RunOptions {
  /** State root. */
  root: string;
  env?: Readonly<Record<string, string | undefined>>;
  input?: string;
  /** Folder it runs in. */
  cwd?: string;
  /** Which of its streams the program takes for a terminal. */
  terminal?: readonly ('stdout' | 'stderr')[];
}

export interface RunResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command line to its end. */
export async function runCar(args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { child, result } = startCar(args, options);
  child.stdin?.end(options.input ?? '');
  return await result;
}

export interface RunningCar extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly result: Promise<RunResult>;
  /** Waits until what it printed so far fits; returns that. */
  until(stream: 'stdout' | 'stderr', fits: (text: string) => boolean): Promise<string>;
}

/** Starts a command line that may go on for long. Disposing ends it. */
export function startCar(args: readonly string[], options: RunOptions): RunningCar {
  const imports = options.terminal ? ['--import', pretendTerminal(options.terminal)] : [];
  const child = spawn(process.execPath, [...imports, program, ...args], {
    env: environmentOf(options),
    stdio: 'pipe',
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (printed[stream] += text));
  }
  child.stdin.on('error', () => {}); // it may end without reading
  const result = once(child, 'close').then(([code]): RunResult => ({ code: code as number | null, ...printed }));
  return {
    child,
    result,
    until: async (stream, fits) => {
      while (!fits(printed[stream])) {
        const ended = await Promise.race([once(child[stream], 'data').then(() => false), result.then(() => true)]);
        if (ended && !fits(printed[stream])) throw new Error(`car ended with: ${printed.stdout}${printed.stderr}`);
      }
      return printed[stream];
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await result;
    },
  };
}

/** This process's environment without what would change the answers. */
function environmentOf({ root, env, terminal }: RunOptions): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(CAR_|XDG_RUNTIME_DIR|NO_COLOR|FORCE_COLOR|NODE_|CI$|TERM$|COLORTERM$|TEAMCITY)/.test(name),
  );
  return {
    ...Object.fromEntries(own),
    CAR_HOME: root,
    NODE_COMPILE_CACHE: compileCache,
    ...(terminal && { TERM: 'xterm-256color', NODE_DISABLE_COLORS: undefined }),
    ...env,
  };
}

/** Text without colours. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/\u001B\[[\d;]*[a-zA-Z]/g, '');
}
