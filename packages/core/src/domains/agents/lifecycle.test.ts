// The life of an agent, with real processes: however it ends, it ends in the state of the contract, and nothing of it is
// left that would run beside its successor.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { ManagedAgent } from '@car-runtime/protocol';
import type { Client } from '@car-runtime/client';
import { serve, TempFolder, type DaemonOptions, type TestDaemon, programFolder } from '@car-runtime/testkit';

const node = process.execPath;
const idle = 'setInterval(() => {}, 1000)';
const js = (source: string): string[] => ['-e', source];
const root = (daemon: TestDaemon): string => dirname(daemon.state.journalDir);
const quick = { config: { agentStopGraceMs: 300 } } satisfies DaemonOptions;
/** So that a backoff is over soon. */
const soon = { backoff_secs: 0.001 };

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A dead process whose parent has not collected it yet can still be signalled.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function agent(client: Client, source: string, more: object = {}): Promise<ManagedAgent> {
  await client.agents.upsert({ id: 'a', name: 'A', command: node, args: js(source), ...soon, ...more });
  return await client.agents.start({ id: 'a' });
}

function one(client: Client): Promise<ManagedAgent> {
  return client.agents.list().then(([first]) => first as ManagedAgent);
}

// req: agents.exit-table
test('an agent that ends gets the state that its policy and its exit say', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const rows: [restart: 'never' | 'on_failure', source: string, expected: object][] = [
    ['never', '', { status: 'stopped', last_exit_code: 0, restart_count: 0 }],
    ['on_failure', '', { status: 'stopped', last_exit_code: 0, restart_count: 0 }],
    [
      'never',
      'process.exit(3)',
      { status: 'stopped', last_exit_code: 3, restart_count: 0, last_error: 'exited with 3' },
    ],
    [
      'never',
      'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000)',
      {
        status: 'stopped',
        last_exit_code: null,
        restart_count: 0,
        last_signal: 'SIGKILL',
        last_error: 'ended by SIGKILL',
      },
    ],
  ];
  for (const [restart, source, expected] of rows) {
    await agent(client, source, { restart });
    const ended = await client.agents.wait({ id: 'a', targets: ['stopped', 'backoff', 'errored'] });
    const { status, last_exit_code, restart_count, last_signal, last_error } = ended;
    assert.deepEqual(
      JSON.parse(JSON.stringify({ status, last_exit_code, restart_count, last_signal, last_error })),
      expected,
      `${restart}: ${source}`,
    );
  }
});

// req: agents.crash-loop
test('a crash loop ends as errored after so many restarts, each with a longer pause before', async () => {
  await using daemon = serve(quick);
  using folder = new TempFolder();
  const client = await daemon.connect();
  const starts = folder.join('starts');
  await agent(client, `require('fs').appendFileSync(${JSON.stringify(starts)}, 'x'); process.exit(1)`, {
    max_restarts: 2,
  });
  const ended = await client.agents.wait({ id: 'a', targets: ['errored'] });
  assert.deepEqual([ended.restart_count, ended.last_exit_code, ended.last_error], [2, 1, 'exited with 1']);
  assert.equal(readFileSync(starts, 'utf8'), 'xxx');
  const again = await client.agents.start({ id: 'a' });
  assert.equal(again.restart_count, 0);
  assert.equal((await client.agents.stop({ id: 'a' })).status, 'stopped');
});

// req: agents.always
test('under always every exit is followed by a start, one by a signal and one with 0 too', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  await agent(client, '', { restart: 'always', max_restarts: 1 });
  assert.equal((await client.agents.wait({ id: 'a', targets: ['errored'] })).last_exit_code, 0);
});

// req: agents.stop-backoff
test('a stop in a backoff ends it, and nothing is started after', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  await agent(client, 'process.exit(1)', { backoff_secs: 60 });
  const waiting = await client.agents.wait({ id: 'a', targets: ['backoff'] });
  assert.ok((waiting.retry_at ?? 0) > Date.now() / 1_000 + 30);
  const stopped = await client.agents.stop({ id: 'a' });
  assert.deepEqual([stopped.status, stopped.retry_at], ['stopped', undefined]);
});

// req: agents.spawn-failure
test('a command that is gone or no longer executable, and a cwd that is gone, are failures that say so', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  using programs = programFolder();
  const folder = programs.join('own');
  mkdirSync(folder);
  try {
    const script = join(folder, 'run.sh');
    writeFileSync(script, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const spec = { id: 'a', name: 'A', command: script, max_restarts: 0 };
    await client.agents.upsert(spec);
    chmodSync(script, 0o644);
    assert.match((await client.agents.start({ id: 'a' })).last_error ?? '', /is not executable/);
    rmSync(script);
    const gone = await client.agents.start({ id: 'a' });
    assert.deepEqual([gone.status, gone.last_error], ['errored', `command "${script}" does not exist`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const lost = await agent(client, '', { cwd: join(folder, 'work'), max_restarts: 0 });
  assert.deepEqual(
    [lost.status, lost.last_error],
    ['errored', `cwd "${join(folder, 'work')}" is no folder that exists`],
  );
  const patient = await agent(client, '', { cwd: join(folder, 'work'), max_restarts: 1, backoff_secs: 60 });
  assert.deepEqual([patient.status, patient.restart_count], ['backoff', 1]);
});

// req: agents.digest
test('a command with a digest is not started once it has been replaced', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  using programs = programFolder();
  const folder = programs.join('own');
  mkdirSync(folder);
  try {
    const script = join(folder, 'run.sh');
    writeFileSync(script, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const sha256 = createHash('sha256').update(readFileSync(script)).digest('hex');
    await client.agents.upsert({ id: 'a', name: 'A', command: script, sha256, max_restarts: 0 });
    await client.agents.start({ id: 'a' });
    assert.equal((await client.agents.wait({ id: 'a', targets: ['stopped', 'errored'] })).status, 'stopped');
    writeFileSync(script, '#!/bin/sh\nexit 1\n');
    const refused = await client.agents.start({ id: 'a' });
    assert.deepEqual(
      [refused.status, refused.last_error?.slice(0, 60)],
      ['errored', `command "${script}" has changed: its SHA-256`.slice(0, 60)],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

// req: agents.hang
test('an agent that ignores SIGTERM is killed after the grace period, and at once by a stop that says so', async () => {
  await using daemon = serve(quick);
  using folder = new TempFolder();
  const client = await daemon.connect();
  const ready = folder.join('ready');
  const deaf = `process.on('SIGTERM', () => {}); require('fs').writeFileSync(${JSON.stringify(ready)}, ''); ${idle}`;
  const started = await agent(client, deaf);
  await until(() => existsSync(ready));
  const stopped = await client.agents.stop({ id: 'a' });
  assert.deepEqual([stopped.status, stopped.last_signal, isAlive(started.pid ?? 0)], ['stopped', 'SIGKILL', false]);
  rmSync(ready);
  await client.agents.start({ id: 'a' });
  await until(() => existsSync(ready));
  assert.equal((await client.agents.stop({ id: 'a', signal: 'kill' })).last_signal, 'SIGKILL');
});

// req: agents.group
test('what an agent started itself ends with it: on a stop, and when the agent alone dies', async () => {
  await using daemon = serve(quick);
  using folder = new TempFolder();
  const client = await daemon.connect();
  const pidFile = folder.join('grandchild');
  const parent = `const child = require('child_process').spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); require('fs').writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000)", ${JSON.stringify(pidFile)}], { stdio: 'inherit' }); process.on('SIGTERM', () => process.exit(0));`;
  const grandchild = async (): Promise<number> => {
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    rmSync(pidFile);
    return pid;
  };
  await agent(client, parent, { restart: 'never' });
  const first = await grandchild();
  assert.equal((await client.agents.stop({ id: 'a' })).last_exit_code, 0);
  assert.ok(!isAlive(first));
  const { pid = 0 } = await client.agents.start({ id: 'a' });
  const second = await grandchild();
  process.kill(pid ?? 0, 'SIGKILL');
  assert.equal((await client.agents.wait({ id: 'a', targets: ['stopped'] })).last_signal, 'SIGKILL');
  assert.ok(!isAlive(second));
});

// req: agents.strays
test('what an agent started in a session of its own ends with it too, and what is somebody else’s does not', async () => {
  await using daemon = serve(quick);
  using folder = new TempFolder();
  const client = await daemon.connect();
  const [file, ready] = [folder.join('stray'), folder.join('ready')];
  const stray = `echo $$ > '${file}'; trap '' TERM; touch '${ready}'; while :; do sleep 600; done`;
  const source = `require('child_process').spawn('setsid', ['sh', '-c', ${JSON.stringify(stray)}], { stdio: 'ignore' }); setInterval(() => {}, 1000)`;
  await agent(client, source, { restart: 'never' });
  await until(() => existsSync(ready));
  const pid = Number(readFileSync(file, 'utf8'));
  const bystander = spawn('sleep', ['600'], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], CAR_AGENT_ID: 'a', CAR_AGENT_TOKEN: 'another' },
  });
  await once(bystander, 'spawn');
  await client.agents.stop({ id: 'a' });
  assert.ok(!isAlive(pid));
  assert.equal(bystander.exitCode ?? bystander.signalCode, null);
  bystander.kill('SIGKILL');
});

// req: agents.foreign
test('somebody else who runs the agent blocks its start, and it is started once they are gone', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const other = spawn(node, js(idle), { stdio: 'ignore' });
  try {
    mkdirSync(join(root(daemon), 'run'), { recursive: true });
    writeFileSync(join(root(daemon), 'run', 'a.pid'), `${other.pid}\n`);
    const blocked = await agent(client, idle);
    assert.deepEqual([blocked.status, blocked.blocked_by_pid, blocked.restart_count], ['backoff', other.pid, 0]);
    other.kill('SIGKILL');
    await once(other, 'exit');
    const running = await client.agents.wait({ id: 'a' });
    assert.deepEqual([running.status, running.blocked_by_pid], ['running', undefined]);
  } finally {
    other.kill('SIGKILL');
  }
});

// req: agents.foreign-pid-reuse
test('a process that only has the id of one that ended long ago blocks nothing', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const other = spawn(node, js(idle), { stdio: 'ignore' });
  try {
    const run = join(root(daemon), 'run');
    mkdirSync(run, { recursive: true });
    const file = join(run, 'a.pid');
    writeFileSync(file, `${other.pid}\n`);
    const longAgo = Date.now() / 1_000 - 3_600;
    utimesSync(file, longAgo, longAgo);
    const record = { identity: 'another-boot:1', supervisor: { pid: 1, identity: 'x' }, manifest: '/elsewhere' };
    writeFileSync(join(run, 'a.supervisor.pid'), `${other.pid}\n${JSON.stringify(record)}\n`);
    assert.equal((await agent(client, idle)).status, 'running');
  } finally {
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
});

// req: agents.concurrent
test('starts, stops and restarts at the same time leave one process or none', async () => {
  await using daemon = serve(quick);
  using folder = new TempFolder();
  const client = await daemon.connect();
  const pids = folder.join('pids');
  await client.agents.upsert({
    id: 'a',
    name: 'A',
    command: node,
    args: js(`require('fs').appendFileSync(${JSON.stringify(pids)}, process.pid + ' '); ${idle}`),
  });
  const calls = ['start', 'restart', 'stop', 'start', 'restart', 'start', 'stop', 'restart', 'start'] as const;
  await Promise.all(calls.map((name) => client.agents[name]({ id: 'a' })));
  const { pid } = await one(client);
  const alive = (existsSync(pids) ? readFileSync(pids, 'utf8') : '')
    .split(' ')
    .map(Number)
    .filter((each) => each > 0 && isAlive(each));
  assert.ok(
    alive.every((each) => each === pid),
    `${alive.join()} and the daemon says ${pid}`,
  );
});

// req: agents.reupsert-running
test('a running agent keeps the spec it was started with until it is restarted', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const first = await agent(client, idle);
  const second = await client.agents.upsert({ id: 'a', name: 'B', command: node, args: js(`${idle};1`) });
  assert.deepEqual([second.name, second.pid, second.status], ['B', first.pid, 'running']);
  assert.notEqual((await client.agents.restart({ id: 'a' })).pid, first.pid);
});

// req: agents.disposed
test('no process of an agent outlives its daemon', async () => {
  const daemon = serve(quick);
  const client = await daemon.connect();
  const { pid } = await agent(client, `process.on('SIGTERM', () => {}); ${idle}`);
  await daemon[Symbol.asyncDispose]();
  assert.ok(!isAlive(pid ?? 0));
});
