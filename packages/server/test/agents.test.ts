// Agents under real daemons: who owns a manifest, what a killed daemon leaves behind, and an agent at work from its start to
// its end.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type Client } from '@car-runtime/client';
import { startDaemon, type DaemonProcess } from './daemon-process.ts';

const node = process.execPath;
/** Leaves a line with its process id at every start, and stays. */
const counting = (file: string): string[] => [
  '-e',
  `require('fs').appendFileSync(${JSON.stringify(file)}, process.pid + '\\n'); setInterval(() => {}, 1000)`,
];

function tempFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'car-agents-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function clientOf(daemon: DaemonProcess): Promise<Client> {
  return connect({ url: daemon.ready.ws, token: daemon.token('auth-token'), reconnect: false, allowUnproven: true });
}

function startsIn(file: string): number[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Ends what a daemon left that its test killed. */
function ending(starts: string): Disposable {
  return {
    [Symbol.dispose]: () => {
      for (const pid of startsIn(starts)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    },
  };
}

async function stop(daemon: DaemonProcess): Promise<void> {
  daemon.kill('SIGTERM');
  await daemon.exit;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function identityOf(daemon: DaemonProcess): Promise<unknown> {
  await using client = await clientOf(daemon);
  const { identity } = await client.host.subscribe();
  return [identity?.manifest_role, identity?.manifest_path];
}

// req: agents.observer, agents.identity, agents.lock-kill
test('of two daemons on one manifest the first owns it and the second observes; after kill -9 the next to start owns it', async () => {
  using folder = tempFolder();
  const manifest = join(folder.path, 'shared.json');
  const starts = join(folder.path, 'starts');
  using _ended = ending(starts);
  const env = { CAR_AGENTS_MANIFEST: manifest };
  const spec = { id: 'a', name: 'A', command: node, args: counting(starts), auto_start: true };
  await using observer = await (async () => {
    await using owner = await startDaemon({ env });
    assert.deepEqual(await identityOf(owner), ['owner', manifest]);
    await using client = await clientOf(owner);
    await client.agents.upsert(spec);
    await client.agents.start({ id: 'a' });
    await until(() => startsIn(starts).length === 1);
    const second = await startDaemon({ env });
    assert.match(second.stderr(), /observe-only: another car-server holds the supervisor lock/);
    assert.deepEqual(await identityOf(second), ['observer', manifest]);
    await using other = await clientOf(second);
    const text = `this car-server is observe-only — another car-server process holds the supervisor lock for ${manifest}. Mutations refuse here; route them to the primary daemon, or stop the other car-server first.`;
    const refused: [string, object][] = [
      ['agents.upsert', { id: 'b', name: 'B', command: node }],
      ['agents.install', { agent: { id: 'b', name: 'B' }, transport: { kind: 'pure_data' } }],
      ['agents.remove', { id: 'a' }],
      ['agents.start', { id: 'a' }],
      ['agents.stop', { id: 'a' }],
      ['agents.restart', { id: 'a' }],
      ['agents.wait', { id: 'a' }],
      ['agents.tail_log', { id: 'a' }],
    ];
    for (const [method, params] of refused)
      await assert.rejects(other.request(method, params), { message: text }, method);
    const [seen] = await other.agents.list();
    assert.deepEqual([seen?.id, seen && 'status' in seen && [seen.status, seen.attached]], ['a', ['stopped', false]]);
    assert.deepEqual(await other.agents.health(), [{ id: 'a', command: node, ok: true }]);
    assert.equal(await other.agents.register_basics(), null);
    owner.kill('SIGKILL');
    await owner.exit;
    return second;
  })();
  assert.deepEqual(await identityOf(observer), ['observer', manifest], 'an observer stays one');
  const [first = 0] = startsIn(starts);
  await using next = await startDaemon({ env });
  assert.deepEqual(await identityOf(next), ['owner', manifest]);
  await until(() => startsIn(starts).length === 2);
  const [, second = 0] = startsIn(starts);
  assert.deepEqual(
    [isAlive(first), isAlive(second)],
    [false, true],
    'the one that was left is gone before the next begins',
  );
  next.kill('SIGTERM');
  assert.equal((await next.exit).code, 0);
  assert.equal(isAlive(second), false, 'no agent outlives its daemon');
});

// req: agents.lock-race
test('of daemons that start at the same instant on one manifest one owns it, and its agents run once', async () => {
  using folder = tempFolder();
  const manifest = join(folder.path, 'agents.json');
  const starts = join(folder.path, 'starts');
  using _ended = ending(starts);
  const spec = { id: 'a', name: 'A', command: node, args: counting(starts), auto_start: true };
  writeFileSync(manifest, JSON.stringify({ agents: [spec] }), { mode: 0o600 });
  const daemons = await Promise.all(
    Array.from({ length: 3 }, () => startDaemon({ env: { CAR_AGENTS_MANIFEST: manifest } })),
  );
  try {
    const roles = (await Promise.all(daemons.map(identityOf))).map((identity) => String((identity as string[])[0]));
    assert.deepEqual(roles.toSorted(), ['observer', 'observer', 'owner']);
    await until(() => startsIn(starts).length > 0);
    assert.equal(startsIn(starts).length, 1);
  } finally {
    await Promise.all(daemons.map((daemon) => daemon[Symbol.asyncDispose]()));
  }
});

// req: agents.lock-kill
test('an agent left by a killed daemon of the same root is ended though nothing but its variables tells whose it is', async () => {
  using folder = tempFolder();
  const root = mkdtempSync(join(tmpdir(), 'car-agents-'));
  const starts = join(folder.path, 'starts');
  using _ended = ending(starts);
  try {
    const killed = await startDaemon({ root });
    await using client = await clientOf(killed);
    await client.agents.upsert({ id: 'a', name: 'A', command: node, args: counting(starts), auto_start: true });
    await client.agents.start({ id: 'a' });
    await until(() => startsIn(starts).length === 1);
    killed.kill('SIGKILL');
    await killed.exit;
    rmSync(join(root, 'run', 'a.supervisor.pid'));
    await using next = await startDaemon({ root });
    await until(() => startsIn(starts).length === 2);
    const [first = 0, second = 0] = startsIn(starts);
    assert.deepEqual([isAlive(first), isAlive(second)], [false, true]);
    assert.ok(next.pid > 0);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

// req: agents.foreign-daemon
test('daemons of one root with manifests of their own never run an agent of one id at the same time', async () => {
  using folder = tempFolder();
  const starts = join(folder.path, 'starts');
  using _ended = ending(starts);
  const spec = { id: 'a', name: 'A', command: node, args: counting(starts) };
  await using first = await startDaemon();
  await using second = await startDaemon({
    root: first.root,
    args: ['--agents-manifest', join(folder.path, 'other.json'), '--auth-token', 'a token of the second daemon'],
  });
  await using client = await clientOf(first);
  await using other = await connect({
    url: second.ready.ws,
    token: 'a token of the second daemon',
    reconnect: false,
    allowUnproven: true,
  });
  for (const each of [client, other]) await each.agents.upsert(spec);
  const { pid } = await client.agents.start({ id: 'a' });
  await until(() => startsIn(starts).length === 1);
  const blocked = await other.agents.start({ id: 'a' });
  assert.deepEqual([blocked.status, blocked.blocked_by_pid], ['backoff', pid]);
  await client.agents.stop({ id: 'a' });
  assert.equal((await other.agents.wait({ id: 'a' })).status, 'running');
  await until(() => startsIn(starts).length === 2);
  await stop(second);
  await stop(first);
});

const worker = (client: string): string => `
import { connect } from ${JSON.stringify(client)};
const { CAR_AGENT_ID: agentId, CAR_AGENT_TOKEN: token, CAR_DAEMON_URL: url } = process.env;
const client = await connect({ url, agentId, token, allowUnproven: true });
const { run_id } = await client.runs.start({ intent: 'say hello' });
await client.registerTool('greet', undefined, () => 'hello');
const result = await client.proposal.submit({ proposal: { actions: [{ type: 'tool_call', tool: 'greet', parameters: {} }] } });
await client.runs.record_turns({ run_id, turns: [{ prompt: 'who?', output: 'me' }] });
await client.runs.complete({ run_id, outcome: { status: 'success', summary: 'said' } });
console.log('run', run_id, result.results[0].status);
setInterval(() => {}, 1000);
`;

// req: agents.end-to-end
test('a supervised agent connects with its token, proposes a plan and records a run that its host reads', async () => {
  using folder = tempFolder();
  await using daemon = await startDaemon();
  await using client = await clientOf(daemon);
  const script = join(folder.path, 'agent.ts');
  writeFileSync(script, worker(import.meta.resolve('@car-runtime/client')));
  await client.agents.upsert({ id: 'worker', name: 'Worker', command: node, args: [script], capabilities: ['chat'] });
  const { pid } = await client.agents.start({ id: 'worker' });
  let line: string | undefined;
  while (line === undefined) {
    const { lines, stderr } = await client.agents.tail_log({ id: 'worker' });
    assert.deepEqual(stderr, []);
    line = lines.find((each) => each.startsWith('run '));
  }
  const [, runId = '', status] = line.split(' ');
  assert.equal(status, 'succeeded');
  await using host = await connect({
    url: daemon.ready.ws,
    hostToken: daemon.token('host-token'),
    reconnect: false,
    allowUnproven: true,
  });
  const trace = await host.runs.get_trace({ run_id: runId });
  assert.ok('records' in trace);
  assert.deepEqual(
    [trace.agent_id, trace.records.map(({ record }) => record)],
    ['worker', ['started', 'turn', 'turn', 'ended']],
  );
  const [listed] = await client.agents.list();
  assert.ok(listed && 'attached' in listed && listed.attached);
  const shown = (await host.host.agents()).find(({ id }) => id === 'worker');
  assert.deepEqual([shown?.status, shown?.pid, shown?.capabilities], ['running', pid, ['chat']]);
  assertNoTokenLeft(daemon.root, [daemon.token('auth-token'), daemon.token('host-token')]);
  await stop(daemon);
  assert.equal(isAlive(pid ?? 0), false);
});

/** Credentials are in the files made for them and nowhere else. */
function assertNoTokenLeft(root: string, tokens: readonly string[]): void {
  const { agents } = JSON.parse(readFileSync(join(root, 'agents.json'), 'utf8')) as { agents: { token: string }[] };
  const all = [...tokens, ...agents.map(({ token }) => token)];
  const mayHold = /^(?:agents\.json|agents\/[^/]+\/manifest\.toml|ai\.parslee\.car\/(?:auth|host)-token)$/;
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const path = join(root, name);
    if (mayHold.test(name) || !isFile(path)) continue;
    const text = readFileSync(path, 'latin1');
    assert.ok(!all.some((token) => text.includes(token)), `${name} holds a token`);
  }
}

function isFile(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false; // a folder or a socket
  }
}
