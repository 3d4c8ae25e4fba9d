// A server under measurement: its process, where it listens, and what it costs.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'rolldown';
import type { ProbeAnswer, ProbeMessage, ProbeQuestion } from './probe.ts';

const root = join(import.meta.dirname, '..', '..');
const probePath = join(import.meta.dirname, 'probe.ts');
const daemonSource = join(root, 'packages', 'server', 'src', 'car-server.ts');
const results = join(root, 'bench', 'results');
/** Built here, and not taken from where `npm run build` left it: that may be of yesterday. */
const builtFolder = join(results, 'dist');
const daemonBundle = join(builtFolder, 'server', 'bin', 'car-server.js');
const bareBundle = join(results, 'bare.mjs');
/** Of this benchmark alone, for both sides. */
const compileCache = join(results, 'compile-cache');
const startTimeoutMs = 20_000;
/** Of what a server logs, kept in case it does not start. */
const maxComplaintChars = 4_096;
const canPin = process.platform === 'linux' && availableParallelism() > 1 && hasTaskset();

/** `daemon` and `bundle` are ours, from sources and as released, `agents` is ours with agents; `bare` is `state` as one
 *  file, like our bundle. */
export type ServerKind = 'daemon' | 'bundle' | 'agents' | 'state' | 'two-leg' | 'runs' | 'relay' | 'bare';

export interface StartOptions {
  /** Without it nothing but the server's own code runs in its process, and the probe cannot be asked. */
  hasProbe?: boolean;
  /** Writes a CPU profile into this folder when the server ends. */
  profileFolder?: string | undefined;
  /** What the server is told besides. */
  args?: readonly string[];
}

/** What a server says when it listens. */
interface Ready {
  ws: string;
  hostToken?: string;
  agentTokens?: Readonly<Record<string, string>>;
}

export interface Memory {
  rss: number;
  heapUsed: number;
  external: number;
}

const maxPinAttempts = 10;

/** Keeps this process, which makes the load, off the core the servers run on. */
export function pinLoad(): void {
  if (!canPin) return;
  // A thread that ends while it is asked for makes the whole command fail.
  for (let attempt = 1; ; attempt++) {
    try {
      execFileSync('taskset', ['-acp', '1', String(process.pid)], { stdio: 'ignore' });
      return;
    } catch (error) {
      if (attempt === maxPinAttempts) throw error;
    }
  }
}

export const isPinned: boolean = canPin;

export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #stateRoot: string | undefined;
  #lastQuestion = 0;
  readonly url: string;
  /** The daemon's own; bare servers ask for none. */
  readonly token: string | undefined;
  /** Of a daemon with agents. */
  readonly hostToken: string | undefined;
  readonly agentTokens: Readonly<Record<string, string>> | undefined;

  private constructor(child: ChildProcess, stateRoot: string | undefined, ready: Ready) {
    this.#child = child;
    this.#stateRoot = stateRoot;
    this.url = ready.ws;
    this.hostToken = ready.hostToken;
    this.agentTokens = ready.agentTokens;
    this.token = stateRoot && readFileSync(join(stateRoot, 'ai.parslee.car', 'auth-token'), 'utf8').trim();
  }

  /** Resolves once the server has said where it listens. */
  static async start(
    kind: ServerKind,
    { hasProbe = true, profileFolder, args = [] }: StartOptions = {},
  ): Promise<ServerProcess> {
    if (kind === 'bare') await bundleBare();
    if (kind === 'bundle') bundleDaemon();
    const isDaemon = kind === 'daemon' || kind === 'bundle' || kind === 'agents';
    const stateRoot = isDaemon ? mkdtempSync(join(tmpdir(), 'car-bench-')) : undefined;
    const command = [
      ...(canPin ? ['taskset', '-c', '0'] : []),
      process.execPath,
      ...(hasProbe ? ['--expose-gc', '--import', probePath] : []),
      ...(profileFolder === undefined
        ? []
        : ['--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-dir', profileFolder]),
      ...commandOf(kind),
      ...args,
    ];
    const child = spawn(command[0] as string, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe', hasProbe ? 'ipc' : 'ignore'],
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: compileCache,
        ...(stateRoot !== undefined && { CAR_HOME: stateRoot }),
      },
    });
    let complaints = '';
    child.stderr?.on('data', (chunk) => (complaints = (complaints + String(chunk)).slice(-maxComplaintChars)));
    try {
      return new ServerProcess(child, stateRoot, JSON.parse(await firstLine(child)) as Ready);
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`Cannot start ${kind}: ${(error as Error).message}\n${complaints}`, { cause: error });
    }
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  cpuMicros(): Promise<number> {
    return this.#ask('cpu') as Promise<number>;
  }

  settledMemory(): Promise<Memory> {
    return this.#ask('memory') as Promise<Memory>;
  }

  async startDelay(): Promise<void> {
    await this.#ask('start-delay');
  }

  /** 99th percentile since `startDelay`, in ms. */
  stopDelay(): Promise<number> {
    return this.#ask('stop-delay') as Promise<number>;
  }

  #ask(question: ProbeQuestion): Promise<unknown> {
    const number = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const onMessage = (message: ProbeAnswer): void => {
        if (message.number !== number) return;
        this.#child.off('message', onMessage);
        resolve(message.answer);
      };
      this.#child.on('message', onMessage);
      this.#child.send({ number, question } satisfies ProbeMessage);
    });
  }

  /** Resident memory as the system counts it, in bytes; `undefined` where it does not say. */
  residentBytes(): number | undefined {
    const path = `/proc/${this.pid}/status`;
    const line = existsSync(path) ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8')) : null;
    return line ? Number(line[1]) * 1024 : undefined;
  }

  /** Empties the journals, so that a long benchmark does not fill the disk. */
  dropJournals(): void {
    if (this.#stateRoot === undefined) return;
    for (const path of globSync(join(this.#stateRoot, 'journals', '*.jsonl'))) truncateSync(path);
  }

  /** Removes the files of runs, which must all have ended. */
  dropRuns(): void {
    if (this.#stateRoot !== undefined) rmSync(join(this.#stateRoot, 'runs'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    if (this.#stateRoot !== undefined) rmSync(this.#stateRoot, { recursive: true, force: true });
  }
}

function commandOf(kind: ServerKind): string[] {
  if (kind === 'agents') return [join(import.meta.dirname, 'agents-daemon.ts')];
  if (kind === 'daemon') return [daemonSource, '--port', '0', '--ready-json'];
  if (kind === 'bundle') return [daemonBundle, '--port', '0', '--ready-json'];
  return [kind === 'bare' ? bareBundle : baselineSource(kind)];
}

function baselineSource(name: string): string {
  return join(root, 'bench', 'baselines', `${name}.ts`);
}

let bundling: Promise<unknown> | undefined;
let isBuilt = false;

function bundleBare(): Promise<unknown> {
  bundling ??= build({ input: baselineSource('state'), platform: 'node', output: { file: bareBundle, format: 'esm' } });
  return bundling;
}

function bundleDaemon(): void {
  if (isBuilt) return;
  execFileSync(process.execPath, [join(root, 'scripts', 'build.ts'), '--out', builtFolder], {
    stdio: ['ignore', 'ignore', 2],
  });
  isBuilt = true;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('it has no standard output');
  const signal = AbortSignal.timeout(startTimeoutMs);
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit', { signal }).then(([code]) =>
    Promise.reject(new Error(`it ended with status ${code}`)),
  );
  const [line] = (await Promise.race([once(lines, 'line', { signal }), ended])) as [string];
  ended.catch(() => undefined); // it ends one day, and nobody waits for that here
  return line;
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
