// A real daemon with an agent on it, and the console open in a real browser.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect, type Client } from '@car-runtime/client';
import { findChromium, installAgent, TempFolder } from '@car-runtime/testkit';
import { startServer, type RunningServer, type ServerOptions } from 'car-server';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..', '..', '..');

/** A name that leads to this machine, as a stranger's could. */
export const reboundHost = 'rebound.test';

const chromiumArguments = [
  `--host-resolver-rules=MAP ${reboundHost} 127.0.0.1`,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let isBuilt = false;

/** Once per test file: what is tested is what these sources build. */
function build(folder: string): void {
  if (isBuilt) return;
  const { status, stderr } = spawnSync('vite', ['build', '--logLevel', 'error', '--outDir', folder, '--emptyOutDir'], {
    cwd: join(root, 'packages', 'console'),
    env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH']}` },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The console does not build: ${stderr}`);
  isBuilt = true;
}

const built = new TempFolder();
process.on('exit', () => built[Symbol.dispose]());

export interface Clients {
  server: RunningServer;
  agent: Client;
  /** The agent `worker`, which may record turns. */
  worker: Client;
  host: Client;
}

/** A daemon on two neighbouring ports, which one that comes after it can have again. */
async function startOnPair(
  stateRoot: string,
  port: number | undefined,
  options: Partial<ServerOptions>,
): Promise<RunningServer> {
  for (;;) {
    const wanted = port ?? randomInt(20_000, 30_000);
    try {
      return await startServer({ ...options, stateRoot, port: wanted, consoleFolder: built.join('console') });
    } catch (error) {
      if (port !== undefined || !/the port is in use/.test(String(error))) throw error;
    }
  }
}

async function connectClients(server: RunningServer, opened: AsyncDisposableStack): Promise<Clients> {
  const { authToken: token = '', hostToken = '' } = server.tokens ?? {};
  const agent = opened.use(await connect({ url: server.ws, token, allowUnproven: true, reconnect: false }));
  await agent.registerTool('count', undefined, ({ text }) => String(text).length);
  const host = opened.use(await connect({ url: server.ws, hostToken, allowUnproven: true, reconnect: false }));
  const workerToken = installAgent(server.state, 'worker');
  const as = { agentId: 'worker', token: workerToken, allowUnproven: true, reconnect: false } as const;
  const worker = opened.use(await connect({ url: server.ws, ...as }));
  return { server, agent, worker, host };
}

/** `undefined` without a Chromium, which the test says. */
export async function openConsole(context: TestContext, options: Partial<ServerOptions> = {}) {
  const executablePath = findChromium(context);
  if (executablePath === undefined) return undefined;
  build(built.join('console'));
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(new TempFolder());
  const server = opened.use(await startOnPair(folder.join('root'), undefined, options));
  const daemon = await connectClients(server, opened);
  const { url } = await daemon.host.host.console_ticket();
  const browser = opened.use(await chromium.launch({ executablePath, args: chromiumArguments }));
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(url);
  await page.waitForSelector('car-badge[tone=good]:has-text("connected")');
  const moved = opened.move();
  return {
    page,
    browser,
    problems,
    url,
    origin: server.http,
    daemon,
    /** Stops the daemon and starts another on the same state root and ports. */
    restart: async (): Promise<Clients> => {
      await server.stop(0);
      return await connectClients(moved.use(await startOnPair(folder.join('root'), server.port, options)), moved);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
