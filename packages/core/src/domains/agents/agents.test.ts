// agents.* over the wire: specs and tokens, the life of an agent, who may do what.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { ManagedAgent } from '@car-runtime/protocol';
import { serve, TempFolder, type TestDaemon, programFolder } from '@car-runtime/testkit';

const node = process.execPath;
/** Runs until it is told to end. */
const idle = ['-e', 'setInterval(() => {}, 1000)'];
const root = (daemon: TestDaemon): string => dirname(daemon.state.journalDir);

function managed(entries: readonly object[], id: string): ManagedAgent {
  const found = entries.find((entry) => 'id' in entry && entry.id === id);
  assert.ok(found, `${id} is listed`);
  return found as ManagedAgent;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

// req: agents.upsert, agents.defaults
test('agents.upsert stores a spec with the defaults of the contract, starts nothing and answers no token', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const stored = await client.agents.upsert({ id: 'a.1', name: 'One', command: node });
  assert.deepEqual(stored, {
    id: 'a.1',
    name: 'One',
    command: node,
    args: [],
    env: {},
    restart: 'on_failure',
    max_restarts: 10,
    backoff_secs: 5,
    auto_start: false,
    status: 'stopped',
    pid: null,
    last_exit_code: null,
    restart_count: 0,
    started_at: null,
    attached: false,
  });
  assert.deepEqual(await client.agents.list(), [stored]);
  const file = JSON.parse(readFileSync(join(root(daemon), 'agents.json'), 'utf8')) as { agents: { token: string }[] };
  assert.match(file.agents[0]?.token ?? '', /^[A-Za-z0-9_-]{43}$/);
});

// req: agents.id
test('an id that is no safe file name, or another one on some file systems, is refused and named', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  for (const id of ['', '.', '..', 'a/b', 'a\\b', 'ä', 'a b', 'x'.repeat(129), 'a.supervisor'])
    await assert.rejects(
      client.agents.upsert({ id, name: 'x', command: node }),
      /Invalid params for agents.upsert: id/,
      id,
    );
  await client.agents.upsert({ id: 'Bot', name: 'x', command: node });
  await assert.rejects(
    client.agents.upsert({ id: 'bot', name: 'x', command: node }),
    /"Bot" only in upper and lower case/,
  );
});

// req: agents.command
test('a command that is refused is named with the reason', async () => {
  await using daemon = serve();
  using folder = new TempFolder();
  const client = await daemon.connect();
  const script = folder.join('run.sh');
  writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 });
  const refused: [command: string, why: RegExp][] = [
    ['', /it is empty/],
    ['node', /not an absolute path/],
    ['/usr/bin/../bin/env', /".." segment/],
    [script, /under \/tmp, where anybody may write/],
    ['/tmp/not-there', /under \/tmp/],
    ['/usr/bin', /not a regular file/],
    ['/etc/passwd', /not executable/],
    ['/usr/bin/not-there', /no such file/],
  ];
  for (const [command, why] of refused)
    await assert.rejects(
      client.agents.upsert({ id: 'a', name: 'x', command }),
      (error: Error) => why.test(error.message) && error.message.includes(JSON.stringify(command)),
      command,
    );
  await assert.rejects(client.agents.upsert({ id: 'a', name: 'x' }), /command: it is missing/);
  assert.deepEqual(await client.agents.list(), []);
});

// req: agents.interpreter
test('an interpreter is looked up in PATH once and frozen as the command', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const stored = await client.agents.upsert({ id: 'a', name: 'x', interpreter: 'sh', command: '/nowhere' });
  assert.match(stored.command, /^\/.*\/sh$/);
  assert.ok(!('interpreter' in stored));
  for (const interpreter of ['', '../sh', '/bin/sh', 'no-such-program-anywhere'])
    await assert.rejects(client.agents.upsert({ id: 'b', name: 'x', interpreter }), /interpreter/, interpreter);
});

// req: agents.token
test('a token is minted once, kept by later upserts, and changed by one that names another', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const token = (): string =>
    (JSON.parse(readFileSync(join(root(daemon), 'agents.json'), 'utf8')) as { agents: { token: string }[] }).agents[0]
      ?.token ?? '';
  await client.agents.upsert({ id: 'a', name: 'x', command: node });
  const minted = token();
  const agent = await daemon.peer();
  await agent.result('session.auth', { token: minted, agent_id: 'a' });
  assert.equal(managed(await client.agents.list(), 'a').attached, true);
  await client.agents.upsert({ id: 'a', name: 'y', command: node, token: '' });
  assert.equal(token(), minted);
  await client.agents.upsert({ id: 'a', name: 'y', command: node, token: 'another one' });
  assert.equal(token(), 'another one');
  assert.deepEqual(await agent.closed, { code: 1008, reason: 'agent token withdrawn' });
  const next = await daemon.peer();
  assert.match((await next.error('session.auth', { token: minted, agent_id: 'a' })).message, /token mismatch/);
  await next.result('session.auth', { token: 'another one', agent_id: 'a' });
  await client.agents.remove({ id: 'a' });
  assert.equal((await next.closed).code, 1008);
});

// req: agents.files
test('every file with a token is for its owner alone, whatever its mode was before', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const manifest = join(root(daemon), 'agents.json');
  writeFileSync(manifest, JSON.stringify([{ id: 'old', name: 'Old', command: node, token: 't' }]), { mode: 0o644 });
  assert.equal(managed(await client.agents.list(), 'old').name, 'Old');
  await client.agents.upsert({ id: 'new', name: 'New', command: node });
  const modes = [
    'agents.json',
    'agents.json.lock',
    'agents/old/manifest.toml',
    'agents/new/manifest.toml',
    'agents/new',
    'agents',
  ];
  assert.deepEqual(
    modes.map((name) => (statSync(join(root(daemon), name)).mode & 0o777).toString(8)),
    ['600', '600', '600', '600', '700', '700'],
  );
});

// req: agents.start-stop
test('start runs a process with the credentials of its agent, stop ends it, and both may be repeated', async () => {
  await using daemon = serve();
  using folder = new TempFolder();
  const client = await daemon.connect();
  const seen = folder.join('env.json');
  const script = `require('fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify([process.env, process.cwd()])); setInterval(() => {}, 1000)`;
  process.env['A_SECRET_OF_THE_DAEMON'] = 'x';
  process.env['A_SHARED_SETTING'] = 'y';
  await client.agents.upsert({
    id: 'a',
    name: 'x',
    command: node,
    args: ['-e', script],
    cwd: folder.path,
    env: { OWN: '1' },
    inherit_env: ['A_SHARED_SETTING'],
  });
  const started = await client.agents.start({ id: 'a' });
  assert.equal(started.status, 'running');
  assert.ok(typeof started.pid === 'number' && isAlive(started.pid));
  assert.deepEqual([(await client.agents.start({ id: 'a' })).pid, started.restart_count], [started.pid, 0]);
  while (!existsSync(seen) || readFileSync(seen, 'utf8') === '')
    await new Promise((resolve) => setTimeout(resolve, 10));
  const [env, cwd] = JSON.parse(readFileSync(seen, 'utf8')) as [Record<string, string>, string];
  assert.equal(cwd, folder.path);
  assert.deepEqual(
    [env['CAR_AGENT_ID'], env['OWN'], env['A_SHARED_SETTING'], env['A_SECRET_OF_THE_DAEMON'], env['CAR_AUTH_TOKEN']],
    ['a', '1', 'y', undefined, undefined],
  );
  const agent = await daemon.peer();
  await agent.result('session.auth', { token: env['CAR_AGENT_TOKEN'], agent_id: 'a' });
  const attached = managed(await client.agents.list(), 'a');
  assert.equal(daemon.state.attachedAgents.get('a'), attached.session_id);
  const stopped = await client.agents.stop({ id: 'a' });
  assert.deepEqual([stopped.status, stopped.pid, stopped.last_signal], ['stopped', null, 'SIGTERM']);
  assert.ok(!isAlive(started.pid));
  assert.equal((await client.agents.stop({ id: 'a' })).status, 'stopped');
  const again = await client.agents.restart({ id: 'a' });
  assert.ok(again.status === 'running' && again.pid !== started.pid);
  assert.deepEqual(await client.agents.remove({ id: 'a' }), { removed: true });
  assert.deepEqual(await client.agents.remove({ id: 'a' }), { removed: false });
  assert.ok(!isAlive(again.pid ?? 0));
  assert.ok(!existsSync(join(root(daemon), 'agents', 'a')));
});

// req: agents.daemon-token
test('the daemon token reaches a child only when its spec says so', async () => {
  await using daemon = serve();
  using folder = new TempFolder();
  const client = await daemon.connect();
  const seen = folder.join('token');
  const script = `require('fs').writeFileSync(${JSON.stringify(seen)}, process.env.CAR_AUTH_TOKEN ?? 'none')`;
  const spec = { id: 'a', name: 'x', command: node, args: ['-e', script] };
  for (const [pass_daemon_token, expected] of [
    [false, 'none'],
    [true, daemon.authToken],
  ] as const) {
    await client.agents.upsert({ ...spec, pass_daemon_token });
    await client.agents.start({ id: 'a' });
    await client.agents.wait({ id: 'a', targets: ['stopped'] });
    assert.equal(readFileSync(seen, 'utf8'), expected);
  }
});

// req: agents.unknown
test('methods that name an agent which is not there fail, but remove', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  for (const method of ['agents.start', 'agents.stop', 'agents.restart', 'agents.wait', 'agents.tail_log'])
    await assert.rejects(client.request(method, { id: 'x' }), { message: /agent "x" not found/ }, method);
  assert.deepEqual(await client.agents.remove({ id: 'x' }), { removed: false });
});

// req: agents.wait
test('wait answers at the status it waits for, fails after its time, and when the agent is removed meanwhile', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.agents.upsert({ id: 'a', name: 'x', command: node, args: idle });
  await assert.rejects(client.agents.wait({ id: 'a', timeout_secs: 0.01 }), {
    message: 'WaitTimeout: agent "a" is stopped after 0.01 s, not running',
  });
  const waiting = client.agents.wait({ id: 'a', poll_ms: 1 });
  await client.agents.start({ id: 'a' });
  assert.equal((await waiting).status, 'running');
  const until = client.agents.wait({ id: 'a', targets: ['errored'] });
  await client.agents.remove({ id: 'a' });
  await assert.rejects(until, /agent "a" not found/);
});

// req: agents.health
test('health says of every agent whether its command could still be run', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  using folder = programFolder();
  const script = folder.join('run.sh');
  writeFileSync(script, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  await client.agents.upsert({ id: 'a', name: 'x', command: node });
  await client.agents.upsert({ id: 'b', name: 'x', command: script });
  rmSync(script);
  assert.deepEqual(await client.agents.health(), [
    { id: 'a', command: node, ok: true },
    { id: 'b', command: script, ok: false, reason: 'there is no such file' },
  ]);
});

// req: agents.roles, agents.env-private
test('an agent runs no agents and sees no environment but its own', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.agents.upsert({ id: 'a1', name: 'x', command: node, env: { OWN: 'secret' } });
  await client.agents.upsert({ id: 'other', name: 'x', command: node, env: { KEY: 'secret' } });
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  const list = await agent.agents.list();
  assert.deepEqual([managed(list, 'a1').env, managed(list, 'other').env], [{ OWN: 'secret' }, {}]);
  const calls: [string, object][] = [
    ['agents.upsert', { id: 'x', name: 'x', command: node }],
    ['agents.install', { agent: { id: 'x', name: 'x' }, transport: { kind: 'pure_data' } }],
    ['agents.remove', { id: 'other' }],
    ['agents.start', { id: 'other' }],
    ['agents.stop', { id: 'other' }],
    ['agents.restart', { id: 'a1' }],
    ['agents.drain', {}],
    ['agents.tail_log', { id: 'other' }],
    ['agents.watch_log', { id: 'other' }],
  ];
  for (const [method, params] of calls)
    await assert.rejects(
      agent.request(method, params),
      (error: { data?: { reason?: string } }) => error.data?.reason === 'forbidden',
      method,
    );
  assert.deepEqual((await agent.agents.tail_log({ id: 'a1' })).lines, []);
});

// req: agents.strict-roles
test('under strict roles only a host names commands', async () => {
  await using daemon = serve({ config: { strictRoles: true } });
  const client = await daemon.connect();
  await assert.rejects(client.agents.upsert({ id: 'x', name: 'x', command: node }), /needs the host role/);
  const host = await daemon.connect({ as: 'host' });
  assert.equal((await host.agents.upsert({ id: 'x', name: 'x', command: node })).id, 'x');
});

// req: agents.manifest-broken
test('a manifest that cannot be understood is refused with its place, stays as it is, and stops nothing else', async () => {
  const broken: [name: string, text: string, why: RegExp][] = [
    ['agents.json', '{ torn', /agents\.json: /],
    ['agents.json', '{"agents":[{"id":"a","name":"A"}]}', /agents\.json: .*command/],
    ['agents.json', '[{"id":"../a","name":"A","command":"/bin/sh"}]', /agents\.json: .*id/],
    ['agents.json', '[{"id":"a","name":"A","command":"/bin/sh","comand":1}]', /agents\.json: .*comand/],
    ['agents/a/manifest.toml', 'torn =', /manifest\.toml: /],
    [
      'agents/a/manifest.toml',
      '[agent]\nid = "b"\nname = "B"\n[transport]\nkind = "pure_data"\n',
      /agent\.id is "b", not a/,
    ],
  ];
  for (const [name, text, why] of broken) {
    await using daemon = serve();
    const path = join(root(daemon), name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    const client = await daemon.connect();
    await assert.rejects(client.agents.list(), why, text);
    await assert.rejects(client.agents.upsert({ id: 'x', name: 'X', command: node }), why, text);
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.ok(daemon.state.health.problems.some((problem) => problem.startsWith('agents manifest: ')));
    await client.state.set({ key: 'k', value: 1 });
    rmSync(path);
    assert.deepEqual(await client.agents.list(), [], 'mended without a restart');
  }
});

// req: agents.bounds
test('there is a bound to the agents of a manifest, and to a spec', async () => {
  await using daemon = serve();
  for (let n = 0; n < 1_000; n++) {
    mkdirSync(join(root(daemon), 'agents', `a${n}`), { recursive: true, mode: 0o700 });
    const text = `[agent]\nid = "a${n}"\nname = "A"\n[transport]\nkind = "pure_data"\n`;
    writeFileSync(join(root(daemon), 'agents', `a${n}`, 'manifest.toml'), text, { mode: 0o600 });
  }
  const client = await daemon.connect();
  const spec = { name: 'X', command: node };
  await assert.rejects(client.agents.upsert({ id: 'x', ...spec }), /there are 1000 agents, the limit/);
  await client.agents.remove({ id: 'a0' });
  const env = { BIG: 'x'.repeat(32_768), BIGGER: 'x'.repeat(32_768) };
  await assert.rejects(client.agents.upsert({ id: 'x', ...spec, env }), /its spec takes \d+ bytes, limit 65536/);
  assert.equal((await client.agents.upsert({ id: 'x', ...spec })).id, 'x');
});

// req: agents.precedence
test('the file of an agent wins over the list of all', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.agents.upsert({ id: 'a', name: 'List', command: node });
  await using next = serve();
  const [from, to] = [root(daemon), root(next)];
  cpSync(join(from, 'agents.json'), join(to, 'agents.json'));
  cpSync(join(from, 'agents'), join(to, 'agents'), { recursive: true });
  const path = join(to, 'agents', 'a', 'manifest.toml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"List"', '"Own"'));
  assert.equal(managed(await (await next.connect()).agents.list(), 'a').name, 'Own');
});
