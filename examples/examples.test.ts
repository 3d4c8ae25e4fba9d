// Every example runs, as the README says to run it, and checks itself.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { connect } from '@car-runtime/client';
import { startDaemonProcess } from './daemon-process.ts';
import { findChromium, findPython } from '@car-runtime/testkit';

const run = promisify(execFile);
const folder = import.meta.dirname;

test('the quickstart runs a plan with real tools through a daemon, and stops everything', async () => {
  const { stdout } = await run(process.execPath, [join(folder, 'quickstart', 'main.ts')]);
  assert.match(stdout, /6 tool calls, 8 executed, 1 refused/);
  assert.match(stdout, /secret +rejected +param 'path' matches '\.env'/);
  assert.match(stdout, /state\.get \{\} {2}-> {2}-32602 invalid_params/);
  assert.match(stdout, /a first process saw 5 records and was killed at cursor 4/);
  assert.match(stdout, /together: 16 turns, each exactly once and in order, then the end/);
  assert.match(stdout, /the same 18 records that were seen live/);
  assert.match(stdout, /when is the release\? +release day: Tuesday/);
  assert.match(stdout, /daemon drained and exited 0/);
});

test('the quickstart for the console leaves agents at work and an approval waiting, and ends all of it', async () => {
  const child = spawn(process.execPath, [join(folder, 'quickstart', 'main.ts'), '--console']);
  const ended = once(child, 'exit');
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const until = async (isSo: () => boolean | Promise<boolean>) => {
    while (!(await isSo())) await sleep(100);
  };
  await until(() => /#ticket=\S+\n/.test(printed));
  const home = /state root (\S+)/.exec(printed)?.[1] ?? assert.fail(printed);
  const environment = { CAR_HOME: home, PATH: process.env['PATH'] };
  await using host = await connect({ env: environment, role: 'host' });
  await until(async () => (await host.host.approvals({ status: 'pending' })).approvals.length === 1);
  await until(async () => (await host.runs.search({ agent_id: 'surveyor', status: 'completed' })).runs.length > 0);
  const agents = (await host.agents.list()).map((agent) => ('status' in agent ? agent : assert.fail(agent.id)));
  assert.deepEqual(agents.map(({ id, status }) => `${id} ${status}`).toSorted(), [
    'librarian running',
    'releaser running',
    'surveyor running',
  ]);
  await host.close();
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  assert.equal(existsSync(home), false);
  for (const { pid } of agents) assert.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' });
});

test('the core runs inside a program of its own, in memory and over a WebSocket', async () => {
  const { stdout } = await run(process.execPath, [join(folder, 'embedded', 'main.ts')]);
  assert.match(stdout, /embedded: all checks passed/);
});

test('the engine runs a plan on its own, without a daemon', async () => {
  const { stdout } = await run(process.execPath, [join(folder, 'engine', 'main.ts')]);
  assert.match(stdout, /twice the sum is 42/);
});

// req: example.supervisor
test('a supervisor in a process of its own allows what reads, denies what cannot be undone, and escalates the rest', async () => {
  const { stdout } = await run(process.execPath, [join(folder, 'supervisor', 'main.ts')]);
  assert.match(stdout, /supervisor: all checks passed/);
});

// req: example.python
test('a Python program connects, registers a tool and runs a plan', async (context) => {
  const python = findPython(context);
  if (!python) return;
  await using daemon = await startDaemonProcess();
  const { stdout } = await run(python, [join(folder, 'python', 'hello.py')], {
    env: { ...daemon.environment, CAR_DAEMON_URL: daemon.ready.ws },
  });
  assert.equal(stdout, 'succeeded Hello, Python!\n');
});

// req: example.browser, security.s1-origin-browser
test('a page connects from an allowed origin, and from no other', async (context) => {
  const executablePath = findChromium(context);
  if (!executablePath) return;
  const page = await readFile(join(folder, 'browser', 'index.html'), 'utf8');
  await using allowed = await servePage(page);
  await using stranger = await servePage(page);
  await using daemon = await startDaemonProcess(['--allow-origin', allowed.origin]);
  const token = await readFile(join(daemon.home, 'ai.parslee.car', 'auth-token'), 'utf8');
  await using browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  for (const [origin, expected] of [
    [allowed.origin, /^succeeded Hello, browser!$/m],
    [stranger.origin, /^closed \(1006\)/m],
  ] as const) {
    const tab = await browser.newPage();
    await tab.goto(origin);
    await tab.fill('#url', daemon.ready.ws);
    await tab.fill('#token', token.trim());
    await tab.click('#connect');
    await tab.waitForFunction(`/^(succeeded|closed|error)/m.test(document.querySelector('#log').textContent)`);
    assert.match((await tab.textContent('#log')) ?? '', expected, origin);
  }
});

async function servePage(page: string): Promise<{ origin: string } & AsyncDisposable> {
  const server: Server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(page),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
