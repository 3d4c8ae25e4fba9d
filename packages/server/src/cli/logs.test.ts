// `car logs` over a log written by the test.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { plain, runCar, startCar } from '../../test/run-car.ts';
import { RotatingFile } from '../log/rotating-file.ts';

interface Log {
  root: string;
  path: string;
  line(number: number, more?: object): string;
}

function logFor(t: TestContext): Log {
  const root = mkdtempSync(join(tmpdir(), 'car-logs-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'logs'), { mode: 0o700 });
  return {
    root,
    path: join(root, 'logs', 'car-server.log'),
    line: (number, more = {}) =>
      JSON.stringify({ level: 'info', time: '2026-03-01T12:00:00.000Z', pid: 1, msg: `line ${number}`, ...more }),
  };
}

// req: cli.logs
test('the last lines are shown across files, as they were written, a hundred unless told otherwise', async (t) => {
  const { root, path, line } = logFor(t);
  const lines = Array.from({ length: 250 }, (_none, number) => line(number));
  writeFileSync(`${path}.1`, `${lines.slice(0, 200).join('\n')}\n`);
  writeFileSync(path, `${lines.slice(200).join('\n')}\n`);
  const show = async (...args: string[]): Promise<string[]> =>
    (await runCar(['logs', ...args], { root })).stdout.split('\n').slice(0, -1);
  assert.deepEqual(await show(), lines.slice(150));
  assert.deepEqual(await show('-n', '3'), lines.slice(-3));
  assert.deepEqual(await show('--lines', 'all'), lines);
  assert.deepEqual(await show('-n', '0'), []);
  assert.deepEqual(await show('--json', '-n', '1'), lines.slice(-1));
});

// req: cli.logs
test('--since and --level choose, and what has no time or level is left out then', async (t) => {
  const { root, path, line } = logFor(t);
  const old = line(1, { time: '2020-01-01T00:00:00.000Z' });
  const recent = line(2, { time: new Date(Date.now() - 60_000).toISOString(), level: 'warn' });
  const late = line(3, { time: new Date().toISOString() });
  writeFileSync(path, `${old}\n{"torn":\n${recent}\nnot json\n${late}\n`);
  const show = async (...args: string[]): Promise<string> => (await runCar(['logs', ...args], { root })).stdout;
  assert.equal(await show('--since', '30s'), `${late}\n`);
  assert.equal(await show('--since', '2h'), `${recent}\n${late}\n`);
  assert.equal(await show('--since', '2019-12-31'), `${old}\n${recent}\n${late}\n`);
  assert.equal(await show('--level', 'warn'), `${recent}\n`);
  assert.equal(await show('--since', '2h', '-n', '1'), `${late}\n`);
  for (const args of [
    ['--since', 'yesterday'],
    ['-n', '-1'],
    ['-n', 'x'],
    ['--level', 'loud'],
  ]) {
    assert.equal((await runCar(['logs', ...args], { root })).code, 2, args.join(' '));
  }
});

// req: cli.logs
test('on a terminal lines are readable, and none of them can move the cursor', async (t) => {
  const { root, path, line } = logFor(t);
  writeFileSync(path, `${line(1, { port: 9100 })}\nplain \u001B[2J text\n`);
  const { stdout } = await runCar(['logs'], { root, terminal: ['stdout'] });
  assert.ok(stdout.includes('\u001B[32mINFO\u001B[39m: \u001B[36mline 1'));
  assert.match(plain(stdout), /^\[2026-03-0\d \d\d:\d\d:00\.000\] INFO: line 1\n/);
  assert.match(plain(stdout), /port: 9100\nplain \\u001b\[2J text\n$/);
});

// req: cli.logs
test('without a log: exit 1, and the place where it would be', async (t) => {
  const { root, path } = logFor(t);
  const { code, stdout, stderr } = await runCar(['logs'], { root });
  assert.deepEqual(
    [code, stdout, stderr],
    [1, '', `car: there is no log at ${path}: no daemon has run with this state root\n`],
  );
});

// req: cli.logs-follow
test('-f goes on with what is written, across rotation, and waits for a log that is not there yet', async (t) => {
  const { root, path, line } = logFor(t);
  await using running = startCar(['logs', '-f', '-n', 'all'], { root });
  using writer = new RotatingFile(path, { maxBytes: 400, maxFiles: 50 });
  let written = '';
  for (let number = 0; number < 30; number++) {
    const text = `${line(number)}\n`;
    writer.write(text);
    written += text;
    if (number % 10 === 9)
      assert.equal(await running.until('stdout', (seen) => seen.length >= written.length), written);
  }
});
