// The daemon in this process: what its listeners answer, and when it refuses to start.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '@car-runtime/core';
import { startServer, type RunningServer, type ServerOptions } from '../src/index.ts';
import { exchange, openRpc, statusOf } from './raw-client.ts';
import { takePort } from './taken-port.ts';

/** A running daemon with a state root of its own. */
async function start(options: Partial<ServerOptions> = {}) {
  const root = mkdtempDisposableSync(join(tmpdir(), 'car-server-'));
  // Whether the console is built is none of these tests' business.
  const consoleFolder = join(root.path, 'no-console');
  const server = await startServer({ stateRoot: root.path, port: 0, consoleFolder, ...options }).catch(
    (error: unknown) => {
      root.remove();
      throw error;
    },
  );
  return {
    server,
    root: root.path,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      root.remove();
    },
  };
}

/** Starts where two neighbouring ports are free. */
async function startOnPair() {
  for (;;) {
    try {
      return await start({ port: randomInt(20_000, 30_000) });
    } catch (error) {
      assert.match(String(error), /the port is in use/);
    }
  }
}

async function get(server: RunningServer, path: string, headers: Record<string, string> = {}) {
  const sent = request(`${server.http}${path}`, { headers, agent: false }).end();
  const [answer] = await once(sent, 'response');
  let body = '';
  for await (const chunk of answer) body += chunk;
  return { status: answer.statusCode as number, headers: answer.headers as Record<string, string | undefined>, body };
}

// req: transport.equivalent
test('TCP and the Unix socket serve the same protocol with the same authentication', async () => {
  await using daemon = await start();
  for (const url of [daemon.server.ws, `ws+unix:${daemon.server.socket}:/`]) {
    using client = await openRpc(url);
    assert.equal((await client.call('session.auth', { token: 'wrong' })).error?.message, 'auth failed: token mismatch');
    assert.equal((await client.call('server.status')).error?.code, -32001);
    assert.equal((await client.closed).code, 1008);
    using again = await openRpc(url);
    assert.deepEqual((await again.call('session.auth', { host_token: daemon.server.tokens?.hostToken })).result, {
      ok: true,
      auth_enabled: true,
      role: 'host',
    });
  }
});

// req: transport.health
test('/livez is alive, /readyz is ready, degraded or gone, and neither says more than it should', async () => {
  await using daemon = await start();
  const { server } = daemon;
  assert.deepEqual((await get(server, '/livez')).body, 'ok\n');
  const ready = await get(server, '/readyz');
  assert.equal(ready.status, 200);
  const { loop_delay_p99_ms, ...rest } = JSON.parse(ready.body);
  assert.equal(typeof loop_delay_p99_ms, 'number');
  assert.deepEqual(rest, { status: 'ready', problems: [] });
  server.state.health.degrade('journals', 'ENOSPC: /home/somebody/secret');
  const degraded = await get(server, '/readyz');
  assert.equal(degraded.status, 503);
  const { status, problems } = JSON.parse(degraded.body);
  assert.deepEqual({ status, problems }, { status: 'degraded', problems: ['journals'] });
  server.state.health.recover('journals');
  assert.equal((await get(server, '/readyz')).status, 200);
});

// req: transport.metrics
test('/metrics needs the daemon or the host token, and its labels come from closed lists', async () => {
  await using daemon = await start();
  const { server } = daemon;
  const { authToken = '', hostToken = '' } = server.tokens ?? {};
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${authToken.slice(1)}`,
    `Basic ${authToken}`,
    authToken,
    `Bearer ${authToken}, x`,
  ];
  for (const authorization of wrong) {
    const refused = await get(server, '/metrics', authorization === '' ? {} : { authorization });
    assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, 'Bearer'], authorization);
  }
  using client = await openRpc(server.ws);
  await client.call('session.auth', { token: authToken });
  await client.call('no.such"method\n');
  for (const token of [authToken, hostToken]) {
    const { status, headers, body } = await get(server, '/metrics', { authorization: `Bearer ${token}` });
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    for (const line of body.trimEnd().split('\n'))
      assert.match(line, /^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(\{[a-z]+="[^"\n]*"\})? [0-9.e+-]+)$/);
    for (const line of [
      'car_sessions 1',
      'car_requests_total{method="session.auth"} 1',
      `car_refused_total{reason="credential"} ${wrong.length}`,
    ]) {
      assert.ok(body.split('\n').includes(line), line);
    }
    assert.ok(!body.includes('no.such'), 'no series for what a client made up');
  }
});

// req: transport.http-headers
test('every HTTP answer is uncachable, unsniffable and runs nothing', async () => {
  await using daemon = await start();
  for (const path of ['/', '/livez', '/readyz', '/metrics', '/auth-token', '/%2e%2e/etc/passwd', '/livez/']) {
    const { headers } = await get(daemon.server, path);
    assert.match(headers['content-security-policy'] ?? '', /^default-src 'none';/, path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['cache-control'], 'no-store', path);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
  }
  const url = daemon.server.http;
  const { host } = new URL(url);
  assert.equal(
    statusOf(await exchange(url, `POST /livez HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\n\r\nx`)),
    405,
  );
  assert.equal(
    statusOf(await exchange(url, `GET http://${host}/livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)),
    200,
  );
  const head = await exchange(url, `HEAD /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  assert.ok(head.endsWith('\r\n\r\n'), 'no body');
});

// req: transport.http-guard
test('every HTTP route is behind the guard', async () => {
  await using daemon = await start({ servesAuthToken: true });
  const url = daemon.server.http;
  const { host } = new URL(url);
  for (const path of ['/', '/livez', '/readyz', '/metrics', '/auth-token', '/nothing']) {
    for (const headers of [
      'Host: evil.tld',
      '',
      `Host: ${host}\r\nHost: ${host}`,
      `Host: ${host}\r\nOrigin: null`,
      `Host: ${host}\r\nOrigin: http://evil.tld`,
    ]) {
      const answer = await exchange(
        url,
        `GET ${path} HTTP/1.1\r\n${headers === '' ? '' : `${headers}\r\n`}Connection: close\r\n\r\n`,
      );
      assert.equal(statusOf(answer), 403, `${path} ${headers}`);
      assert.ok(!answer.includes(daemon.server.tokens?.authToken ?? ''));
    }
  }
});

// req: transport.auth-token-off, transport.auth-token-on
test('/auth-token is not there unless asked for, and then serves only a minted token to a program on this machine', async () => {
  await using off = await start();
  assert.equal((await get(off.server, '/auth-token')).status, 404);
  await using given = await start({ servesAuthToken: true, authToken: 'g'.repeat(43) });
  assert.equal((await get(given.server, '/auth-token')).status, 404, 'a token that was given is never served');
  await using none = await start({ servesAuthToken: true, isAuthRequired: false });
  assert.equal((await get(none.server, '/auth-token')).status, 404);
  await using on = await start({ servesAuthToken: true });
  const { status, headers, body } = await get(on.server, '/auth-token');
  assert.deepEqual([status, headers['content-type'], headers['cache-control']], [200, 'application/json', 'no-store']);
  assert.deepEqual(JSON.parse(body), { token: on.server.tokens?.authToken });
  assert.ok(!body.includes(on.server.tokens?.hostToken ?? ''));
  const refused: Record<string, string>[] = [
    { 'x-forwarded-for': '127.0.0.1' },
    { 'X-Forwarded-Host': 'localhost' },
    { forwarded: 'for=127.0.0.1' },
    { via: '1.1 proxy' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: on.server.ws.replace('ws:', 'http:') },
  ];
  for (const header of refused)
    assert.equal((await get(on.server, '/auth-token', header)).status, 403, JSON.stringify(header));
});

// req: transport.ports
test('HTTP is on the next port and on loopback, whatever the WebSocket is bound to', async () => {
  await using pair = await startOnPair();
  assert.equal(Number(new URL(pair.server.http).port), pair.server.port + 1);
  await using open = await start({ host: '0.0.0.0', allowHosts: ['car.example'] });
  assert.match(open.server.ws, /^ws:\/\/0\.0\.0\.0:\d+$/);
  assert.match(open.server.http, /^http:\/\/127\.0\.0\.1:\d+$/);
  const reachable = open.server.ws.replace('0.0.0.0', '127.0.0.1');
  assert.equal(
    statusOf(await exchange(reachable, 'GET / HTTP/1.1\r\nHost: car.example\r\nConnection: close\r\n\r\n')),
    426,
  );
  assert.equal(
    statusOf(await exchange(reachable, 'GET / HTTP/1.1\r\nHost: 0.0.0.0\r\nConnection: close\r\n\r\n')),
    403,
  );
});

// req: transport.socket-stale, transport.socket-live
test('a dead socket file is replaced; one that answers, or is no socket, is left alone', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'car-socket-'));
  const path = join(root.path, 's');
  const startOnPath = (name: string): Promise<RunningServer> =>
    startServer({ stateRoot: join(root.path, name), port: 0, socketPath: path });
  await using first = await startOnPath('a');
  assert.equal(first.socket, path);
  // Another state root, the same socket by configuration: it is taken, so the other daemon makes one of its own.
  await using second = await startOnPath('b');
  assert.equal(second.socket, join(root.path, `car-server-${second.port}.sock`));
  assert.ok(!second.isPrimary);
  await first[Symbol.asyncDispose]();
  assert.ok(!existsSync(path));
  writeFileSync(path, 'precious');
  await assert.rejects(startOnPath('c'), /a file that is not a socket is in the way/);
  assert.deepEqual(readdirSync(join(root.path, 'c')), ['run']);
});

// req: transport.socket-length
test('a socket path the system cannot take is refused with both lengths', async () => {
  const options = { stateRoot: tmpdir(), port: 0, socketPath: `/tmp/${'s'.repeat(110)}` };
  await assert.rejects(
    startServer(options),
    /Cannot use socket path \/tmp\/s+: 115 bytes, and the system allows 10[37]; /,
  );
});

// req: transport.root-unsafe
test('a state root that others could write to is refused, and so is one that is no folder', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'car-root-'));
  const shared = join(root.path, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o770);
  await assert.rejects(
    startServer({ stateRoot: shared, port: 0 }),
    /Cannot use state root .*: others can write to it \(mode 0770\)/,
  );
  const file = join(root.path, 'file');
  writeFileSync(file, '');
  await assert.rejects(startServer({ stateRoot: file, port: 0 }), /Cannot use state root /);
  await assert.rejects(startServer({ stateRoot: join(file, 'below'), port: 0 }), /Cannot use state root /);
  const taken = join(root.path, 'taken');
  mkdirSync(join(taken, 'run', 'daemon.lock'), { recursive: true, mode: 0o700 });
  await assert.rejects(startServer({ stateRoot: taken, port: 0 }), {
    name: 'StartError',
    message: /^Cannot lock .*daemon\.lock: /,
  });
  const noTokens = join(root.path, 'no-tokens');
  mkdirSync(noTokens, { mode: 0o700 });
  writeFileSync(join(noTokens, 'ai.parslee.car'), '');
  await assert.rejects(startServer({ stateRoot: noTokens, port: 0 }), {
    name: 'StartError',
    message: /^Cannot use folder .*ai\.parslee\.car: /,
  });
  const real = join(root.path, 'real');
  mkdirSync(real, { mode: 0o700 });
  mkdirSync(join(real, 'elsewhere'), { mode: 0o700 });
  symlinkSync(join(real, 'elsewhere'), join(real, 'run'));
  await assert.rejects(startServer({ stateRoot: real, port: 0 }), /it is a symbolic link/);
});

// req: transport.root-mode
test('a new or empty state root gets mode 0700; one in use keeps its mode, with a warning; a link to one is fine', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'car-root-'));
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
  const modeAfter = async (path: string): Promise<number> => {
    await using _server = await startServer({ stateRoot: path, port: 0, logger });
    return statSync(path).mode & 0o777;
  };
  assert.equal(await modeAfter(join(root.path, 'made', 'new')), 0o700);
  const empty = join(root.path, 'empty');
  mkdirSync(empty);
  chmodSync(empty, 0o755);
  assert.equal(await modeAfter(empty), 0o700);
  assert.deepEqual(warnings, []);
  chmodSync(empty, 0o755);
  const link = join(root.path, 'link');
  symlinkSync(empty, link);
  assert.equal(await modeAfter(link), 0o755);
  assert.deepEqual(warnings, ['others can look into the state root; "chmod 700" keeps them out']);
});

// req: transport.bind-or-none-listeners
test('when one listener cannot be had the others are closed again', async () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'car-bind-'));
  await using taken = await takePort();
  const options = { stateRoot: root.path, port: taken.port - 1 };
  await assert.rejects(startServer(options), new RegExp(`127\\.0\\.0\\.1:${taken.port}: the port is in use`));
  // The WebSocket port was bound and is free again, and so is the lock.
  await using probe = createServer().listen(taken.port - 1, '127.0.0.1');
  await once(probe, 'listening');
  await using again = await startServer({ stateRoot: root.path, port: 0 });
  assert.ok(again.isPrimary);
});
