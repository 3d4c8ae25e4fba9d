// car-server as a process: what it prints, where it writes, how it ends.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { runDaemon, startDaemon } from './daemon-process.ts';
import { openRpc } from './raw-client.ts';
import { takePort } from './taken-port.ts';

const folder = () => mkdtempDisposableSync(join(tmpdir(), 'car-program-'));
/** Makes the program take its standard output for a terminal. */
const onTerminal = `data:text/javascript,${encodeURIComponent('process.stdout.isTTY = true')}`;
const modeOf = (path: string): number => statSync(path).mode & 0o777;

// req: transport.ready-line, transport.sigterm, transport.modes
test('it prints one ready line when all listeners accept, and SIGTERM ends it with 0 and closes clients with 1001', async () => {
  await using daemon = runDaemon({ args: ['--port', '0'] });
  const line = await daemon.firstLine;
  const [, ws = '', http = '', socket = ''] =
    /^car-server ready ws=(ws:\/\/127\.0\.0\.1:\d+) http=(http:\/\/127\.0\.0\.1:\d+) socket=(\S+) state_root=\S+ pid=\d+$/.exec(
      line,
    ) ?? [];
  assert.equal(
    line,
    `car-server ready ws=${ws} http=${http} socket=${daemon.root}/run/car-server.sock state_root=${daemon.root} pid=${daemon.pid}`,
  );
  assert.equal((await fetch(`${http}/livez`)).status, 200);
  for (const [path, mode] of Object.entries({
    run: 0o700,
    'run/daemon.lock': 0o600,
    'run/car-server.sock': 0o600,
    'ai.parslee.car/host-token': 0o600,
    'logs/car-server.log': 0o600,
  })) {
    assert.equal(modeOf(join(daemon.root, path)), mode, path);
  }
  using overTcp = await openRpc(ws);
  using overSocket = await openRpc(`ws+unix:${socket}:/`);
  for (const client of [overTcp, overSocket]) {
    assert.deepEqual((await client.call('session.auth', { token: daemon.token('auth-token') })).result, {
      ok: true,
      auth_enabled: true,
    });
  }
  daemon.kill('SIGTERM');
  assert.deepEqual(await overTcp.closed, { code: 1001, reason: 'shutting down' });
  assert.deepEqual(await overSocket.closed, { code: 1001, reason: 'shutting down' });
  assert.deepEqual(await daemon.exit, { code: 0, signal: null });
  assert.equal(daemon.stdout(), `${line}\n`, 'nothing but the ready line');
  assert.deepEqual(readdirSync(join(daemon.root, 'ai.parslee.car')), []);
  assert.ok(!existsSync(socket));
});

// req: transport.ready-json, transport.second-signal, transport.drain
test('a call that does not end keeps the first SIGTERM waiting, and a second one ends the process at once', async () => {
  await using daemon = await startDaemon();
  const { ready, root, pid } = daemon;
  assert.deepEqual(ready, {
    ready: true,
    ws: ready.ws,
    http: ready.http,
    socket: join(root, 'run', 'car-server.sock'),
    mcp: null,
    pid,
    state_root: root,
  });
  using client = await openRpc(ready.ws);
  await client.call('session.auth', { token: daemon.token('auth-token') });
  await client.call('tools.register', [{ name: 'slow' }]);
  const action = { id: 'a', type: 'tool_call', tool: 'slow', parameters: {} };
  const plan = client.call('proposal.submit', { proposal: { id: 'p', source: 'test', actions: [action] } });
  const ended = assert.rejects(plan, /Connection closed/);
  await client.call('server.status');
  daemon.kill('SIGTERM');
  const readiness = await waitFor(
    () => fetch(`${ready.http}/readyz`),
    ({ status }) => status === 503,
  );
  assert.equal(((await readiness.json()) as { status: string }).status, 'draining');
  const late = await client.call('server.status');
  assert.match(late.error?.message ?? '', /shutting down/);
  daemon.kill('SIGTERM');
  assert.deepEqual(await daemon.exit, { code: 143, signal: null });
  assert.deepEqual(readdirSync(join(root, 'ai.parslee.car')), [], 'the token files are gone all the same');
  await ended;
});

// req: transport.sighup
test('a closed terminal ends the daemon like SIGTERM, and a daemon without one stays', async () => {
  await using daemon = await startDaemon({ env: { NODE_OPTIONS: `--import=${onTerminal}` } });
  using client = await openRpc(daemon.ready.ws);
  daemon.kill('SIGHUP');
  daemon.kill('SIGHUP');
  assert.deepEqual(await client.closed, { code: 1001, reason: 'shutting down' });
  assert.deepEqual(await daemon.exit, { code: 0, signal: null });
  assert.deepEqual(readdirSync(join(daemon.root, 'ai.parslee.car')), []);
  assert.ok(!existsSync(daemon.ready.socket));

  await using detached = await startDaemon();
  detached.kill('SIGHUP');
  await waitFor(
    () => Promise.resolve(detached.stderr()),
    (text) => text.includes('SIGHUP changes nothing'),
  );
  assert.equal((await fetch(`${detached.ready.http}/livez`)).status, 200);
});

// req: transport.secondary
test('a second daemon on one state root is secondary until the first is gone, killed or not', async () => {
  using root = folder();
  await using first = await startDaemon({ root: root.path });
  const firstToken = first.token('auth-token');
  const own = 'q'.repeat(43);
  await using second = await startDaemon({ root: root.path, env: { CAR_AUTH_TOKEN: own } });
  const { port } = new URL(second.ready.ws);
  assert.equal(second.ready.socket, join(root.path, 'run', `car-server-${port}.sock`));
  assert.equal(modeOf(second.ready.socket), 0o600);
  assert.equal(second.token('auth-token'), firstToken, 'the files are the first one’s');
  const line =
    second
      .stderr()
      .split('\n')
      .find((each) => each.includes('secondary')) ?? assert.fail(second.stderr());
  const { socket, token_files } = JSON.parse(line);
  assert.deepEqual({ socket, token_files }, { socket: second.ready.socket, token_files: false });
  assert.ok(existsSync(join(root.path, 'logs', `car-server-${port}.log`)));
  using client = await openRpc(`ws+unix:${second.ready.socket}:/`);
  assert.ok((await client.call('session.auth', { token: own })).result);
  second.kill('SIGTERM');
  assert.equal((await second.exit).code, 0);
  assert.equal(first.token('auth-token'), firstToken, 'and stay when the second one ends');

  first.kill('SIGKILL');
  await first.exit;
  assert.ok(existsSync(first.ready.socket), 'a killed daemon leaves its socket');
  await using third = await startDaemon({ root: root.path });
  assert.equal(third.ready.socket, first.ready.socket, 'which the next one replaces');
  assert.notEqual(third.token('auth-token'), firstToken);
  using again = await openRpc(`ws+unix:${third.ready.socket}:/`);
  assert.ok((await again.call('session.auth', { token: third.token('auth-token') })).result);
});

// req: transport.secondary
test('a second daemon whose port is taken learns that its state root has one already', async () => {
  await using first = await startDaemon();
  const { port } = new URL(first.ready.ws);
  await using second = runDaemon({ args: ['--port', port], root: first.root });
  assert.deepEqual(await second.exit, { code: 1, signal: null });
  assert.match(
    second.stderr(),
    new RegExp(
      `^car-server: Cannot listen on 127\\.0\\.0\\.1:${port}: a car-server already runs for ${first.root}: use it \\(.*car status\\) or stop it \\(.*car stop\\); a separate one needs its own CAR_HOME and --port\n$`,
    ),
  );
});

// req: transport.older-daemon
test('a daemon that takes no lock but answers on the shared socket is respected', async () => {
  using root = folder();
  mkdirSync(join(root.path, 'run'));
  await using older = createServer((socket) => socket.destroy());
  older.listen(join(root.path, 'run', 'car-server.sock'));
  await once(older, 'listening');
  await using daemon = await startDaemon({ root: root.path });
  assert.match(daemon.ready.socket, /car-server-\d+\.sock$/);
  assert.ok(!existsSync(join(root.path, 'ai.parslee.car')));
});

// req: transport.bind-or-none
test('a start that fails says why in one line, leaves nothing behind and ends with 1', async () => {
  using root = folder();
  await using taken = await takePort();
  const { port } = taken;
  await using daemon = runDaemon({ args: ['--port', String(port - 1)], root: root.path });
  assert.deepEqual(await daemon.exit, { code: 1, signal: null });
  const [line = '', ...more] = daemon.stderr().trimEnd().split('\n');
  assert.match(line, new RegExp(`^car-server: Cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use `));
  assert.deepEqual(more, []);
  assert.equal(daemon.stdout(), '');
  assert.deepEqual(readdirSync(root.path), ['run']);
  assert.deepEqual(readdirSync(join(root.path, 'run')), ['daemon.lock']);
});

// req: transport.relative-root, transport.no-auth-loopback
test('settings that cannot be used end it with 2 before it touches anything', async () => {
  using root = folder();
  await using daemon = runDaemon({ env: { CAR_HOME: 'relative/root' }, root: root.path });
  await using open = runDaemon({ args: ['--port', '0', '--no-auth', '--host', '0.0.0.0'], root: root.path });
  assert.deepEqual(await daemon.exit, { code: 2, signal: null });
  assert.equal(daemon.stderr(), 'car-server: CAR_HOME must be an absolute path, not "relative/root"\n');
  assert.deepEqual(await open.exit, { code: 2, signal: null });
  assert.match(open.stderr(), /^car-server: Cannot listen on 0\.0\.0\.0 without authentication: .*\n$/);
  assert.deepEqual(readdirSync(root.path), []);
});

// req: transport.token-file-once, transport.deprecated-flags
test('a token file is read, trimmed and deleted; what has no effect yet is said', async () => {
  using root = folder();
  const path = join(root.path, 'token');
  const token = 'z'.repeat(43);
  writeFileSync(path, `  ${token}\n`, { mode: 0o600 });
  await using daemon = await startDaemon({
    args: ['--auth-token-file', path, '--require-auth', '--mcp-bind', '127.0.0.1:0', '--no-approvals'],
    root: join(root.path, 'home'),
  });
  assert.ok(!existsSync(path));
  assert.equal(daemon.token('auth-token'), token);
  const notes = daemon
    .stderr()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line).msg]));
  assert.deepEqual(notes, [
    '--require-auth is deprecated and has no effect: authentication is always on',
    '--mcp-bind: there is no MCP listener in this version',
    '--no-approvals: high-risk methods run without asking anybody',
    'ready',
  ]);
});

// req: transport.no-auth
test('with --no-auth every client is in, no token exists, and the log says so', async () => {
  await using daemon = await startDaemon({ args: ['--no-auth'] });
  using client = await openRpc(daemon.ready.ws);
  assert.deepEqual((await client.call('session.auth', { token: 'anything' })).result, {
    ok: true,
    auth_enabled: false,
  });
  assert.ok(!existsSync(join(daemon.root, 'ai.parslee.car')));
  assert.equal((await fetch(`${daemon.ready.http}/metrics`)).status, 200);
  assert.match(daemon.stderr(), /authentication is off: every program on this machine has full access/);
});

// req: gate.off
test('--no-approvals and CAR_NO_APPROVALS=1 run high-risk methods without asking; --require-handshake is taken too', async () => {
  for (const how of [
    { args: ['--no-approvals', '--no-auth'] },
    { args: ['--no-auth', '--require-handshake'], env: { CAR_NO_APPROVALS: '1' } },
  ]) {
    await using daemon = await startDaemon(how);
    using client = await openRpc(daemon.ready.ws);
    const sent = await client.call('messages.send', { recipient: 'r', body: 'b' });
    assert.equal((sent.result as { available: boolean }).available, false);
    const subscribed = await client.call('host.subscribe', {});
    assert.equal(subscribed.error?.code, how.env ? -32005 : undefined);
  }
});

test('--version and --print-config answer on standard output and touch nothing', async () => {
  using root = folder();
  const token = join(root.path, 'token');
  writeFileSync(token, 'z'.repeat(43));
  await using help = runDaemon({ args: ['-h'], root: root.path });
  assert.deepEqual(await help.exit, { code: 0, signal: null });
  assert.match(help.stdout(), /^Usage: car-server \[flags\]\n/);
  await using version = runDaemon({ args: ['--version', '--auth-token-file', token], root: root.path });
  await using settings = runDaemon({ args: ['--print-config', '--auth-token-file', token], root: root.path });
  assert.deepEqual(await version.exit, { code: 0, signal: null });
  assert.match(version.stdout(), /^car-server \d+\.\d+\.\d+\n$/);
  assert.deepEqual(await settings.exit, { code: 0, signal: null });
  assert.ok(settings.stdout().includes(`\n# auth_token_file = "${token}"  # --auth-token-file\n`));
  assert.deepEqual(readdirSync(root.path), ['token']);
  assert.equal(readFileSync(token, 'utf8').length, 43);
});

async function waitFor<T>(ask: () => Promise<T>, isDone: (answer: T) => boolean): Promise<T> {
  let answer = await ask();
  while (!isDone(answer)) {
    await nextTurn();
    answer = await ask();
  }
  return answer;
}

// req: budget.file-start
test('budgets that cannot be used keep the daemon from starting, and it says where', async () => {
  using root = folder();
  writeFileSync(join(root.path, 'budgets.toml'), '[[budget]]\nname = "b"\nper = "day"\ntool_call = 3\n');
  await using daemon = runDaemon({ args: ['--port', '0'], root: root.path });
  assert.deepEqual(await daemon.exit, { code: 2, signal: null });
  assert.match(daemon.stderr(), /^car-server: Cannot use the budgets: budgets\.toml:4: budget\.0: .*tool_call/);
});
