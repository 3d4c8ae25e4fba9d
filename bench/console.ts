// The console in a real browser: how much script its first view takes, how soon it can be used, how long a long run takes to
// open, and whether the page stays smooth while a run goes on.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { connect, type Client } from '@car-runtime/client';
import { chromiumPath, installAgent } from '@car-runtime/testkit';
import { startServer } from 'car-server';
import { chromium, type Browser, type Page } from 'playwright-core';
import { median, ratioOf } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';

const root = join(import.meta.dirname, '..');
const longRunTurns = 2_000;
const turnsPerCall = 250;
const eventsPerSecond = 500;
/** Turns of one call while the page is watched. */
const burst = 10;
const warmTurns = 50;

export async function consoleBenchmark({ rounds, isShort }: Options): Promise<Row[]> {
  const executablePath = chromiumPath();
  if (executablePath === undefined)
    throw new Error('no Chromium found (Debian: apt-get install chromium, or set CHROMIUM)');
  const folder = mkdtempSync(join(tmpdir(), 'car-bench-console-'));
  try {
    build(join(folder, 'console'));
    await using server = await startServer({
      stateRoot: join(folder, 'root'),
      port: 20_000 + (process.pid % 10_000),
      consoleFolder: join(folder, 'console'),
    });
    const token = installAgent(server.state, 'worker');
    const as = { url: server.ws, allowUnproven: true, reconnect: false } as const;
    await using worker = await connect({ ...as, agentId: 'worker', token });
    await using host = await connect({ ...as, hostToken: server.tokens?.hostToken ?? '' });
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const starts = await measureStarts(browser, host, isShort ? 1 : Math.min(rounds, 9));
      const turns = isShort ? 200 : longRunTurns;
      const opened = await measureOpening(browser, host, worker, turns);
      const smooth = await measureSmoothness(browser, host, worker, isShort ? 100 : longRunTurns - warmTurns);
      return [...startRows(starts), openingRow(opened, turns), smoothRow(smooth)];
    } finally {
      await browser.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function build(outDir: string): void {
  const { status, stderr } = spawnSync(
    join(root, 'node_modules', '.bin', 'vite'),
    ['build', '--logLevel', 'error', '--outDir', outDir],
    {
      cwd: join(root, 'packages', 'console'),
      env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH']}` },
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`The console does not build: ${stderr}`);
}

interface Start {
  interactiveMs: number;
  /** Of all scripts together, compressed one by one. */
  scriptBytes: number;
}

/** Each in a browser context of its own, which has nothing cached, in turn with a page that has next to nothing to do. */
async function measureStarts(
  browser: Browser,
  host: Client,
  rounds: number,
): Promise<{ ours: Start[]; blank: Start[] }> {
  const ours: Start[] = [];
  const blank: Start[] = [];
  const bare = createServer(({ url }, answer) => {
    const isScript = url === '/main.js';
    answer.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    answer.end(isScript ? 'document.body.append(document.createElement("main"))' : blankPage);
  });
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
  try {
    const blankUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}/`;
    for (let round = 0; round < rounds; round++) {
      const { url } = await host.host.console_ticket();
      ours.push(await start(browser, url, 'car-now section[aria-label=Daemon]'));
      blank.push(await start(browser, blankUrl, 'main'));
    }
  } finally {
    bare.close();
  }
  return { ours, blank };
}

const blankPage = '<!doctype html><title>blank</title><body><script type="module" src="/main.js"></script></body>';

async function start(browser: Browser, url: string, ready: string): Promise<Start> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const scripts: Promise<number>[] = [];
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script')
        scripts.push(
          response.body().then(
            (body) => gzipSync(body).length,
            () => 0,
          ),
        );
    });
    await page.goto(url);
    await page.waitForSelector(ready, { state: 'attached' });
    const interactiveMs = await page.evaluate<number>('performance.now()');
    const sizes = await Promise.all(scripts);
    return { interactiveMs, scriptBytes: sizes.reduce((sum, size) => sum + size, 0) };
  } finally {
    await context.close();
  }
}

async function openPage(browser: Browser, host: Client): Promise<Page> {
  const page = await browser.newPage();
  await page.goto((await host.host.console_ticket()).url);
  await page.waitForSelector('car-badge[tone=good]:has-text("connected")');
  return page;
}

/** From the click to the frame in which its turns are on screen, the way of the data included. */
async function measureOpening(browser: Browser, host: Client, worker: Client, turns: number): Promise<number[]> {
  const { run_id } = await worker.runs.start({ intent: 'a long run' });
  for (let n = 0; n < turns; n += turnsPerCall) {
    const batch = Array.from({ length: Math.min(turnsPerCall, turns - n) }, (_, at) => turnOf(n + at));
    await worker.runs.record_turns({ run_id, turns: batch });
  }
  await worker.runs.complete({ run_id, outcome: { status: 'success' } });
  const page = await openPage(browser, host);
  const times: number[] = [];
  // The first loads the view.
  for (let round = 0; round < 4; round++) {
    await page.evaluate(`location.hash = '#/runs'`);
    await page.waitForSelector('a.run');
    times.push(await page.evaluate<number>(opening(run_id, turns)));
  }
  await page.close();
  return times.slice(1);
}

const shadows = `document.querySelector('car-app')?.shadowRoot?.querySelector('car-run')?.shadowRoot`;

function opening(runId: string, turns: number): string {
  return `new Promise((resolve) => {
    const from = performance.now();
    location.hash = '#/run/${runId}';
    const look = () => {
      const view = ${shadows};
      const isThere = view?.querySelector('.count')?.textContent === '${turns} turns'
        && view.querySelector('car-run-timeline')?.shadowRoot?.querySelector('.span');
      if (isThere) resolve(performance.now() - from);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  })`;
}

/** Durations of tasks over 50 ms while a run that is looked at goes on. */
async function measureSmoothness(browser: Browser, host: Client, worker: Client, turns: number): Promise<Smoothness> {
  const { run_id } = await worker.runs.start({ intent: 'a busy run' });
  await worker.runs.record_turns({ run_id, turns: Array.from({ length: warmTurns }, (_, n) => turnOf(n)) });
  const page = await openPage(browser, host);
  await page.evaluate(`location.hash = '#/run/${run_id}'`);
  await page.waitForSelector('.span');
  await delay(500);
  await page.evaluate(`globalThis.longTasks = []; new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration);
  }).observe({ type: 'longtask' })`);
  const startedAt = performance.now();
  for (let n = 0; n < turns; n += burst) {
    const batch = Array.from({ length: Math.min(burst, turns - n) }, (_, at) => turnOf(n + at));
    await worker.runs.record_turns({ run_id, turns: batch });
    const dueMs = ((n + burst) / eventsPerSecond) * 1_000 - (performance.now() - startedAt);
    if (dueMs > 0) await delay(dueMs);
  }
  const perSecond = turns / ((performance.now() - startedAt) / 1_000);
  await page.waitForSelector(`.count:text-is("${warmTurns + turns} turns")`);
  const longTasksMs = await page.evaluate<number[]>('longTasks');
  await page.close();
  return { longTasksMs, perSecond, turns };
}

interface Smoothness {
  longTasksMs: number[];
  perSecond: number;
  turns: number;
}

function turnOf(n: number): { tool: string; prompt: string; parameters: object; output: string } {
  return {
    tool: `tool_${n % 7}`,
    prompt: `step ${n}`,
    parameters: { n, of: 'a run' },
    output: 'a line of output '.repeat(8),
  };
}

function startRows({ ours, blank }: { ours: Start[]; blank: Start[] }): Row[] {
  const ms = median(ours.map(({ interactiveMs }) => interactiveMs));
  const bytes = Math.max(...ours.map(({ scriptBytes }) => scriptBytes));
  const blankMs = median(blank.map(({ interactiveMs }) => interactiveMs));
  const measured = { ours, blank };
  return [
    {
      benchmark: 'console first view',
      unit: 'kB',
      value: bytes / 1_000,
      goal: { atMost: 150 },
      detail: 'of script, compressed',
      measured,
    },
    {
      benchmark: 'console interactive',
      unit: 'ms',
      value: ms,
      goal: { atMost: 1_000 },
      detail: 'from a cold start to live figures',
      measured,
    },
    {
      benchmark: 'console interactive, to a blank page',
      value: ratioOf(ours, blank, ({ interactiveMs }) => interactiveMs),
      detail: `${ms.toFixed(0)} ms against ${blankMs.toFixed(0)} ms`,
      measured,
    },
  ];
}

function openingRow(times: number[], turns: number): Row {
  return {
    benchmark: 'console long run',
    unit: 'ms',
    value: median(times),
    goal: { atMost: 500 },
    detail: `to open a run of ${turns} turns, reading it included`,
    measured: { times },
  };
}

function smoothRow({ longTasksMs, perSecond, turns }: Smoothness): Row {
  return {
    benchmark: 'console longest task',
    unit: 'ms',
    // The browser tells of no task under 50 ms.
    value: Math.max(0, ...longTasksMs),
    goal: { atMost: 50 },
    detail: `${longTasksMs.length} over 50 ms while ${turns} turns came, ${perSecond.toFixed(0)} a second`,
    measured: { longTasksMs, perSecond },
  };
}
