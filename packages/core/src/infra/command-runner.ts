// Runs commands of people (checks of goals, and what else must be governed the same way): each in a process group of its
// own, without the daemon's credentials, for so long and with so much output, and ended whole.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { basicEnvironment } from './child-environment.ts';
import { ChildRecords, childMarker, processesOf } from './child-records.ts';
import { signalGroup, signalProcess } from './processes.ts';

export interface CommandOptions {
  /** For a POSIX shell; on Windows for its own. */
  command: string;
  cwd: string;
  /** Ends it when it aborts. */
  signal?: AbortSignal;
  /** Default 5 min. */
  timeoutMs?: number;
  /** Kept of its output, from the end. Default 32 KiB. */
  maxKeptBytes?: number;
  /** A command that writes more is ended. Default 16 MiB. */
  maxOutputBytes?: number;
}

export interface CommandResult {
  /** Of the shell; `null` when it was ended. */
  exitCode: number | null;
  /** Standard output and standard error as they came, the end of them. */
  output: string;
  isTruncated: boolean;
  /** Why it was ended before it ended itself. */
  endedBy: 'timeout' | 'flood' | 'cancel' | undefined;
  durationMs: number;
}

/** More commands wait than may. */
export class TooManyCommandsError extends Error {
  override readonly name = 'TooManyCommandsError';
}

const defaultTimeoutMs = 5 * 60_000;
const defaultKeptBytes = 32 * 1024;
const defaultOutputBytes = 16 * 1024 * 1024;
const defaultConcurrency = 4;
const maxWaiting = 256;
/** Time for the last output of something outside the group that holds the pipe open. */
const drainMs = 200;
const hasGroups = process.platform !== 'win32';

export class CommandRunner implements Disposable {
  readonly #concurrency: number;
  readonly #children: ChildRecords;
  readonly #waiting: (() => void)[] = [];
  readonly #closed = new AbortController();
  #running = 0;

  constructor({
    concurrency = defaultConcurrency,
    children = new ChildRecords(),
  }: { concurrency?: number; children?: ChildRecords } = {}) {
    this.#concurrency = concurrency;
    this.#children = children;
  }

  /** Commands that run, and that wait for others to end. */
  get load(): { running: number; waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length };
  }

  /** Resolves once the command and all it started have ended. Rejects when it cannot begin. */
  async run(options: CommandOptions): Promise<CommandResult> {
    const signals = [this.#closed.signal, ...(options.signal ? [options.signal] : [])];
    const signal = AbortSignal.any(signals);
    await this.#turn(signal);
    try {
      return await runCommand({ ...options, signal }, this.#children);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort(new Error('the daemon ends'));
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#running >= this.#concurrency && !signal.aborted) {
      if (this.#waiting.length >= maxWaiting)
        throw new TooManyCommandsError(`${maxWaiting} commands wait already, the limit`);
      const turn = Promise.withResolvers<void>();
      const wake = (): void => turn.resolve();
      this.#waiting.push(wake);
      signal.addEventListener('abort', wake, { once: true });
      await turn.promise;
      signal.removeEventListener('abort', wake);
      const index = this.#waiting.indexOf(wake);
      if (index !== -1) this.#waiting.splice(index, 1);
    }
    // In the block that saw that there is room: nobody comes between.
    this.#running++;
  }
}

async function runCommand(
  options: CommandOptions & { signal: AbortSignal },
  children: ChildRecords,
): Promise<CommandResult> {
  const { command, cwd, signal, timeoutMs = defaultTimeoutMs, maxOutputBytes = defaultOutputBytes } = options;
  const startedAt = performance.now();
  const elapsed = (): number => Math.round(performance.now() - startedAt);
  if (signal.aborted) return { exitCode: null, output: '', isTruncated: false, endedBy: 'cancel', durationMs: 0 };
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`${JSON.stringify(cwd)} is no folder that exists`);
  const recorded = children.open();
  const id = recorded.env[childMarker] ?? '';
  const child = spawn(command, {
    cwd,
    env: { ...basicEnvironment(process.env), ...recorded.env },
    shell: hasGroups ? '/bin/sh' : true,
    detached: hasGroups,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  if (child.pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    recorded.ended();
    throw new Error(`its shell cannot be started: ${error.message}`, { cause: error });
  }
  recorded.started(child.pid);
  child.on('error', () => undefined);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let endedBy: CommandResult['endedBy'];
  const end = (why: CommandResult['endedBy']): void => {
    endedBy ??= why;
    endAll(child, id);
  };
  const kept = keep(child, options.maxKeptBytes ?? defaultKeptBytes, (total) => {
    if (total > maxOutputBytes) end('flood');
  });
  const timer = setTimeout(() => end('timeout'), timeoutMs);
  const cancel = (): void => end('cancel');
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const [exitCode] = await exited;
    // What it left behind goes with it, whichever way it ended.
    endAll(child, id);
    await Promise.race([kept.closed, new Promise((resolve) => setTimeout(resolve, drainMs))]);
    return { exitCode: endedBy ? null : exitCode, ...kept.text(), endedBy, durationMs: elapsed() };
  } finally {
    recorded.ended();
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/** Every process of the group, and, where the system shows them, those that left it. A process may start another while it
 *  is looked at, hence until there is none. */
function endAll({ pid = 0 }: ChildProcess, id: string): void {
  if (!hasGroups) {
    signalProcess(pid, 'SIGKILL');
    return;
  }
  signalGroup(pid, 'SIGKILL');
  for (let round = 0; round < 10; round++) {
    const left = processesOf(new Set([id]));
    if (left.length === 0) return;
    for (const each of left) signalProcess(each.pid, 'SIGKILL');
  }
}

function keep(child: ChildProcess, maxBytes: number, onBytes: (total: number) => void) {
  let chunks: Buffer[] = [];
  let kept = 0;
  let total = 0;
  const take = (chunk: Buffer): void => {
    chunks.push(chunk);
    kept += chunk.length;
    total += chunk.length;
    // Joined only now and then: each byte is copied a few times at most.
    if (kept > 2 * maxBytes + 65_536) {
      chunks = [Buffer.concat(chunks).subarray(-maxBytes)];
      kept = maxBytes;
    }
    onBytes(total);
  };
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  for (const stream of streams) stream.on('data', take).on('error', () => undefined);
  return {
    closed: Promise.all(streams.map((stream) => once(stream, 'close').catch(() => undefined))),
    text: () => ({
      output: Buffer.concat(chunks).subarray(-maxBytes).toString('utf8'),
      isTruncated: total > maxBytes,
    }),
  };
}
