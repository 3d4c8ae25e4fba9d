// The command line against a real daemon, run as a process of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon, type DaemonProcess } from '../../test/daemon-process.ts';
import { plain, runCar, startCar } from '../../test/run-car.ts';

let daemon: DaemonProcess;
/** A state root without a daemon. */
let empty: string;
/** A port nobody listens on, so that a daemon on the standard one does not disturb. */
const nobody = ['--url', 'ws://127.0.0.1:1'];

before(async () => {
  daemon = await startDaemon();
  empty = mkdtempSync(join(tmpdir(), 'car-cli-'));
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(empty, { recursive: true });
});

const car = (...args: string[]) => runCar(args, { root: daemon.root });

// req: cli.status
test('status of a running daemon: exit 0, for people and as JSON', async () => {
  const { code, stdout, stderr } = await car('status');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    new RegExp(
      `^● running  car-server \\d.*\\n  endpoint +${daemon.ready.socket} \\(unix, as client\\)\\n  process +${daemon.pid}, up `,
    ),
  );
  const asJson = await car('status', '--json');
  const { running, pid, endpoint } = JSON.parse(asJson.stdout) as Record<string, unknown>;
  assert.deepEqual([asJson.code, running, pid, endpoint], [0, true, daemon.pid, daemon.ready.socket]);
  const overTcp = await car('status', '--url', daemon.ready.ws);
  assert.match(overTcp.stdout, /\(tcp, as client\)/);
  const asHost = await car('--role', 'host', 'status');
  assert.match(asHost.stdout, /\(unix, as host\)/);
});

// req: cli.status
test('status without a daemon: exit 3; with one that will not have us: exit 4', async () => {
  const stopped = await runCar(['status', ...nobody], { root: empty });
  assert.equal(stopped.code, 3);
  assert.match(stopped.stdout, /^○ stopped {2}Cannot connect to ws:\/\/127\.0\.0\.1:1\//);
  const asJson = await runCar(['status', '--json', ...nobody], { root: empty });
  assert.deepEqual([asJson.code, (JSON.parse(asJson.stdout) as { running: unknown }).running], [3, false]);
  const refused = await runCar(['status', '--socket', daemon.ready.socket], {
    root: empty,
    env: { CAR_AUTH_TOKEN: 'wrong' },
  });
  assert.equal(refused.code, 4);
  assert.match(refused.stdout, /^○ unknown {2}auth failed: token mismatch/);
  const unproven = await runCar(['status', '--json', '--url', daemon.ready.ws], {
    root: empty,
    env: { CAR_AUTH_TOKEN: 'wrong' },
  });
  assert.deepEqual([unproven.code, (JSON.parse(unproven.stdout) as { running: unknown }).running], [4, null]);
});

// req: cli.status, cli.stop
test('status and stop of something that is no daemon: not stopped, but unknown', async () => {
  const server = createHttpServer((_request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const status = await runCar(['status', '--url', url], { root: empty });
    assert.equal(status.code, 4);
    assert.match(status.stdout, /^○ unknown {2}Cannot connect to .*: Unexpected server response: 404\n$/);
    const stop = await runCar(['stop', '--url', url], { root: empty });
    assert.deepEqual([stop.code, stop.stdout], [1, '']);
    assert.match(stop.stderr, /response: 404\n +Something is there that does not let car in/);
  } finally {
    server.close();
  }
});

// req: cli.call
test('call takes params as an argument, from standard input and from a file', async () => {
  const file = join(empty, 'params.json');
  writeFileSync(file, '{"method":"state.get"}');
  const fromFile = await car('call', 'server.schema', `@${file}`);
  assert.equal(fromFile.code, 0);
  const fromInput = await runCar(['call', 'server.schema', '-'], {
    root: daemon.root,
    input: '{"method":"state.get"}\n',
  });
  const fromArgument = await car('call', 'server.schema', '{"method":"state.get"}');
  assert.equal(fromInput.stdout, fromFile.stdout);
  assert.equal(fromArgument.stdout, fromFile.stdout);
  assert.equal(fromFile.stdout, `${JSON.stringify(JSON.parse(fromFile.stdout))}\n`);
  const without = await car('call', 'state.keys');
  assert.deepEqual([without.code, without.stdout, without.stderr], [0, '[]\n', '']);
});

// req: cli.call
test('an error answer goes to standard error with code and reason, exit 1', async () => {
  const { code, stdout, stderr } = await car('call', 'state.get', '{"key":1}');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^car: Invalid params for state\.get: key: .* \(-32602 invalid_params\)\n$/);
  const asJson = await car('call', 'state.get', '{"key":1}', '--json');
  const { error } = JSON.parse(asJson.stderr) as { error: Record<string, unknown> };
  assert.deepEqual(
    [asJson.code, error['method'], error['code'], error['reason']],
    [1, 'state.get', -32602, 'invalid_params'],
  );
  const mistyped = await car('call', 'state.gett', '{}');
  assert.equal(mistyped.code, 1);
  assert.match(
    mistyped.stderr,
    /^car: unknown method: state\.gett \(-32601 method_not_found\)\n +Did you mean state\.get/,
  );
});

// req: cli.call
test('params that are no JSON object or array, and a file that is not there, are exit 2', async () => {
  for (const [params, message] of [
    ['{bad', /The params are not JSON: /],
    ['1', /Params are an object or an array, not 1/],
    ['"text"', /Params are an object or an array, not "text"/],
    [`@${join('/nowhere', 'params.json')}`, /Cannot read \/nowhere\/params\.json: ENOENT/],
  ] as const) {
    const { code, stderr } = await car('call', 'state.get', params);
    assert.equal(code, 2, params);
    assert.match(stderr, message);
  }
  const timeout = await car('call', 'state.keys', '--timeout', 'soon');
  assert.equal(timeout.code, 2);
});

// req: cli.output
test('on a terminal JSON is indented and coloured, and nothing in it moves the cursor', async () => {
  const value = { text: 'a\u009B31m\u202E\u0007 "q" \\', 'k:ey': [1, true, null, -2.5e3], empty: {} };
  const params = JSON.stringify({ tools: [], policies: [{ name: value.text, rule: 'deny_tool', target: 'x' }] });
  const set = await runCar(['call', 'session.init', params], { root: daemon.root });
  assert.equal(set.code, 0);
  const echo = JSON.stringify({ name: value.text, rule: 'deny_tool', target: 'x' });
  const { stdout } = await runCar(['call', 'policy.register', echo], { root: daemon.root, terminal: ['stdout'] });
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  assert.doesNotMatch(plain(stdout), /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
  assert.equal((JSON.parse(plain(stdout)) as { registered: string }).registered, value.text);
  assert.ok(stdout.startsWith('{\n  \u001B[36m"registered"\u001B[39m: \u001B[32m"'));
  const raw = await runCar(['call', 'policy.register', echo, '--json'], { root: daemon.root, terminal: ['stdout'] });
  assert.match(raw.stdout, /^\{"registered":/);
});

// req: cli.output
test('colour follows the terminal, NO_COLOR and FORCE_COLOR', async () => {
  const hasColour = async (terminal: readonly 'stdout'[], env: Record<string, string>): Promise<boolean> => {
    const { stdout } = await runCar(['status'], { root: daemon.root, env, ...(terminal.length > 0 && { terminal }) });
    return stdout !== plain(stdout);
  };
  assert.equal(await hasColour([], {}), false);
  assert.equal(await hasColour(['stdout'], {}), true);
  assert.equal(await hasColour(['stdout'], { NO_COLOR: '1' }), false);
  assert.equal(await hasColour([], { FORCE_COLOR: '1' }), true);
});

// req: cli.progress
test('what takes more than a second shows that it goes on, on a terminal only', async () => {
  const silent = join(empty, 'silent.sock');
  const server = createServer(() => {}).listen(silent);
  try {
    await using running = startCar(['status', '--socket', silent], { root: empty, terminal: ['stderr'] });
    const shown = await running.until('stderr', (text) => text.includes('asking the daemon'));
    assert.match(plain(shown), /[⠋⠙⠹] asking the daemon 1s/);
  } finally {
    server.close();
  }
  const quick = await runCar(['status'], { root: daemon.root, terminal: ['stderr'] });
  assert.equal(quick.stderr, '');
});

// req: cli.methods
test('methods lists the contract, by part of a name, by pattern, and describes one', async () => {
  const names = async (...args: string[]): Promise<string[]> =>
    (await car('methods', ...args)).stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0] ?? '');
  const all = await names();
  assert.ok(all.includes('session.auth') && all.includes('proposal.submit'));
  assert.deepEqual(all, all.toSorted());
  assert.deepEqual(
    await names('STATE.'),
    all.filter((name) => name.startsWith('state.')),
  );
  assert.deepEqual(
    await names('*.list'),
    all.filter((name) => name.endsWith('.list')),
  );
  const one = await car('methods', 'state.set');
  assert.match(
    one.stdout,
    /^state\.set {2}Store a JSON value[^\n]*\n[^\n]*access session +effect write[^\n]*\n {2}params\n {4}key: string\n {4}value\?: any\n/,
  );
  const status = await car('methods', 'server.status');
  assert.match(status.stdout, /\n {2}params none\n {2}result\n {4}server_version: string\n/);
  assert.match(status.stdout, /\n {4}connection: \{ client_id: string, role: "agent" \| "client" \| "host", /);
  const none = await car('methods', 'zzz');
  assert.deepEqual([none.code, none.stdout, none.stderr], [1, '', 'car: no method matches "zzz"\n']);
  const asJson = JSON.parse((await car('methods', 'state.set', '--json')).stdout) as {
    name: string;
    params: { required: string[] };
  }[];
  assert.deepEqual(
    asJson.map(({ name, params }) => [name, params.required]),
    [['state.set', ['key']]],
  );
});

// req: cli.tools
test('tools lists the tools of a session', async () => {
  const asJson = JSON.parse((await car('tools', '--json')).stdout) as { tools: { name: string }[]; count: number };
  assert.ok(asJson.tools.some(({ name }) => name === 'messaging.send'));
  assert.equal(asJson.count, asJson.tools.length);
  const { stdout } = await car('tools');
  assert.match(stdout, /^messaging\.send\t/m);
  const terminal = await runCar(['tools'], { root: daemon.root, terminal: ['stdout', 'stderr'] });
  assert.match(plain(terminal.stdout), /^TOOL +SOURCE +IDEMPOTENT +DESCRIPTION\nmessaging\.send/);
  for (const line of plain(terminal.stdout).split('\n')) assert.ok(line.length <= 100, line);
});

// req: cli.token-path
test('token path prints where the tokens are, and never a token', async () => {
  const folder = join(daemon.root, 'ai.parslee.car');
  const outputs = [
    await car('token', 'path'),
    await car('token', 'path', 'host'),
    await car('token', 'path', '--json'),
    await runCar(['token', 'path'], { root: daemon.root, terminal: ['stdout'] }),
  ];
  assert.equal(outputs[0]?.stdout, `${join(folder, 'auth-token')}\n${join(folder, 'host-token')}\n`);
  assert.equal(outputs[1]?.stdout, `${join(folder, 'host-token')}\n`);
  assert.deepEqual(JSON.parse(outputs[2]?.stdout ?? ''), {
    daemon: { path: join(folder, 'auth-token'), exists: true },
    host: { path: join(folder, 'host-token'), exists: true },
  });
  const text = outputs.map(({ stdout, stderr }) => stdout + stderr).join('');
  for (const name of ['auth-token', 'host-token'] as const) assert.ok(!text.includes(daemon.token(name)));
  assert.equal((await car('token', 'path', 'other')).code, 2);
});

// req: cli.stop
test('stop ends the daemon and waits until it is gone; without one there is nothing to do', async () => {
  await using own = await startDaemon();
  const { code, stderr } = await runCar(['stop'], { root: own.root });
  assert.deepEqual([code, stderr], [0, `✓ Stopped the daemon (process ${own.pid})\n`]);
  assert.deepEqual(await own.exit, { code: 0, signal: null });
  const again = await runCar(['stop', '--json', ...nobody], { root: own.root });
  assert.deepEqual([again.code, JSON.parse(again.stdout)], [0, { stopped: true, was_running: false }]);
});

// req: cli.stop
test('stop signals no process that a server without proof names', async () => {
  await using own = await startDaemon({ args: ['--no-auth'] });
  const { code, stderr } = await runCar(['stop', '--url', own.ready.ws, '--role', 'none'], { root: empty });
  assert.equal(code, 2);
  assert.match(stderr, /it did not prove that it is one; use its Unix socket/);
  assert.equal((await runCar(['status'], { root: own.root })).code, 0);
});

// req: cli.relative-root
test('a relative CAR_HOME is exit 2 with the value, whatever the command', async () => {
  for (const args of [
    ['status'],
    ['call', 'state.keys'],
    ['methods'],
    ['tools'],
    ['logs'],
    ['token', 'path'],
    ['stop'],
    ['doctor'],
    ['completion', 'bash'],
  ]) {
    const { code, stdout, stderr } = await runCar(args, { root: 'some/where' });
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, /CAR_HOME must be an absolute path, not "some\/where"/);
  }
});

// req: cli.usage
test('what car does not understand is exit 2; help is exit 0 and names every exit status', async () => {
  for (const args of [
    ['nope'],
    ['call'],
    ['status', '--nope'],
    ['status', 'extra'],
    ['token', 'nope'],
    ['status', '--url'],
    ['status', '--role', 'root'],
    ['status', '--url', 'ws://x', '--socket', '/x'],
  ]) {
    const { code, stdout, stderr } = await car(...args);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, /^car: /);
  }
  const help = await car('--help');
  assert.equal(help.code, 0);
  for (const name of ['status', 'call', 'methods', 'tools', 'logs', 'token', 'stop', 'doctor', 'completion']) {
    assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'));
    const own = await car(name, '--help');
    assert.equal(own.code, 0);
    if (name !== 'token') assert.match(own.stdout, /\nExit status:\n {2}0 {2}/);
  }
});

// req: cli.usage
test('help of a command that asks no daemon leaves out how to find one', async () => {
  for (const [args, has] of [
    [['journal', 'verify'], false],
    [['completion'], false],
    [['methods'], false],
    [['call'], true],
    [['plan', 'check'], true],
  ] as const)
    assert.equal((await car(...args, '--help')).stdout.includes('--url'), has, args.join(' '));
  assert.match((await car('call', '--help')).stdout, /session of its own/);
});

// req: cli.usage
test('wrong usage names the help of its command, and the method that was meant', async () => {
  for (const [args, hint] of [
    [['nope'], 'See ".*car --help"'],
    [['call'], 'See ".*car call --help"'],
    [['call', '--nope'], 'See ".*car call --help"'],
    [['call', 'state.get', '{'], 'See ".*car call --help"'],
    [['plan', 'check', 'a', 'b'], 'See ".*car plan check --help"'],
    [['token', 'nope'], 'See ".*car token --help"'],
    [['server.status'], String.raw`Did you mean: .*car call server\.status\?`],
    [['server.statsu'], String.raw`Did you mean: .*car call server\.status\?`],
  ] as const) {
    const { code, stderr } = await car(...args);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^car: [^\n]+\n {5}${hint}\n$`));
  }
  const asJson = await car('call', '--nope', '--json');
  assert.equal((JSON.parse(asJson.stderr) as { error: { kind: string } }).error.kind, 'UsageError');
});

// req: cli.usage
test('an http:// address is told from one that may not be given a token', async () => {
  const http = await car('status', '--url', 'http://127.0.0.1:9101');
  assert.match(http.stderr, /must start with ws:\/\/ or wss:\/\/, not http:\n +The address of a daemon is the ws=/);
  const remote = await car('status', '--url', 'ws://example.org');
  assert.match(remote.stderr, /use wss:\/\/, or give --insecure-remote\n$/);
  assert.deepEqual([http.code, remote.code], [1, 1]);
});

// req: cli.usage
test('a hostile or insecure URL sends nothing and says why', async () => {
  for (const url of ['ws://127.evil.com:1', 'ws://127.0.0.1:1@127.0.0.1:2', 'ws://127.0.0.1:1/?token=x']) {
    const { code, stderr } = await car('call', 'state.keys', '--url', url);
    assert.equal(code, 1);
    assert.match(stderr, /^car: Cannot (connect|send)/);
  }
});

// req: cli.lazy
test('the version is printed without loading a command, a library or the contract', async () => {
  const hook = `import { registerHooks } from 'node:module'; registerHooks({ load: (url, context, next) => (process.stderr.write(url + '\\n'), next(url, context)) });`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
  const { code, stdout, stderr } = await runCar(['--version'], { root: empty, env });
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  assert.deepEqual(
    stderr
      .trim()
      .split('\n')
      .filter((url) => url.startsWith('file:'))
      .map((url) => url.slice(url.lastIndexOf('/'))),
    ['/car.ts'],
  );
});

// req: cli.reader-gone
test('a reader that goes away ends the program quietly', async () => {
  mkdirSync(join(empty, 'logs'), { recursive: true });
  writeFileSync(join(empty, 'logs', 'car-server.log'), `${'x'.repeat(100)}\n`.repeat(50_000));
  const { child, result } = startCar(['logs', '-n', 'all'], { root: empty });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.stdout?.destroy();
  const { code, stderr } = await result;
  assert.deepEqual([code, stderr], [0, '']);
});
