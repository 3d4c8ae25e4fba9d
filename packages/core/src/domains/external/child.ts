// A process of an external agent, in a group of its own, from its start until it and all it started are gone.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { childMarker, processesOf, type ChildRecords, type RecordedChild } from '../../infra/child-records.ts';
import { identityOf, isGroupAlive, signalGroup, signalProcess } from '../../infra/processes.ts';

/** Taken from a process in a second; one that writes faster waits. */
const maxBytesPerSecond = 16 * 1024 * 1024;
/** Of what it writes to standard error, the end. */
const maxErrorBytes = 16 * 1024;
const endGraceMs = 2_000;
/** For the last bytes of a stream that a process outside the group still holds open. */
const drainMs = 500;
const pollMs = 20;
/** A process may start another one while it is ended. */
const maxRounds = 10;
const hasGroups = process.platform !== 'win32';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Where it is on record for a later daemon, should this one be killed. */
  readonly children: ChildRecords;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Child {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pid: number;
  readonly #recorded: RecordedChild;
  #errorTail = Buffer.alloc(0);
  #ending: Promise<void> | undefined;
  /** Resolves when the process and the rest of its group are gone and its output is read. */
  readonly ended: Promise<ChildExit>;

  /** Rejects with the reason when the program does not run. */
  static async launch(options: ChildOptions, onOutput: (bytes: Buffer) => void): Promise<Child> {
    const { command, args, cwd } = options;
    const recorded = options.children.open();
    const env = { ...options.env, ...recorded.env };
    let child: ChildProcessWithoutNullStreams;
    try {
      child = spawn(command, args, { cwd, env, detached: hasGroups, stdio: 'pipe', windowsHide: true });
    } catch (error) {
      recorded.ended();
      throw new Error(whyNotStarted(error as NodeJS.ErrnoException, options), { cause: error });
    }
    if (child.pid === undefined) {
      const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException];
      recorded.ended();
      throw new Error(whyNotStarted(error, options), { cause: error });
    }
    recorded.started(child.pid);
    return new Child(child, child.pid, recorded, onOutput);
  }

  private constructor(
    child: ChildProcessWithoutNullStreams,
    pid: number,
    recorded: RecordedChild,
    onOutput: (bytes: Buffer) => void,
  ) {
    this.#child = child;
    this.#pid = pid;
    this.#recorded = recorded;
    // Signals that cannot be delivered, and pipes that the process closed: what counts is how it ends.
    for (const emitter of [child, child.stdin, child.stdout, child.stderr]) emitter.on('error', () => undefined);
    readAtRate(child.stdout, onOutput);
    child.stderr.on('data', (bytes: Buffer) => {
      this.#errorTail = Buffer.concat([this.#errorTail, bytes]).subarray(-maxErrorBytes);
    });
    this.ended = this.#follow();
  }

  /** The end of what it wrote to standard error. */
  get errorText(): string {
    return this.#errorTail.toString('utf8').trim();
  }

  get stdin(): Writable {
    return this.#child.stdin;
  }

  /** Hands it all of its input. A process that does not want it is no failure. */
  async feed(pieces: Iterable<string | Buffer>): Promise<void> {
    await pipeline(Readable.from(pieces, { objectMode: true }), this.#child.stdin).catch(() => undefined);
  }

  async #follow(): Promise<ChildExit> {
    const closed = Promise.all([closeOf(this.#child.stdout), closeOf(this.#child.stderr)]);
    const exit = await new Promise<ChildExit>((resolve) =>
      this.#child.once('exit', (code, signal) => resolve({ code, signal })),
    );
    await this.#endGroup();
    this.#endStrays();
    this.#recorded.ended();
    await Promise.race([closed, delay(drainMs)]);
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
    this.#child.stdin.destroy();
    return exit;
  }

  /** What the process leaves behind would go on with nobody to hear it. */
  async #endGroup(): Promise<void> {
    if (!hasGroups || !signalGroup(this.#pid, 'SIGTERM') || !isGroupAlive(this.#pid)) return;
    await this.#groupGoneWithin(endGraceMs);
    if (!signalGroup(this.#pid, 'SIGKILL')) return;
    await this.#groupGoneWithin(endGraceMs);
  }

  /** What left the group, and has had the time that the group had. */
  #endStrays(): void {
    const ids = new Set([this.#recorded.env[childMarker] ?? '']);
    for (let round = 0; round < maxRounds; round++) {
      const strays = processesOf(ids);
      if (strays.length === 0) return;
      for (const { pid, identity } of strays) if (identityOf(pid) === identity) signalProcess(pid, 'SIGKILL');
    }
  }

  async #groupGoneWithin(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    for (let pauseMs = pollMs; performance.now() < until && isGroupAlive(this.#pid); pauseMs *= 1.5)
      await delay(Math.max(0, Math.min(pauseMs, until - performance.now())));
  }

  /** Ends the whole group: SIGTERM, and SIGKILL for what is left. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#signal('SIGTERM');
    const controller = new AbortController();
    const late = delay(endGraceMs, undefined, { signal: controller.signal })
      .then(() => this.#signal('SIGKILL'))
      .catch(() => undefined); // it ended in time
    await this.ended;
    controller.abort();
    await late;
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    // What is stopped reads no signal but these two.
    if (hasGroups) signalGroup(this.#pid, 'SIGCONT');
    if (hasGroups) signalGroup(this.#pid, signal);
    else this.#child.kill(signal);
  }
}

/** Hands on what comes, no faster than the daemon can afford beside its other work. */
function readAtRate(stream: Readable, onOutput: (bytes: Buffer) => void): void {
  let left = maxBytesPerSecond;
  let windowAt = performance.now();
  stream.on('data', (bytes: Buffer) => {
    onOutput(bytes);
    left -= bytes.length;
    if (left > 0) return;
    const restMs = 1_000 - (performance.now() - windowAt);
    left = maxBytesPerSecond;
    windowAt = performance.now() + Math.max(0, restMs);
    if (restMs <= 0) return;
    stream.pause();
    setTimeout(() => stream.resume(), restMs);
  });
}

async function closeOf(stream: Readable): Promise<void> {
  if (!stream.closed) await once(stream, 'close').catch(() => undefined); // a broken pipe ends it too
}

function whyNotStarted({ code, message }: NodeJS.ErrnoException, { command, cwd }: ChildOptions): string {
  if (cwd !== undefined && !statSync(cwd, { throwIfNoEntry: false })?.isDirectory())
    return `cwd ${JSON.stringify(cwd)} is no folder that exists`;
  const what = JSON.stringify(command);
  if (code === 'ENOENT') return `${what} does not exist`;
  if (code === 'EACCES') return `${what} is not executable`;
  if (code === 'E2BIG') return `the task is too long for the arguments of ${what}`;
  return `${what} could not be started: ${message}`;
}
