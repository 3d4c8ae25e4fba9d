import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { prettyFactory } from 'pino-pretty';
import { createLog } from './log.ts';
import { pruneSecondaryLogs } from './prune-logs.ts';
import { RotatingFile } from './rotating-file.ts';
import { oneLine, withoutControls } from './safe-line.ts';

const folder = () => mkdtempDisposableSync(join(tmpdir(), 'car-log-'));

// req: transport.log-file
test('the file begins with what was logged before it was opened, one JSON object a line, mode 0600', async () => {
  using root = folder();
  const lines: string[] = [];
  const log = await createLog({ level: 'info', output: (line) => lines.push(line) });
  const path = join(root.path, 'logs', 'car-server.log');
  log.logger.info({ port: 1 }, 'early');
  log.logger.debug({}, 'not at this level');
  log.openFile(path, { maxBytes: 1e6, maxFiles: 2 });
  log.logger.warn({}, 'late');
  assert.equal(readFileSync(path, 'utf8'), lines.join(''));
  const records = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    records.map(({ level, msg, pid }) => [level, msg, pid]),
    [
      ['info', 'early', process.pid],
      ['warn', 'late', process.pid],
    ],
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(root.path, 'logs')).mode & 0o777, 0o700);
});

// req: transport.log-secrets
test('a hidden secret leaves the process in no field, message or error', async () => {
  const lines: string[] = [];
  const { logger, hide } = await createLog({ level: 'info', output: (line) => lines.push(line) });
  const secret = 'sword"fish\n43';
  hide(secret);
  logger.info({ url: `ws://x/?token=${secret}`, list: [secret] }, `it is ${secret}`);
  logger.error({ err: new Error(`Cannot use ${secret}`) }, 'failed');
  for (const line of lines) {
    JSON.parse(line);
    assert.ok(!line.includes('fish'), line);
    assert.ok(line.includes('[redacted]'), line);
  }
});

// req: transport.log-controls
test('nothing a client sends can move the cursor or reorder text, in the file or on a terminal', async () => {
  const lines: string[] = [];
  const { logger } = await createLog({ level: 'info', output: (line) => lines.push(line) });
  const hostile = 'a\u001B[2J\u0007\r\u009Bb\u202Ec\u2066d\u200Be\uFEFFf\u2028g\u007Fh\\u001b\\';
  logger.info({ remote: hostile, nested: { deep: [hostile] } }, hostile);
  logger.error({ err: new Error(hostile) }, 'failed');
  const pretty = prettyFactory({ colorize: false });
  // oxlint-disable-next-line no-control-regex -- those are what must not be there
  const controls = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/;
  for (const line of lines) {
    assert.doesNotMatch(line, controls);
    assert.equal(line.split('\n').length, 2);
    assert.doesNotMatch(pretty(line) ?? '', controls);
  }
  assert.equal(
    JSON.parse(lines[0] ?? '').remote.replace(/^a\\u001b/, ''),
    String.raw`[2J\u0007\u000d\u009bb\u202ec\u2066d\u200be\ufefff\u2028g\u007fh\u001b` + '\\',
  );
});

test('escaping leaves other text as it is', () => {
  const json = JSON.stringify({ text: 'é 日本 \u{1F600} \\u001b "q" \n\t/' });
  assert.equal(withoutControls(json), json);
  assert.equal(oneLine('two\n  lines\u001B[1m\r\n'), String.raw`two lines\u001b[1m`);
});

// req: transport.log-rotation
test('a log never takes more than its files times its size', () => {
  using root = folder();
  const path = join(root.path, 'car-server.log');
  writeFileSync(`${path}.7`, 'left by a larger limit');
  writeFileSync(`${path}.txt`, 'not ours');
  using file = new RotatingFile(path, { maxBytes: 100, maxFiles: 3 });
  for (let line = 0; line < 40; line++) file.write(`${String(line).padStart(9, '.')}\n`);
  assert.deepEqual(readdirSync(root.path).toSorted(), [
    'car-server.log',
    'car-server.log.1',
    'car-server.log.2',
    'car-server.log.txt',
  ]);
  const text = ['.2', '.1', ''].map((suffix) => readFileSync(`${path}${suffix}`, 'utf8')).join('');
  assert.equal(text, Array.from({ length: 30 }, (_, index) => `${String(index + 10).padStart(9, '.')}\n`).join(''));
});

test('one file alone begins again, and a restart goes on where the file ended', () => {
  using root = folder();
  const path = join(root.path, 'car-server.log');
  for (let run = 0; run < 3; run++) {
    using file = new RotatingFile(path, { maxBytes: 100, maxFiles: 1 });
    for (let line = 0; line < 4; line++) file.write('123456789\n');
  }
  assert.equal(statSync(path).size, 20);
});

test('a disk that refuses lines is reported once, and once when it takes them again', () => {
  using root = folder();
  const events: string[] = [];
  const path = join(root.path, 'logs', 'car-server.log');
  writeFileSync(join(root.path, 'logs'), 'in the way');
  const options = {
    maxBytes: 100,
    maxFiles: 2,
    onProblem: () => events.push('problem'),
    onRecovered: () => events.push('recovered'),
  };
  using file = new RotatingFile(path, options);
  file.write('lost\n');
  file.write('lost\n');
  rmSync(join(root.path, 'logs'));
  mkdirSync(join(root.path, 'logs'), { mode: 0o700 });
  file.write('kept\n');
  file.write('kept\n');
  assert.deepEqual(events, ['problem', 'recovered']);
  assert.equal(readFileSync(path, 'utf8'), 'kept\nkept\n');
});

test('of the logs of secondary daemons only the newest stay', () => {
  using root = folder();
  for (let port = 1; port <= 9; port++) {
    const path = join(root.path, `car-server-${port}.log${port === 9 ? '.1' : ''}`);
    writeFileSync(path, '');
    utimesSync(path, port, port);
  }
  writeFileSync(join(root.path, 'car-server.log'), '');
  pruneSecondaryLogs(root.path, 2);
  assert.deepEqual(readdirSync(root.path).toSorted(), ['car-server-8.log', 'car-server-9.log.1', 'car-server.log']);
  pruneSecondaryLogs(join(root.path, 'missing'), 2);
});

test('a link in place of the log file is not followed', () => {
  using root = folder();
  const target = join(root.path, 'target');
  writeFileSync(target, 'precious');
  symlinkSync(target, join(root.path, 'car-server.log'));
  let problems = 0;
  using file = new RotatingFile(join(root.path, 'car-server.log'), {
    maxBytes: 100,
    maxFiles: 2,
    onProblem: () => problems++,
  });
  file.write('line\n');
  assert.deepEqual([problems, readFileSync(target, 'utf8')], [1, 'precious']);
});
