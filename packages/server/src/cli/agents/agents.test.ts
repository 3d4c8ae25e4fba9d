// `car agents` against a real daemon: from nothing to an agent at work, and what is said when it is not.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ManagedAgent } from '@car-runtime/protocol';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { plain, runCar, startCar } from '../../../test/run-car.ts';

const node = process.execPath;
let daemon: DaemonProcess;
let work: string;

before(async () => {
  daemon = await startDaemon();
  work = mkdtempSync(join(tmpdir(), 'car-new-'));
});

after(async () => {
  await daemon.stop();
  rmSync(work, { recursive: true });
});

const car = (...args: string[]) => runCar(args, { root: daemon.root });

async function upsert(id: string, source: string, more: object = {}): Promise<void> {
  const spec = { id, name: id, command: node, args: ['-e', source], ...more };
  const { code, stderr } = await car('call', 'agents.upsert', JSON.stringify(spec));
  assert.deepEqual([code, stderr], [0, '']);
}

async function listed(id: string): Promise<ManagedAgent | undefined> {
  const { stdout } = await car('agents', 'ls', '--json');
  return (JSON.parse(stdout) as { agents: ManagedAgent[] }).agents.find((agent) => agent.id === id);
}

for (const language of ['typescript', 'python'] as const) {
  // req: cli.agents-new
  test(`a new agent in ${language} works as it is: it attaches, runs a plan, and its run is recorded`, async () => {
    const id = `hello-${language}`;
    const folder = join(work, id);
    const made = await car('agents', 'new', id, '--language', language, '--dir', folder, '--start');
    assert.deepEqual([made.code, made.stderr], [0, '']);
    assert.match(made.stdout, new RegExp(`is agent ${id}, running`));
    assert.match(made.stdout, new RegExp(`car agents logs -f ${id} `));
    await using logs = startCar(['agents', 'logs', '-f', id], { root: daemon.root });
    const text = await logs.until('stdout', (printed) => printed.includes('ready\n'));
    assert.equal(text, 'succeeded: Hello, world!\nready\n');
    assert.equal((await listed(id))?.attached, true);
    const runs = await car('runs', 'ls', '--agent', id, '--json');
    const [run] = (JSON.parse(runs.stdout) as { runs: { intent: string; status: string }[] }).runs;
    assert.deepEqual([run?.intent, run?.status], ['say hello', 'completed']);
    const drained = await car('call', 'agents.drain', JSON.stringify({ ids: [id] }));
    const { agents, forced } = JSON.parse(drained.stdout) as { agents: ManagedAgent[]; forced: string[] };
    assert.deepEqual([agents[0]?.last_exit_code, forced], [0, []]);
    const again = await car('agents', 'new', id, '--dir', join(work, 'elsewhere'));
    assert.match(again.stderr, /There is an agent .* already/);
    assert.equal(again.code, 2);
    assert.ok(!existsSync(join(work, 'elsewhere')));
    assert.equal((await car('agents', 'rm', id)).stdout, `removed  ${id}\n`);
    assert.ok(existsSync(folder));
  });
}

// req: cli.agents-new
test('new makes nothing where something is, of a bad id, or without a daemon', async () => {
  writeFileSync(join(work, 'here'), '');
  const rows: [args: string[], why: RegExp][] = [
    [['x', '--dir', work], /not empty/],
    [['a b', '--dir', join(work, 'ab')], /is no id of an agent/],
    [['x', '--language', 'cobol', '--dir', join(work, 'x')], /typescript or python/],
    [['x', '--dir', join(work, 'x'), '--url', 'ws://127.0.0.1:1'], /Cannot connect/],
  ];
  for (const [args, why] of rows) {
    const { code, stderr } = await car('agents', 'new', ...args);
    assert.notEqual(code, 0);
    assert.match(stderr, why);
  }
  assert.ok(!existsSync(join(work, 'x')) && !existsSync(join(work, 'ab')));
});

// req: cli.agents-lifecycle
test('start, stop and restart say what became of the agent, and their exit status does', async () => {
  await upsert('idle', 'setInterval(() => {}, 1000)');
  const started = await car('agents', 'start', 'idle');
  const { pid } = (await listed('idle')) ?? {};
  assert.deepEqual([started.code, started.stdout], [0, `● running  idle, process ${pid}\n`]);
  const restarted = JSON.parse((await car('agents', 'restart', 'idle', '--json')).stdout) as ManagedAgent;
  assert.ok(restarted.status === 'running' && restarted.pid !== pid);
  const stopped = await car('agents', 'stop', 'idle', '--kill');
  assert.deepEqual([stopped.code, stopped.stdout], [0, '● stopped  idle\n']);
  await upsert('broken', '', { cwd: '/not/there', max_restarts: 0 });
  const broken = await car('agents', 'start', 'broken');
  assert.deepEqual([broken.code, broken.stdout], [1, '● errored  broken  cwd "/not/there" is no folder that exists\n']);
  for (const command of ['start', 'stop', 'restart', 'logs']) {
    const unknown = await car('agents', command, 'nobody');
    assert.deepEqual([unknown.code, /agent "nobody" not found/.test(unknown.stderr)], [1, true], command);
  }
  const none = await car('agents', 'rm', 'nobody');
  assert.deepEqual([none.code, none.stderr], [1, 'car: there is no agent nobody\n']);
});

// req: cli.agents-ls
test('ls is a table on a terminal, and rows of tabs in a pipe; nothing in it is obeyed', async () => {
  await upsert('evil', '', { name: 'x\u001B[2J', cwd: '/not/\u001B[31mthere', max_restarts: 0 });
  await car('agents', 'start', 'evil');
  const piped = await car('agents', 'ls');
  const row = piped.stdout.split('\n').find((line) => line.startsWith('evil')) ?? '';
  assert.deepEqual(row.split('\t').slice(0, 4), ['evil', 'errored', 'no', '-']);
  const shown = await runCar(['agents', 'ls'], { root: daemon.root, terminal: ['stdout', 'stderr'] });
  assert.match(plain(shown.stdout), /^AGENT +STATUS +ATTACHED +PID +CPU +MEMORY +RESTARTS +SINCE/);
  assert.ok(!piped.stdout.includes('\u001B') && !plain(shown.stdout).includes('\u001B'));
});

// req: cli.agents-logs
test('logs -f goes on across rotations, and loses and repeats no line', async () => {
  const lines = 60_000;
  const go = join(work, 'go');
  const source = `const fs = require('fs'); fs.writeSync(1, 'waiting\\n'); const timer = setInterval(() => { if (!fs.existsSync(${JSON.stringify(go)})) return; clearInterval(timer); for (let n = 0; n < ${lines}; n++) fs.writeSync(1, String(n).padStart(6, '0') + 'x'.repeat(194) + '\\n'); console.error('to standard error'); setInterval(() => {}, 1000); }, 20)`;
  await upsert('talker', source);
  await car('agents', 'start', 'talker');
  await using logs = startCar(['agents', 'logs', '-f', 'talker', '--stream', 'stdout'], { root: daemon.root });
  await logs.until('stdout', (printed) => printed === 'waiting\n');
  writeFileSync(go, '');
  const text = await logs.until('stdout', (printed) => printed.length >= lines * 201 + 8);
  const numbers = text
    .slice(8)
    .trimEnd()
    .split('\n')
    .map((line) => Number(line.slice(0, 6)));
  assert.deepEqual([numbers.length, numbers.every((number, index) => number === index)], [lines, true]);
  assert.ok(existsSync(join(daemon.root, 'logs', 'talker.stdout.log.1')), 'it was rotated');
  const last = await car('agents', 'logs', 'talker', '-n', '1', '--json');
  assert.deepEqual(
    last.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { stream: string }).stream),
    ['stdout', 'stderr'],
  );
  await car('agents', 'stop', 'talker');
});

// req: cli.agents-install
test('install takes a manifest in TOML or JSON, and says what is missing and what is not signed', async () => {
  const toml = join(work, 'agent.toml');
  writeFileSync(
    toml,
    `[agent]\nid = "packed"\nname = "Packed"\n[transport]\nkind = "external_process"\ncommand = ${JSON.stringify(node)}\nargs = ["-e", "setInterval(() => {}, 1000)"]\nauto_start = true\n[capabilities.optional]\nstorage = ["holographic"]\n`,
  );
  const installed = await car('agents', 'install', toml);
  assert.deepEqual([installed.code, /^● running {2}packed, process \d+\n$/.test(installed.stdout)], [0, true]);
  assert.match(installed.stderr, /storage holographic, which the agent can do without\nsignature: unsigned\n/);
  const json = join(work, 'data.json');
  writeFileSync(json, JSON.stringify({ agent: { id: 'data', name: 'D' }, transport: { kind: 'pure_data' } }));
  assert.equal((await car('agents', 'install', json)).stdout, 'stored  data, which has no process to supervise\n');
  writeFileSync(toml, 'not toml');
  const bad = await car('agents', 'install', toml);
  assert.deepEqual([bad.code, /Cannot read manifest/.test(bad.stderr)], [2, true]);
});
