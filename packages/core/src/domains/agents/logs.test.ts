// What agents write: kept byte for byte within bounds, read from its end.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { serve, TempFolder, type TestDaemon } from '@car-runtime/testkit';
import { LogFile, logPath, pruneLogs } from './log-file.ts';
import { tailLog } from './tail-log.ts';

const node = process.execPath;
const limits = { maxBytes: 1_000, maxFiles: 3, totalBytes: 10_000 };
const logs = (daemon: TestDaemon): string => join(dirname(daemon.state.journalDir), 'logs');

function logFile(folder: string, more: Partial<typeof limits> = {}): LogFile {
  const onProblem = (error: Error | undefined): void => assert.ifError(error);
  return new LogFile(folder, { id: 'a', stream: 'stdout', limits: { ...limits, ...more }, onProblem });
}

// req: agents.log-rotation
test('a log is rotated at its size, at ends of lines where there are any, and its oldest part goes', async () => {
  using folder = new TempFolder();
  using log = logFile(folder.path);
  const line = `${'x'.repeat(99)}\n`;
  for (let n = 0; n < 45; n++) log.write(Buffer.from(line));
  const names = readdirSync(folder.path).toSorted();
  assert.deepEqual(names, ['a.stdout.log', 'a.stdout.log.1', 'a.stdout.log.2']);
  assert.deepEqual(
    names.map((name) => statSync(folder.join(name)).size),
    [500, 1_000, 1_000],
  );
  log.write(Buffer.from(`${'y'.repeat(1_230)}\n`));
  const sizes = readdirSync(folder.path).map((name) => statSync(folder.join(name)).size);
  assert.ok(
    sizes.every((size) => size <= 1_000),
    sizes.join(),
  );
  const { lines } = await tailLog(logPath(folder.path, 'a', 'stdout'), 1, 0);
  assert.equal(lines[0], 'y'.repeat(1_230), 'a line in two files is read as one');
});

// req: agents.log-rotation
test('a log in one file starts anew when it is full', () => {
  using folder = new TempFolder();
  using log = logFile(folder.path, { maxFiles: 1 });
  for (let n = 0; n < 30; n++) log.write(Buffer.from(`${'x'.repeat(99)}\n`));
  assert.deepEqual(readdirSync(folder.path), ['a.stdout.log']);
  assert.equal(statSync(folder.join('a.stdout.log')).size, 1_000);
});

// req: agents.log-total
test('rotated logs of all agents together have a bound, and the oldest go first', () => {
  using folder = new TempFolder();
  for (const [index, name] of ['b.stdout.log.1', 'b.stderr.log.2', 'c.stdout.log.1', 'c.stdout.log'].entries()) {
    writeFileSync(folder.join(name), 'x'.repeat(600));
    assert.ok(index >= 0);
  }
  writeFileSync(folder.join('b.stdout.log.7'), 'of a larger limit');
  writeFileSync(folder.join('car-server.log.1'), 'x'.repeat(9_000));
  pruneLogs(folder.path, { ...limits, totalBytes: 1_300 });
  const left = readdirSync(folder.path);
  assert.ok(left.includes('c.stdout.log') && left.includes('car-server.log.1') && !left.includes('b.stdout.log.7'));
  assert.equal(left.filter((name) => /std.*\.log\.\d$/.test(name)).length, 2);
});

// req: agents.log-refused
test('a log that cannot be written stops nobody, and is told once', () => {
  using folder = new TempFolder();
  writeFileSync(folder.join('taken'), '');
  const problems: (string | undefined)[] = [];
  const log = new LogFile(folder.join('taken'), {
    id: 'a',
    stream: 'stdout',
    limits,
    onProblem: (error) => void problems.push(error?.message),
  });
  log.write(Buffer.from('a\n'));
  log.write(Buffer.from('b\n'));
  assert.equal(problems.length, 1);
});

// req: agents.tail-window
test('tail_log gives a window of each stream, and says whether there is more', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.agents.upsert({ id: 'a', name: 'A', command: node });
  const none = await client.agents.tail_log({ id: 'a' });
  const folder = logs(daemon);
  assert.deepEqual(none, {
    lines: [],
    stdout: [],
    stderr: [],
    stdout_total: 0,
    stderr_total: 0,
    stdout_path: join(folder, 'a.stdout.log'),
    stderr_path: join(folder, 'a.stderr.log'),
    more: false,
  });
  const source = `for (let n = 0; n < 10; n++) console.log('out ' + n); console.error('err 0'); process.stdout.write('no newline')`;
  await client.agents.upsert({ id: 'a', name: 'A', command: node, args: ['-e', source] });
  await client.agents.start({ id: 'a' });
  await client.agents.wait({ id: 'a', targets: ['stopped'] });
  const last = await client.agents.tail_log({ id: 'a', n: 2 });
  assert.deepEqual(
    [last.lines, last.stdout_total, last.stderr_total, last.more],
    [['out 9', 'no newline', 'err 0'], 11, 1, true],
  );
  const before = await client.agents.tail_log({ id: 'a', lines: 3, offset: 2, stream: 'stdout' });
  assert.deepEqual([before.lines, before.stderr, before.more], [['out 6', 'out 7', 'out 8'], [], true]);
  const all = await client.agents.tail_log({ id: 'a', n: 0 });
  assert.deepEqual([all.stdout.length, all.stdout[0], all.more], [11, 'out 0', false]);
  const beyond = await client.agents.tail_log({ id: 'a', offset: 50 });
  assert.deepEqual([beyond.lines, beyond.more], [[], false]);
});

// req: agents.tail-bounds
test('of a long log the last eight MiB are scanned, from the first whole line on', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.log');
  const lineOf = (n: number): string => `${String(n).padStart(9, '0')} ${'x'.repeat(989)}`;
  for (const [name, from] of [
    [path, 6_000],
    [`${path}.1`, 0],
  ] as const)
    writeFileSync(name, Array.from({ length: 6_000 }, (_, n) => `${lineOf(from + n)}\n`).join(''));
  const { lines, total, hasMore } = await tailLog(path, 0, 0);
  assert.ok(hasMore);
  assert.deepEqual([total, lines.length], [8_388, 8_388], '8 MiB hold so many lines of 1000 bytes');
  assert.deepEqual([lines[0], lines.at(-1)], [lineOf(12_000 - 8_388), lineOf(11_999)]);
  writeFileSync(`${path}.1`, '\n'.repeat(300_000));
  const short = await tailLog(`${path}.1`, 0, 0);
  assert.deepEqual([short.lines.length, short.total, short.hasMore], [100_000, 300_000, true]);
  writeFileSync(path, 'x'.repeat(9 * 1024 * 1024));
  assert.deepEqual(await tailLog(path, 10, 0).then((tail) => tail.hasMore), true);
});

// req: agents.flood
test('an agent that floods its output fills no disk, and its daemon answers others meanwhile', async () => {
  const isLong = process.env['CAR_TEST_LONG'] === '1';
  const megabytes = isLong ? 1_024 : 64;
  const kept = { maxBytes: 1024 * 1024, maxFiles: 3, totalBytes: 4 * 1024 * 1024 };
  await using daemon = serve({ config: { agentLogLimits: kept } });
  const client = await daemon.connect();
  const source = `const fs = require('fs'); const text = ('x'.repeat(127) + '\\n').repeat(8192); for (let n = 0; n < ${megabytes}; n++) fs.writeSync(1, text); fs.writeSync(1, 'the end\\n')`;
  await client.agents.upsert({ id: 'a', name: 'A', command: node, args: ['-e', source] });
  await client.agents.start({ id: 'a' });
  let answered = 0;
  const flood = { isOver: false };
  const ended = client.agents.wait({ id: 'a', targets: ['stopped', 'backoff'], timeout_secs: 600 });
  void ended.then(() => (flood.isOver = true));
  while (!flood.isOver) {
    await client.state.get({ key: 'k' });
    answered++;
  }
  assert.ok(answered > 10, `${answered} calls were answered`);
  assert.equal((await ended).last_exit_code, 0);
  const sizes = readdirSync(logs(daemon)).map((name) => statSync(join(logs(daemon), name)).size);
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 3 * 1024 * 1024, sizes.join());
  assert.equal(readFileSync(join(logs(daemon), 'a.stdout.log'), 'utf8').slice(-8), 'the end\n');
});
