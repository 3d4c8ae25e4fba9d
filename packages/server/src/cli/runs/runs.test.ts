// The commands on runs, as processes of their own, on runs of a real daemon.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type Client, type WatchedRecord } from '@car-runtime/client';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { plain, runCar, startCar, type RunOptions } from '../../../test/run-car.ts';

const evil = 'x\u001B[2J\u009B2J\u202E\n\t';
/** What a terminal would obey, line ends excepted. */
// oxlint-disable-next-line no-control-regex -- they are what must not be there
const hostile = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/;
const success = { status: 'success', summary: 'all tidy' } as const;
const agent_id = 'worker';

let daemon: DaemonProcess;
let client: Client;

before(async () => {
  daemon = await startDaemon();
  client = await connectTo(daemon);
});

after(async () => {
  await client.close();
  await daemon[Symbol.asyncDispose]();
});

async function connectTo({ root, ready }: DaemonProcess): Promise<Client> {
  const tokenFile = join(root, 'ai.parslee.car', 'auth-token');
  return await connect({ socketPath: ready.socket, tokenFile, reconnect: false });
}

const runs = (args: readonly string[], options: Partial<RunOptions> = {}) =>
  runCar(['runs', ...args], { root: daemon.root, ...options });

/** One turn in the run that is open on the connection. */
async function write(value: unknown, by = client): Promise<void> {
  await by.proposal.submit({
    proposal: { actions: [{ id: 'w', type: 'state_write', parameters: { key: 'k', value } }] },
  });
}

/** A run of these values, each written by a turn of its own. */
async function record(intent: string, values: readonly unknown[]): Promise<string> {
  const { run_id } = await client.runs.start({ intent, agent_id, outcome_description: 'a tidy house' });
  for (const value of values) await write(value);
  await client.runs.complete({ run_id, outcome: success });
  return run_id;
}

function itemsOf(stdout: string): WatchedRecord[] {
  const lines = stdout.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as WatchedRecord);
}

const kindsOf = (stdout: string): string[] => itemsOf(stdout).map(({ kind, cursor }) => `${kind} ${cursor}`);

// req: cli.runs-ls
test('ls lists runs by agent, status, time and number, for people and for programs', async () => {
  const { run_id: open } = await client.runs.start({ intent: 'goes on', agent_id: 'lister' });
  const other = await connectTo(daemon);
  const { run_id: done } = await other.runs.start({ intent: 'is done', agent_id: 'lister' });
  await other.runs.complete({ run_id: done, outcome: success });
  await other.close();
  const listed = async (...args: string[]): Promise<string[]> => {
    const { stdout, code } = await runs(['ls', '--json', '--agent', 'lister', ...args]);
    assert.equal(code, 0);
    return (JSON.parse(stdout) as { runs: { run_id: string }[] }).runs.map(({ run_id }) => run_id);
  };
  assert.deepEqual((await listed()).toSorted(), [open, done].toSorted());
  assert.deepEqual(await listed('--status', 'completed'), [done]);
  assert.equal((await listed('-n', '1')).length, 1);
  assert.equal((await listed('--since', '1h')).length, 2);
  assert.deepEqual(await listed('--since', '2999-01-01'), []);
  const { stdout } = await runs(['ls', '--agent', 'lister', '--status', 'in_progress'], { terminal: ['stdout'] });
  assert.match(
    plain(stdout),
    /^RUN +AGENT +STATUS +TURNS +STARTED +TOOK +INTENT\n[0-9a-f-]{36} +lister +in_progress +0 +\d+s ago +- +goes on\n$/,
  );
  for (const args of [
    ['--status', 'done'],
    ['-n', '0'],
    ['-n', 'many'],
    ['--since', 'yesterday'],
  ]) {
    assert.equal((await runs(['ls', ...args])).code, 2, args.join(' '));
  }
  await client.runs.complete({ run_id: open, outcome: success });
});

// req: cli.runs-show
test('show is a timeline for people and a record on each line for programs; what is not a run is exit 1', async () => {
  const run_id = await record('tidy up', ['a', { deep: [1] }]);
  const { code, stdout, stderr } = await runs(['show', run_id]);
  assert.deepEqual([code, stderr], [0, '']);
  const text = stdout.replaceAll(/\d\.\d{3}s/g, '0.000s').replaceAll(/\d{4}-\S+Z/g, 'TIME');
  assert.equal(
    text,
    `run ${run_id}  of worker, started TIME
  intent tidy up
  wanted a tidy house
+0.000s     1  state_write   {"key":"k","value":"a"}
+0.000s     2  state_write   {"key":"k","value":{"deep":[1]}}
+0.000s  ✓ success: all tidy
`,
  );
  const asJson = await runs(['show', run_id, '--json']);
  assert.deepEqual(kindsOf(asJson.stdout), ['started 0', 'turn 1', 'turn 2', 'ended 2']);
  const missing = await runs(['show', 'no such run']);
  assert.deepEqual([missing.code, missing.stdout, missing.stderr], [1, '', 'car: There is no run "no such run"\n']);
});

// req: cli.runs-hostile
test('no control character of a run reaches the terminal, and no line is broken', async () => {
  const run_id = await record(evil, [evil, 'x'.repeat(10_000)]);
  const other = await record('other', ['y']);
  for (const args of [
    ['show', run_id],
    ['show', run_id, '--json'],
    ['replay', run_id, '--speed', 'max'],
    ['tail', run_id],
    ['ls'],
    ['export', run_id, '--content'],
    ['diff', run_id, other],
  ]) {
    const shown = await runs(args, { terminal: ['stdout', 'stderr'] });
    assert.equal(shown.code, args[0] === 'diff' ? 1 : 0, args.join(' '));
    assert.doesNotMatch(plain(shown.stdout + shown.stderr), hostile, args.join(' '));
    if (args.includes('--json') || args[0] === 'export') continue;
    for (const line of plain(shown.stdout).split('\n')) assert.ok(line.length <= 100, line);
  }
});

// req: cli.runs-tail
test('tail follows a run to its end, and another goes on behind the cursor of one that was killed', async () => {
  const { run_id } = await client.runs.start({ intent: 'live', agent_id });
  await write(1);
  const first = startCar(['runs', 'tail', run_id, '--json'], { root: daemon.root });
  await first.until('stdout', (text) => text.includes('"turn"'));
  await write(2);
  await first.until('stdout', (text) => itemsOf(`${text.slice(0, text.lastIndexOf('\n'))}\n`).length === 3);
  await first[Symbol.asyncDispose]();
  const seen = itemsOf((await first.result).stdout);
  await write(3);
  const second = startCar(['runs', 'tail', run_id, '--json', '--after', String(seen.at(-1)?.cursor)], {
    root: daemon.root,
  });
  await second.until('stdout', (text) => text.includes('"turn"'));
  await write(4);
  await client.runs.complete({ run_id, outcome: success });
  const { code, stdout, stderr } = await second.result;
  assert.deepEqual([code, stderr], [0, '']);
  const all = [...seen, ...itemsOf(stdout)];
  assert.deepEqual(
    all.map(({ kind, cursor }) => `${kind} ${cursor}`),
    ['started 0', 'turn 1', 'turn 2', 'turn 3', 'turn 4', 'ended 4'],
  );
  assert.deepEqual(all, itemsOf((await runs(['show', run_id, '--json'])).stdout));
  assert.equal((await runs(['tail', run_id, '--after', '-1'])).code, 2);
  assert.equal((await runs(['tail', 'no such run'])).code, 1);
});

// req: cli.runs-tail
test('tail goes on when the daemon was restarted, and says so', async () => {
  const root = mkdtempSync(join(tmpdir(), 'car-runs-'));
  const earlier = await startDaemon({ root });
  const agent = await connectTo(earlier);
  const { run_id } = await agent.runs.start({ intent: 'cut short', agent_id });
  await write(1, agent);
  const tail = startCar(['runs', 'tail', run_id], { root });
  await tail.until('stdout', (text) => text.includes('state_write'));
  earlier.kill('SIGKILL');
  await earlier.exit;
  await tail.until('stderr', (text) => text.includes('trying again'));
  await using later = await startDaemon({ root });
  const { code, stdout, stderr } = await tail.result;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\n\+\S+ +1 {2}state_write [^\n]+\n\+\S+ +◌ incomplete: [^\n]+\n$/);
  assert.match(stderr, /^car: Connection to .* lost \(1006.*\); trying again\ncar: connected again\n$/);
  await later[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

// req: cli.runs-interrupt
test('Ctrl-C ends tail and replay with 130, and says where to go on', async () => {
  const { run_id } = await client.runs.start({ intent: 'slow', agent_id });
  await write(1);
  await wait(300);
  await write(2);
  const tail = startCar(['runs', 'tail', run_id], { root: daemon.root });
  await tail.until('stdout', (text) => text.includes(' 2  state_write'));
  tail.child.kill('SIGINT');
  assert.deepEqual(
    [(await tail.result).code, (await tail.result).stderr],
    [130, 'car: interrupted; --after 2 goes on from here\n'],
  );
  const replay = startCar(['runs', 'replay', run_id, '--speed', '0.001'], { root: daemon.root });
  await replay.until('stdout', (text) => text.includes('intent slow'));
  replay.child.kill('SIGINT');
  assert.equal((await replay.result).code, 130);
  const all = await runs(['replay', run_id, '--speed', 'max']);
  assert.deepEqual([all.code, all.stderr], [0, 'car: that is all so far: the run has not ended\n']);
  await client.runs.complete({ run_id, outcome: success });
});

// req: cli.runs-replay
test('replay keeps the recorded pace, or a multiple of it', async () => {
  const { run_id } = await client.runs.start({ intent: 'paced', agent_id });
  await wait(400);
  await write(1);
  await client.runs.complete({ run_id, outcome: success });
  const played = async (...args: string[]): Promise<number> => {
    const replay = startCar(['runs', 'replay', run_id, '--json', ...args], { root: daemon.root });
    await replay.until('stdout', (text) => text.includes('"started"'));
    const from = performance.now();
    const { code, stdout } = await replay.result;
    assert.equal(code, 0);
    assert.deepEqual(kindsOf(stdout), ['started 0', 'turn 1', 'ended 1']);
    return performance.now() - from;
  };
  // What it prints first may be seen late, so each has a second or less to spare.
  assert.ok((await played('--speed', '0.4')) >= 200, 'in a second');
  assert.ok((await played('--speed', '0.1')) >= 3_000, 'in four');
  await played('--speed', 'max');
  for (const speed of ['0', '-1', 'fast']) assert.equal((await runs(['replay', run_id, '--speed', speed])).code, 2);
});

// req: cli.runs-export
test('export prints OTLP/JSON, without what was said unless it is asked for', async () => {
  const run_id = await record('secret plans', ['hush']);
  const bare = await runs(['export', run_id]);
  assert.equal(bare.code, 0);
  const { resourceSpans } = JSON.parse(bare.stdout) as {
    resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[];
  };
  assert.deepEqual(
    resourceSpans[0]?.scopeSpans[0]?.spans.map(({ name }) => name),
    ['invoke_agent worker', 'execute_tool state_write'],
  );
  assert.doesNotMatch(bare.stdout, /secret plans|hush/);
  const full = await runs(['export', run_id, '--content']);
  assert.match(full.stdout, /secret plans.*hush/s);
});

// req: cli.runs-diff
test('diff shows the first turn in which two runs part, field by field', async () => {
  const [a, b, c] = [
    await record('a', ['same', 'x'.repeat(200)]),
    await record('b', ['same', `${'x'.repeat(199)}y`]),
    await record('c', ['same']),
  ];
  const same = await runs(['diff', a, a]);
  assert.deepEqual([same.code, same.stdout], [0, '✓ alike: 2 turns in each\n']);
  const parted = await runs(['diff', a, b]);
  const lead = 'x'.repeat(24);
  assert.equal(parted.code, 1);
  assert.equal(
    parted.stdout,
    `The runs part at turn 2\n- ${a}, 2 turns\n+ ${b}, 2 turns\n  parameters\n  - …${lead}x"}\n  + …${lead}y"}\n`,
  );
  const shorter = await runs(['diff', a, c]);
  assert.match(shorter.stdout, /^The runs part at turn 2\n- .*, 2 turns\n\+ .*, 1 turn\n {2}\S+ has no such turn\n/);
  const { first_difference: difference } = JSON.parse((await runs(['diff', a, b, '--json'])).stdout) as {
    first_difference: { index: number; fields: string[] };
  };
  assert.deepEqual([difference.index, difference.fields], [1, ['parameters']]);
});

// req: cli.runs-access
test('without the host token the refusal says what is needed', async () => {
  const run_id = await record('private', []);
  const folder = mkdtempSync(join(tmpdir(), 'car-token-'));
  mkdirSync(join(folder, 't'), { mode: 0o700 });
  const tokenFile = join(folder, 't', 'auth-token');
  copyFileSync(join(daemon.root, 'ai.parslee.car', 'auth-token'), tokenFile);
  for (const args of [['show', run_id], ['tail', run_id], ['ls']]) {
    const { code, stdout, stderr } = await runs([...args, '--token-file', tokenFile]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^car: Cannot (read|search) run.*the host role; be the user of the daemon, whose host token may read every run, or set CAR_AGENT_ID and CAR_AGENT_TOKEN/,
    );
  }
  rmSync(folder, { recursive: true });
});

// req: cli.reader-gone
test('a reader that goes away ends show and tail quietly', async () => {
  const { run_id } = await client.runs.start({ intent: 'long', agent_id });
  const value = 'x'.repeat(15_000);
  for (let n = 0; n < 20; n++) await write(value);
  for (const command of ['show', 'tail']) {
    const { child, result } = startCar(['runs', command, run_id, '--json'], { root: daemon.root });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.stdout?.destroy();
    if (command === 'tail') await client.runs.complete({ run_id, outcome: success });
    const { code, stderr } = await result;
    assert.deepEqual([code, stderr], [0, ''], command);
  }
});

// req: cli.runs-help
test('help names every exit status, and completion knows the commands', async () => {
  const { stdout: bash } = await runCar(['completion', 'bash'], { root: daemon.root });
  for (const word of ['ls', 'show', 'tail', 'replay', 'export', 'diff']) {
    const { code, stdout } = await runs([word, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, /\nExit status:\n {2}0 {2}/);
    assert.ok(bash.includes(`runs ${word}`), word);
  }
});
