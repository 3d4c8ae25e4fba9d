// A log read while its writer rotates it.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempDisposableSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { RotatingFile } from '../log/rotating-file.ts';
import { follow, logFiles, LogReader } from './log-files.ts';

const folder = () => mkdtempDisposableSync(join(tmpdir(), 'car-log-files-'));

// req: cli.logs-rotation
test('the files of a log are read oldest first, whatever else is in the folder', () => {
  using root = folder();
  const path = join(root.path, 'car-server.log');
  assert.deepEqual(logFiles(path), []);
  assert.deepEqual(logFiles(join(root.path, 'nowhere', 'car-server.log')), []);
  for (const suffix of ['', '.1', '.2', '.10', '.txt', '.0', '.1x', '.']) writeFileSync(path + suffix, `${suffix}\n`);
  writeFileSync(join(root.path, 'other.log.1'), '');
  assert.deepEqual(logFiles(path), [`${path}.10`, `${path}.2`, `${path}.1`, path]);
  using reader = new LogReader(path);
  assert.deepEqual([...reader.lines()], ['.10', '.2', '.1', '']);
});

// req: cli.logs-rotation
test('a line is given once it is whole, and one cut off by a crash when its file is done', () => {
  using root = folder();
  const path = join(root.path, 'car-server.log');
  writeFileSync(path, 'one\ntw');
  using reader = new LogReader(path);
  assert.deepEqual([...reader.lines()], ['one']);
  appendFileSync(path, 'o\nünïcödé'.slice(0, 4));
  assert.deepEqual([...reader.lines()], ['two']);
  renameSync(path, `${path}.1`);
  assert.deepEqual([...reader.lines()], []);
  writeFileSync(path, 'next\n');
  assert.deepEqual([...reader.lines()], ['ün', 'next']);
});

// req: cli.logs-rotation
test('a file that is cut back or deleted is followed by what is written next', () => {
  using root = folder();
  const path = join(root.path, 'car-server.log');
  using reader = new LogReader(path);
  assert.deepEqual([...reader.lines()], []);
  writeFileSync(path, 'a long first line\n');
  assert.deepEqual([...reader.lines()], ['a long first line']);
  truncateSync(path);
  appendFileSync(path, 'short\n');
  assert.deepEqual([...reader.lines()], ['short']);
  unlinkSync(path);
  assert.deepEqual([...reader.lines()], []);
  writeFileSync(path, 'new\n');
  assert.deepEqual([...reader.lines()], ['new']);
});

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), atMost: fc.integer({ min: 1, max: 20 }) }) },
);

// req: cli.logs-rotation
test('no line is lost, doubled or out of order while the writer rotates and the reader pauses anywhere', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      using root = folder();
      const path = join(root.path, 'car-server.log');
      // More files than any run of this test fills, so that the reader is never too late.
      using writer = new RotatingFile(path, { maxBytes: 100, maxFiles: 200 });
      using reader = new LogReader(path);
      const read: string[] = [];
      const written: string[] = [];
      let reading = reader.lines();
      for (const each of steps) {
        if (each.kind === 'write') {
          const line = `${written.length}${'.'.repeat(each.length)}`;
          writer.write(`${line}\n`);
          written.push(line);
          continue;
        }
        // The reader may stand still in the middle of a file while it is rotated away.
        for (let count = 0; count < each.atMost; count++) {
          const { value, done } = reading.next();
          if (done) {
            reading = reader.lines();
            break;
          }
          read.push(value);
        }
      }
      read.push(...reading, ...reader.lines());
      assert.deepEqual(read, written);
    }),
    { numRuns: process.env['CAR_TEST_LONG'] ? 2_000 : 100 },
  );
});

// req: cli.logs-rotation
test('following gives what is written from now on, also into a file that is not there yet', async () => {
  using root = folder();
  const path = join(root.path, 'car-server.log');
  using reader = new LogReader(path);
  const controller = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const line of follow(reader, 1, controller.signal)) if (seen.push(line) === 30) controller.abort();
  })();
  using writer = new RotatingFile(path, { maxBytes: 50, maxFiles: 20 });
  for (let line = 0; line < 30; line++) {
    writer.write(`line ${line}\n`);
    if (line % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await following;
  assert.deepEqual(
    seen,
    Array.from({ length: 30 }, (_none, line) => `line ${line}`),
  );
});
