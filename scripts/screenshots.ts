// `npm run screenshots [-- FOLDER]`: the console as a person sees it, of `npm run quickstart -- --console`. Without a folder it
// renews the few pictures that the README shows (docs/images); with one it writes every view, light, dark and narrow.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Client } from '@car-runtime/client';
import { chromium, type Page } from 'playwright-core';

const root = join(import.meta.dirname, '..');
const quality = 82;
/** For agents to have done something, and plots to have some points. */
const settleMs = 45_000;
const drawMs = 1_500;
/** For an answer to have streamed. */
const answerMs = 8_000;

interface Picture {
  name: string;
  path: string;
  /** In the README. */
  isShown?: boolean;
  prepare?: (page: Page) => Promise<void>;
}

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const folder = process.argv[2];
const show = spawn(process.execPath, [join(root, 'examples', 'quickstart', 'main.ts'), '--console'], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
try {
  const { url, home } = await linkOf(show);
  await using host = await connect({ env: { ...process.env, CAR_HOME: home }, role: 'host' });
  await using browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
  });
  await using context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await using page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector('car-badge[tone=good]:has-text("connected")');
  await sleep(settleMs);
  const pictures = await picturesOf(host);
  if (folder === undefined) await takeShown(page, pictures);
  else await takeAll(page, pictures, folder);
} finally {
  show.kill('SIGTERM');
  await once(show, 'exit');
}

async function linkOf(child: ChildProcess): Promise<{ url: string; home: string }> {
  let printed = '';
  for (;;) {
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    printed += chunk.toString();
    const url = /http\S+#ticket=[\w-]+/.exec(printed)?.[0];
    const home = /state root (\S+)/.exec(printed)?.[1];
    if (url !== undefined && home !== undefined && printed.endsWith('\n')) {
      child.stdout!.resume();
      return { url, home };
    }
  }
}

async function picturesOf(host: Client): Promise<Picture[]> {
  const { runs } = await host.runs.search({ agent_id: 'surveyor', status: 'completed' });
  const [last, before] = runs.map(({ run_id }) => run_id);
  const fact = (await host.memory.query({ query: 'release day', k: 1 }))[0]?.fact_id ?? '';
  return [
    { name: 'now', path: 'now', isShown: true },
    { name: 'approvals', path: 'approvals', isShown: true },
    { name: 'runs', path: 'runs' },
    { name: 'run', path: `run/${last}` },
    { name: 'run-graph', path: `run/${last}`, isShown: true, prepare: showGraph },
    { name: 'compare', path: `run/${last}?against=${before}` },
    { name: 'agents', path: 'agents' },
    { name: 'agent', path: 'agent/surveyor' },
    { name: 'logs', path: 'agent/surveyor/logs' },
    { name: 'chat', path: 'agent/librarian/chat/new', isShown: true, prepare: talk },
    { name: 'memory', path: 'memory' },
    { name: 'fact', path: `memory/${encodeURIComponent(fact)}` },
    { name: 'events', path: 'events' },
    { name: 'rules', path: 'rules' },
    { name: 'metrics', path: 'metrics' },
    { name: 'try', path: 'try/state.set' },
  ];
}

async function takeShown(page: Page, pictures: readonly Picture[]): Promise<void> {
  const images = join(root, 'docs', 'images');
  mkdirSync(images, { recursive: true });
  for (const picture of pictures.filter(({ isShown }) => isShown)) {
    await open(page, picture);
    await take(page, join(images, `${picture.name}.webp`));
  }
}

async function takeAll(page: Page, pictures: readonly Picture[], into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  for (const [look, scheme, width, height] of [
    ['light', 'light', 1280, 800],
    ['dark', 'dark', 1280, 800],
    ['narrow', 'light', 390, 800],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
    for (const picture of pictures) {
      await open(page, picture);
      await page.screenshot({ path: join(into, `${picture.name}-${look}.png`) });
    }
  }
}

async function open(page: Page, { path, prepare }: Picture): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${path}`)}`);
  await sleep(drawMs);
  await prepare?.(page);
}

async function showGraph(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: 'Graph' })
    .or(page.getByRole('tab', { name: 'Graph' }))
    .first()
    .click();
  await sleep(drawMs);
}

/** Says something that calls a tool, then something that asks. */
async function talk(page: Page): Promise<void> {
  for (const prompt of ['Where is backoff explained?', 'note down that the milk is out']) {
    await page.getByRole('textbox', { name: 'Prompt' }).fill(prompt);
    await page.keyboard.press('Enter');
    await sleep(answerMs);
  }
}

/** WebP, which Playwright has no option for. */
async function take(page: Page, file: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality });
  writeFileSync(file, Buffer.from(data, 'base64'));
  await session.detach();
}
