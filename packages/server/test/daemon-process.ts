// A real car-server process with a state root of its own, gone with the test that started it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../src/car-server.ts', import.meta.url));

export interface Ready {
  ready: true;
  ws: string;
  http: string;
  socket: string;
  mcp: null;
  pid: number;
  state_root: string;
}

export interface DaemonProcess extends AsyncDisposable {
  readonly pid: number;
  readonly root: string;
  /** What `--ready-json` said; only with it. */
  readonly ready: Ready;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  /** Lets it end the agents it runs, which killing it would leave behind, and takes its folder away. */
  stop(): Promise<void>;
  token(name: 'auth-token' | 'host-token'): string;
}

export interface StartOptions {
  args?: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  /** What its settings file says. */
  config?: string;
  /** State root of another daemon; it stays. */
  root?: string;
}

/** Starts a daemon on free ports and waits for its ready line. */
export async function startDaemon(options: StartOptions = {}): Promise<DaemonProcess> {
  const daemon = runDaemon({ ...options, args: ['--port', '0', '--ready-json', ...(options.args ?? [])] });
  const ended = daemon.exit.then(({ code }) => {
    throw new Error(`car-server ended with ${code} before it was ready: ${daemon.stderr()}`);
  });
  await Promise.race([daemon.firstLine, ended]);
  return daemon;
}

/** Runs the program, whatever becomes of it. */
export function runDaemon({ args = [], env = {}, config, root }: StartOptions = {}): DaemonProcess & {
  firstLine: Promise<string>;
} {
  const home = root ?? mkdtempSync(join(tmpdir(), 'car-daemon-'));
  if (config !== undefined) writeFileSync(join(home, 'config.toml'), config);
  const child = spawn(process.execPath, [program, ...args], {
    env: {
      ...process.env,
      CAR_HOME: home,
      CAR_AUTH_TOKEN: undefined,
      CAR_SERVER_SOCKET: undefined,
      CAR_MCP_BIND: undefined,
      OTEL_SDK_DISABLED: 'true',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const { promise: firstLine, resolve } = Promise.withResolvers<string>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  const daemon = {
    pid: child.pid as number,
    root: home,
    firstLine,
    get ready() {
      return JSON.parse(stdout.slice(0, stdout.indexOf('\n')));
    },
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      await exit;
      await daemon[Symbol.asyncDispose]();
    },
    token: (name: 'auth-token' | 'host-token') => readFileSync(join(home, 'ai.parslee.car', name), 'utf8'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
      if (root === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
  return daemon;
}
