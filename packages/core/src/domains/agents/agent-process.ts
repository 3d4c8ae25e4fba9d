// One process of an agent, from its start until it and every process of its group are gone.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { isGroupAlive, signalGroup } from '../../infra/processes.ts';
import { endLeftovers, findStrays } from './leftovers.ts';
import type { LogFile, LogStream } from './log-file.ts';

/** Taken from one stream of a process in a second; a process that writes faster waits. */
const maxLogBytesPerSecond = 32 * 1024 * 1024;
/** Time for what a process leaves behind to end by itself once it is gone. */
const leftoverGraceMs = 1_000;
/** How long killed processes may take to be gone. */
const goneMs = 2_000;
const pollMs = 20;
/** Time for the last bytes of a stream that a process outside the group still holds open. */
const drainMs = 500;

export interface LaunchOptions {
  command: string;
  args: readonly string[];
  cwd: string | undefined;
  env: Readonly<Record<string, string>>;
  logs: Readonly<Record<LogStream, LogFile>>;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Signals reach whole process groups where there are such; on Windows the process alone. */
const hasGroups = process.platform !== 'win32';

export class AgentProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #env: LaunchOptions['env'];
  /** Resolves when the process and the rest of its group are gone, and all they wrote is in the logs. */
  readonly ended: Promise<Exit>;

  /** Resolves once the program runs; rejects with the reason when it does not. A process that ends at once has run. */
  static async launch(options: LaunchOptions, onSpawned: (pid: number) => void): Promise<AgentProcess> {
    const { command, args, cwd, env } = options;
    let child: ChildProcess;
    try {
      // A session of its own: no signal of the daemon's terminal reaches it, and its group can be ended as one.
      child = spawn(command, args, {
        cwd,
        env,
        detached: hasGroups,
        stdio: ['ignore', 'pipe', 'pipe'],
        windowsHide: true,
      });
    } catch (error) {
      throw new Error(whyNotSpawned(error as NodeJS.ErrnoException, options), { cause: error });
    }
    if (child.pid === undefined) {
      const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException];
      throw new Error(whyNotSpawned(error, options), { cause: error });
    }
    onSpawned(child.pid);
    return new AgentProcess(child, child.pid, options);
  }

  private constructor(child: ChildProcess, pid: number, { logs, env }: LaunchOptions) {
    this.#child = child;
    this.#env = env;
    this.pid = pid;
    // Signals that cannot be delivered end here; what counts is whether it exits.
    child.on('error', () => undefined);
    const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const written = [copy(child.stdout, logs.stdout), copy(child.stderr, logs.stderr)];
    this.ended = this.#follow(exited, written);
  }

  async #follow(exited: Promise<Exit>, written: Promise<void>[]): Promise<Exit> {
    const exit = await exited;
    await this.#endLeftovers();
    await endLeftovers(findStrays(this.#env), leftoverGraceMs);
    await Promise.race([Promise.all(written), delay(drainMs)]);
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    return exit;
  }

  /** Children of the process that outlive it: they would go on beside its successor. */
  async #endLeftovers(): Promise<void> {
    if (!hasGroups || !signalGroup(this.pid, 'SIGTERM') || !isGroupAlive(this.pid)) return;
    await this.#untilGone(leftoverGraceMs);
    if (!signalGroup(this.pid, 'SIGKILL')) return;
    await this.#untilGone(goneMs);
  }

  async #untilGone(limitMs: number): Promise<void> {
    // Looking means reading every process there is, so less and less often.
    const until = performance.now() + limitMs;
    for (let pauseMs = pollMs; performance.now() < until && isGroupAlive(this.pid); pauseMs = 1.5 * pauseMs)
      await delay(Math.max(0, Math.min(pauseMs, until - performance.now())));
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    if (hasGroups) signalGroup(this.pid, signal);
    else this.#child.kill(signal);
  }

  /** Resolves when it has ended; rejects when not even SIGKILL ends it. */
  async end(signal: 'term' | 'kill', graceMs: number): Promise<void> {
    if (signal === 'term') {
      this.signal('SIGTERM');
      if (await this.#endsWithin(graceMs)) return;
    }
    this.signal('SIGKILL');
    if (await this.#endsWithin(leftoverGraceMs + 2 * goneMs)) return;
    throw new Error(`process ${this.pid} does not end, not even after SIGKILL`);
  }

  async #endsWithin(limitMs: number): Promise<boolean> {
    const controller = new AbortController();
    const late = delay(limitMs, false, { signal: controller.signal }).catch(() => false);
    const isGone = await Promise.race([this.ended.then(() => true), late]);
    controller.abort();
    return isGone;
  }
}

/** Copies a stream into a log, no faster than the daemon can afford beside its other work. */
async function copy(stream: Readable | null, log: LogFile): Promise<void> {
  if (!stream) return;
  let budget = maxLogBytesPerSecond;
  let windowStartedAt = performance.now();
  stream.on('data', (bytes: Buffer) => {
    log.write(bytes);
    budget -= bytes.length;
    if (budget > 0) return;
    const restMs = 1_000 - (performance.now() - windowStartedAt);
    budget = maxLogBytesPerSecond;
    windowStartedAt = performance.now() + Math.max(0, restMs);
    if (restMs <= 0) return;
    stream.pause();
    setTimeout(() => stream.resume(), restMs);
  });
  // A broken pipe ends it as its end would.
  await once(stream, 'close').catch(() => undefined);
}

function whyNotSpawned(error: NodeJS.ErrnoException, { command, cwd }: LaunchOptions): string {
  // The system says the same of a folder as of a program that is not there.
  if (cwd !== undefined && !isFolder(cwd)) return `cwd ${JSON.stringify(cwd)} is no folder that exists`;
  const what = `command ${JSON.stringify(command)}`;
  if (error.code === 'ENOENT') return `${what} does not exist`;
  if (error.code === 'EACCES') return `${what} is not executable`;
  return `${what} could not be started: ${error.message}`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
