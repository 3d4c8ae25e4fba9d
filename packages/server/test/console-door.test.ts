// The door of the web console, from a browser's side: what lets it in, and everything that does not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '@car-runtime/client';
import { TempFolder } from '@car-runtime/testkit';
import { startServer, type RunningServer, type ServerOptions } from '../src/index.ts';
import { ConsoleSessions } from '../src/console/console-sessions.ts';
import { exchange, statusOf, upgradeRequest } from './raw-client.ts';

async function start(options: Partial<ServerOptions> = {}) {
  const folder = new TempFolder();
  const consoleFolder = join(folder.path, 'built');
  mkdirSync(join(consoleFolder, 'assets'), { recursive: true });
  writeFileSync(join(consoleFolder, 'index.html'), '<!doctype html><title>CAR</title>');
  writeFileSync(join(consoleFolder, 'assets', 'app-1234.js'), 'export {};');
  const stateRoot = join(folder.path, 'root');
  const server = await startServer({ stateRoot, port: 0, consoleFolder, ...options });
  return {
    server,
    stateRoot,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

async function newTicket(server: RunningServer): Promise<string> {
  await using host = await connect({
    url: server.ws,
    hostToken: server.tokens?.hostToken ?? '',
    allowUnproven: true,
    reconnect: false,
  });
  const { url, expires_at } = await host.host.console_ticket();
  const [, origin, ticket] = /^(.+)\/#ticket=([\w-]{32})$/.exec(url) ?? [];
  assert.equal(origin, server.http);
  const lifeMs = Date.parse(expires_at) - Date.now();
  assert.ok(lifeMs > 0 && lifeMs <= 60_000, `${lifeMs}`);
  return ticket as string;
}

function post(server: RunningServer, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.http}/session`, {
    method: 'POST',
    body,
    headers: { origin: server.http, 'content-type': 'application/json', ...headers },
  });
}

interface Session {
  cookie: string;
  value: string;
}

async function openSession(server: RunningServer): Promise<Session> {
  const answer = await post(server, JSON.stringify({ ticket: await newTicket(server) }));
  assert.equal(answer.status, 200);
  const cookie = answer.headers.get('set-cookie') ?? '';
  assert.match(cookie, /^car_console_\d+=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict; Expires=/);
  const { value } = (await answer.json()) as { value: string };
  assert.match(value, /^[\w-]{32}$/);
  return { cookie: cookie.split(';', 1)[0] as string, value };
}

function upgradeWith(server: RunningServer, headers: Record<string, string | undefined>): Promise<string> {
  return exchange(server.http, upgradeRequest(server.http, headers, '/ws'));
}

function headersOf(server: RunningServer, { cookie, value }: Session): Record<string, string> {
  return { Origin: server.http, Cookie: cookie, 'Sec-WebSocket-Protocol': `car.console, car.session.${value}` };
}

// req: transport.console-session
test('a ticket becomes a cookie and a value once, and together they are a host', async () => {
  await using daemon = await start();
  const { server } = daemon;
  const ticket = await newTicket(server);
  const first = await post(server, JSON.stringify({ ticket }));
  assert.equal(first.status, 200);
  const again = await post(server, JSON.stringify({ ticket }));
  assert.deepEqual([again.status, ((await again.json()) as { reason: string }).reason], [403, 'ticket']);
  const session = await openSession(server);
  const socket = new WebSocket(`${server.http.replace('http', 'ws')}/ws`, {
    protocols: ['car.console', `car.session.${session.value}`],
    headers: { origin: server.http, cookie: session.cookie },
  });
  await once(socket, 'open');
  assert.equal(socket.protocol, 'car.console', 'the value is not sent back');
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server.status', params: {} }));
  const [{ data }] = (await once(socket, 'message')) as [MessageEvent];
  assert.equal(JSON.parse(data).result.connection.role, 'host');
  socket.close();
});

// req: transport.console-session
test('without the exact Origin, the cookie and the value there is no upgrade', async () => {
  await using daemon = await start();
  const { server } = daemon;
  const session = await openSession(server);
  const good = headersOf(server, session);
  const other = await openSession(server);
  const cases: [string, Record<string, string | undefined>, number][] = [
    ['no Origin', { ...good, Origin: undefined }, 403],
    ['another origin', { ...good, Origin: 'http://evil.example' }, 403],
    [
      'the origin of the other name of this host',
      { ...good, Origin: server.http.replace('127.0.0.1', 'localhost') },
      403,
    ],
    ['null', { ...good, Origin: 'null' }, 403],
    ['a rebound name', { ...good, Host: 'evil.example' }, 403],
    ['through a proxy', { ...good, 'X-Forwarded-For': '10.0.0.1' }, 403],
    ['a page of another site', { ...good, 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['no cookie', { ...good, Cookie: undefined }, 401],
    ['no value', { ...good, 'Sec-WebSocket-Protocol': 'car.console' }, 401],
    [
      'the value as the subprotocol to answer with',
      { ...good, 'Sec-WebSocket-Protocol': `car.session.${session.value}` },
      401,
    ],
    ["another session's value", { ...good, 'Sec-WebSocket-Protocol': `car.console, car.session.${other.value}` }, 401],
    ["another session's cookie", { ...good, Cookie: other.cookie }, 401],
    ['a cookie of another port', { ...good, Cookie: session.cookie.replace(/_\d+=/, '_1=') }, 401],
  ];
  for (const [name, headers, status] of cases) assert.equal(statusOf(await upgradeWith(server, headers)), status, name);
  const elsewhere = await exchange(server.http, upgradeRequest(server.http, good, '/other'));
  assert.equal(statusOf(elsewhere), 404);
});

// req: transport.console-session
test('only the console itself exchanges tickets, in a small JSON body', async () => {
  await using daemon = await start({ allowOrigins: ['http://friend.example'] });
  const { server } = daemon;
  const ticket = await newTicket(server);
  const body = JSON.stringify({ ticket });
  const refused: [string, Promise<Response>, number][] = [
    ['an allowed origin of the WebSocket port', post(server, body, { origin: 'http://friend.example' }), 403],
    ['a foreign origin', post(server, body, { origin: 'http://evil.example' }), 403],
    ['a form', post(server, body, { 'content-type': 'text/plain' }), 415],
    ['not JSON', post(server, '{'), 400],
    ['no ticket', post(server, '{"ticket":7}'), 400],
    ['a list', post(server, '[]'), 400],
    ['too much', post(server, JSON.stringify({ ticket, more: 'x'.repeat(2_000) })), 400],
    ['a guess', post(server, '{"ticket":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}'), 403],
  ];
  for (const [name, answer, status] of refused) assert.equal((await answer).status, status, name);
  assert.equal((await post(server, body)).status, 200, 'none of that used the ticket up');
  const put = await fetch(`${server.http}/session`, { method: 'PUT', headers: { origin: server.http } });
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, POST, DELETE']);
});

// req: transport.console-session
test('a session outlives the daemon, is stored as digests only, and ends when the page signs out', async () => {
  await using daemon = await start();
  const session = await openSession(daemon.server);
  const path = join(daemon.stateRoot, 'console-sessions.json');
  const stored = readFileSync(path, 'utf8');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  for (const secret of [session.value, session.cookie.split('=')[1] as string]) assert.ok(!stored.includes(secret));
  const port = new URL(daemon.server.http).port;
  const ask = async (): Promise<unknown> => {
    const headers = { origin: daemon.server.http, cookie: session.cookie, 'car-session': session.value };
    return await (await fetch(`${daemon.server.http}/session`, { headers })).json();
  };
  assert.deepEqual(await ask(), { open: true });
  const reopened = new ConsoleSessions(daemon.stateRoot);
  assert.equal(reopened.isOpen(session.cookie.replace(`car_console_${port}=`, ''), session.value), true);
  const gone = await fetch(`${daemon.server.http}/session`, {
    method: 'DELETE',
    headers: { origin: daemon.server.http, cookie: session.cookie },
  });
  assert.equal(gone.status, 200);
  assert.deepEqual(await ask(), { open: false });
  assert.equal(
    new ConsoleSessions(daemon.stateRoot).isOpen(session.cookie.split('=')[1] as string, session.value),
    false,
  );
});

// req: transport.console-session
test('tickets and sessions are bounded, and end when their time is over', () => {
  using folder = new TempFolder();
  let now = 1_000_000;
  const sessions = new ConsoleSessions(folder.path, () => now);
  const first = sessions.mintTicket().ticket;
  for (let index = 0; index < 64; index++) sessions.mintTicket();
  assert.equal(sessions.exchange(first), undefined, 'the 65th voids the oldest');
  const late = sessions.mintTicket().ticket;
  now += 60_000;
  assert.equal(sessions.exchange(late), undefined);
  const open = Array.from({ length: 65 }, () => {
    const credentials = sessions.exchange(sessions.mintTicket().ticket);
    assert.ok(credentials);
    return credentials;
  });
  const isOpen = open.map(({ cookie, value }) => sessions.isOpen(cookie, value));
  assert.deepEqual([isOpen[0], isOpen.slice(1).every(Boolean)], [false, true]);
  now += 12 * 60 * 60 * 1000;
  assert.ok(open.every(({ cookie, value }) => !sessions.isOpen(cookie, value)));
  for (const text of ['', '{', '{}', '[1,null,{"cookie_sha256":1}]']) {
    writeFileSync(join(folder.path, 'console-sessions.json'), text);
    assert.equal(new ConsoleSessions(folder.path).isOpen('', ''), false, text);
  }
});

// req: transport.console-page
test('the page and its files are served with a strict policy, and nothing outside its folder', async () => {
  await using daemon = await start();
  const { server } = daemon;
  const page = await fetch(`${server.http}/`);
  assert.equal(await page.text(), '<!doctype html><title>CAR</title>');
  assert.equal(
    page.headers.get('content-security-policy'),
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  assert.deepEqual(
    ['content-type', 'cache-control', 'x-content-type-options'].map((name) => page.headers.get(name)),
    ['text/html; charset=utf-8', 'no-cache', 'nosniff'],
  );
  const script = await fetch(`${server.http}/assets/app-1234.js`);
  assert.deepEqual(
    [script.headers.get('content-type'), script.headers.get('cache-control')],
    ['text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
  );
  for (const path of [
    '/../root/ai.parslee.car/host-token',
    '/assets/..%2f..%2froot',
    '/assets/',
    '/%2e%2e/root',
    '//',
  ]) {
    const answer = await exchange(server.http, `GET ${path} HTTP/1.1\r\nHost: ${new URL(server.http).host}\r\n\r\n`);
    assert.equal(statusOf(answer), 404, path);
  }
});

test('without a build the root says what this is', async () => {
  await using daemon = await start({ consoleFolder: '/nonexistent' });
  assert.match(await (await fetch(`${daemon.server.http}/`)).text(), /^car-server .+npm run build:console/s);
});

// req: transport.console-metrics
test('the page reads the metrics with cookie and value, and not with one of them or from elsewhere', async () => {
  await using daemon = await start();
  const { server } = daemon;
  const { cookie, value } = await openSession(server);
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${server.http}/metrics`, { headers })).status;
  const whole = { origin: server.http, cookie, 'car-session': value };
  const answer = await fetch(`${server.http}/metrics`, { headers: whole });
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /^car_sessions \d/m);
  assert.equal(await status({ origin: server.http, cookie }), 401);
  assert.equal(await status({ origin: server.http, 'car-session': value }), 401);
  assert.equal(await status({ cookie, 'car-session': value }), 401);
  assert.equal(await status({ ...whole, 'sec-fetch-site': 'cross-site' }), 401);
  assert.equal(await status({ ...whole, origin: 'http://evil.example' }), 403);
});
