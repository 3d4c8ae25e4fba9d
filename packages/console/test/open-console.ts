// A real daemon with an agent on it, and the console open in a real browser.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect } from '@car-runtime/client';
import { findChromium, TempFolder } from '@car-runtime/testkit';
import { startServer } from 'car-server';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..', '..', '..');

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

/** `undefined` without a Chromium, which the test says. */
export async function openConsole(context: TestContext) {
  const executablePath = findChromium(context);
  if (executablePath === undefined) return undefined;
  build(built.join('console'));
  const opened = new AsyncDisposableStack();
  try {
    const folder = opened.use(new TempFolder());
    const server = opened.use(
      await startServer({ stateRoot: folder.join('root'), port: 0, consoleFolder: built.join('console') }),
    );
    const { authToken: token = '', hostToken = '' } = server.tokens ?? {};
    const agent = opened.use(await connect({ url: server.ws, token, allowUnproven: true }));
    await agent.registerTool('count', undefined, ({ text }) => String(text).length);
    const host = opened.use(await connect({ url: server.ws, hostToken, allowUnproven: true }));
    const { url } = await host.host.console_ticket();
    const browser = opened.use(
      await chromium.launch({
        executablePath,
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      }),
    );
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
      daemon: { server, agent, host },
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    };
  } finally {
    await opened.disposeAsync();
  }
}
