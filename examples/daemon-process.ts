// A real daemon process with a state root of its own, for examples and their tests.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What `car-server --ready-json` prints. */
export interface Ready {
  ws: string;
  http: string;
  socket: string | null;
  pid: number;
  state_root: string;
}

export interface DaemonProcess extends AsyncDisposable {
  /** Of the daemon that runs now. */
  readonly ready: Ready;
  readonly home: string;
  /** This shell's environment without its CAR_ variables, and with the daemon's state root. */
  readonly environment: NodeJS.ProcessEnv;
  /** Ends it with SIGTERM and resolves with its exit status. */
  stop(): Promise<number | null>;
  /** Ends it and starts another on the same state root. */
  restart(): Promise<void>;
}

const program = join(import.meta.dirname, '..', 'packages', 'server', 'bin', 'car-server.js');

/** Starts `car-server` on free ports with a temporary state root, which goes with it. */
export async function startDaemonProcess(flags: string[] = []): Promise<DaemonProcess> {
  const home = await mkdtemp(join(tmpdir(), 'car-'));
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CAR_'));
  const environment = { ...Object.fromEntries(inherited), CAR_HOME: home };
  let { child, ready } = await launch(environment, flags);
  return {
    get ready() {
      return ready;
    },
    home,
    environment,
    stop: () => stop(child),
    async restart() {
      await stop(child);
      ({ child, ready } = await launch(environment, flags));
    },
    async [Symbol.asyncDispose]() {
      await stop(child);
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function launch(environment: NodeJS.ProcessEnv, flags: readonly string[]) {
  const child = spawn(process.execPath, [program, '--port', '0', '--ready-json', ...flags], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line') as Promise<[string]>,
    once(child, 'exit').then(() => Promise.reject(new Error(`The daemon did not start:\n${log}`))),
  ]);
  return { child, ready: JSON.parse(line[0]) as Ready };
}

async function stop(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit') as Promise<[number | null]>;
  child.kill('SIGTERM');
  return (await exited)[0];
}
