// Pages that are not the console, in a browser that has the console open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openConsole, reboundHost } from './open-console.ts';

/** What a page gets that knows everything of the session but has not its origin. */
async function tryDoors(page: Page, value: string, doors: { sockets: string[]; urls: string[] }) {
  return await page.evaluate(
    `(async () => {
      const socket = (url, protocols) => new Promise((resolve) => {
        const socket = new WebSocket(url, protocols);
        socket.onopen = () => resolve('open');
        socket.onerror = socket.onclose = () => resolve('closed');
      });
      const ask = async (url) => {
        const answer = await fetch(url, { credentials: 'include', headers: { 'car-session': ${JSON.stringify(value)} } }).catch(() => undefined);
        return answer === undefined ? 'refused' : answer.status;
      };
      const { sockets, urls } = ${JSON.stringify(doors)};
      return {
        sockets: await Promise.all(sockets.map((url) => socket(url, ['car.console', 'car.session.' + ${JSON.stringify(value)}]))),
        urls: await Promise.all(urls.map(ask)),
      };
    })()`,
  );
}

// req: transport.console-session, transport.console-page, security.s1-origin-browser
test('a page of another origin gets into the console by no door, and cannot frame it', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, origin, daemon } = opened;
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(`<h1>stranger</h1><iframe src="${origin}"></iframe>`),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const value = String(await page.evaluate(`sessionStorage.getItem('car.session')`));
  const [stranger] = await Promise.all([
    page.waitForEvent('popup'),
    page.evaluate(`void open('http://127.0.0.1:${(server.address() as AddressInfo).port}')`),
  ]);
  await stranger.waitForSelector('h1');
  const doors = {
    sockets: [`${origin.replace('http', 'ws')}/ws`, daemon.server.ws],
    urls: [`${origin}/session`, `${origin}/metrics`, `${origin}/auth-token`],
  };
  assert.deepEqual(await tryDoors(stranger, value, doors), {
    sockets: ['closed', 'closed'],
    urls: ['refused', 'refused', 'refused'],
  });
  const framed = stranger.frames().find((frame) => frame !== stranger.mainFrame());
  assert.equal(await framed?.locator('car-app').count(), 0);
  // The console itself goes on.
  await page.waitForSelector('car-badge[tone=good]:has-text("connected")');
});

// req: transport.host-exact
test('a name that was made to lead to this machine is not the console', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, origin } = opened;
  const value = String(await page.evaluate(`sessionStorage.getItem('car.session')`));
  const rebound = origin.replace('127.0.0.1', reboundHost);
  const answer = await page.goto(rebound);
  assert.equal(answer?.status(), 403);
  assert.equal(await page.locator('car-app').count(), 0);
  // What answered allows its page no requests at all.
  const doors = {
    sockets: [`${rebound.replace('http', 'ws')}/ws`],
    urls: [`${rebound}/session`, `${rebound}/auth-token`],
  };
  assert.deepEqual(await tryDoors(page, value, doors), { sockets: ['closed'], urls: ['refused', 'refused'] });
});
