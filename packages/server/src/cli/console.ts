// Opens the web console: asks the daemon for a link that works once, and hands it to the browser.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { CommandInput } from './command-spec.ts';
import { paint, printJson, printLine, talk } from './terminal.ts';

/** Time the browser has to read the page that leads to the console. */
const readingMs = 5_000;

export async function run({ context, options }: CommandInput): Promise<void> {
  await using client = await context.connect({ role: 'host' });
  const ticket = await client.host.console_ticket();
  if (context.isJson) {
    printJson(ticket, { isRaw: true });
    return;
  }
  const wantsBrowser = !options['print'] && process.stdout.isTTY;
  if (wantsBrowser && (await openInBrowser(ticket.url))) {
    talk(`${paint('green', '✓', process.stderr)} Opened the console in the browser`);
    return;
  }
  printLine(ticket.url);
  if (process.stdout.isTTY) talk('Open this link in a browser of this machine within a minute; it works once.');
}

/** Through a page of ours that only this user can read: the arguments of a program can be read by everybody. */
async function openInBrowser(url: string): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'car-console-'));
  try {
    const page = join(folder, 'open.html');
    writeFileSync(page, `<!doctype html><meta http-equiv="refresh" content="0; url=${url}"><title>CAR</title>`, {
      mode: 0o600,
    });
    const [command, ...args] = openerOf(pathToFileURL(page).href);
    const opener = spawn(command, args, { stdio: 'ignore' });
    const isOpened = await Promise.race([
      once(opener, 'exit').then(([code]) => code === 0),
      once(opener, 'error').then(() => false),
      sleep(readingMs, true),
    ]);
    opener.unref();
    if (isOpened) await sleep(readingMs);
    return isOpened;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openerOf(url: string): [string, ...string[]] {
  if (process.platform === 'darwin') return ['open', url];
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url];
  return ['xdg-open', url];
}
