// Lines on their way to the disk: nothing acknowledged is lost, whatever the disk does.
import assert from 'node:assert/strict';
import fs, { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { test, type TestContext } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { AppendFile, OpenHandles } from './append-file.ts';

/** Handles of a disk that can be full. */
class TestHandles extends OpenHandles {
  isFull = false;

  override open(path: string): number {
    // Every write to this device fails with ENOSPC.
    return this.isFull ? super.open('/dev/full') : super.open(path);
  }

  override close(path: string): void {
    super.close('/dev/full');
    super.close(path);
  }
}

interface Bench extends Disposable {
  path: string;
  handles: TestHandles;
  file: AppendFile;
  problems: string[];
  recovered: number[];
  text(): string;
}

function openFile(name = 'journals/a.jsonl'): Bench {
  const folder = new TempFolder();
  const path = folder.join(name);
  const handles = new TestHandles();
  const problems: string[] = [];
  const recovered: number[] = [];
  const file = new AppendFile({
    path,
    handles,
    onProblem: ({ message }) => problems.push(message.split(':', 1)[0] ?? ''),
    onRecovered: (dropped) => recovered.push(dropped),
  });
  return {
    path,
    handles,
    file,
    problems,
    recovered,
    text: () => (existsSync(path) ? readFileSync(path, 'utf8') : ''),
    [Symbol.dispose]: () => {
      handles[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}

const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Puts a function in the place of one of `node:fs`, for this test. */
function replace(t: TestContext, name: 'writeSync' | 'closeSync', implementation: (...args: never[]) => unknown) {
  const { mock } = t.mock.method(fs, name, implementation as never);
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return mock;
}

// req: journal.append
test('the lines of a turn are written at its end, in one write, to a private file in a private folder', async (t) => {
  using bench = openFile();
  const write = fs.writeSync;
  const mock = replace(t, 'writeSync', (...args: Parameters<typeof write>) => write(...args));
  bench.file.append('one');
  bench.file.append('zwei ü €');
  assert.equal(existsSync(bench.path), false);
  await turnOver();
  assert.equal(bench.text(), 'one\nzwei ü €\n');
  assert.equal(mock.callCount(), 1);
  bench.file.append('three');
  await turnOver();
  assert.equal(bench.text(), 'one\nzwei ü €\nthree\n');
  const modes = [bench.path, bench.path.replace(/\/[^/]*$/, '')].map((path) => statSync(path).mode & 0o777);
  assert.deepEqual(modes, [0o600, 0o700]);
});

// req: journal.append
test('a write that takes only a part is continued behind it', async (t) => {
  using bench = openFile();
  const write = fs.writeSync;
  replace(t, 'writeSync', (descriptor: number, bytes: Buffer, offset: number) =>
    write(descriptor, bytes, offset, Math.min(3, bytes.length - offset)),
  );
  bench.file.append('a longer line');
  bench.file.append('€€€');
  await turnOver();
  assert.equal(bench.text(), 'a longer line\n€€€\n');
  assert.deepEqual(bench.problems, []);
});

// req: journal.disk-refuses
test('what a full disk refuses is kept and written, in order, before what came later', async () => {
  using bench = openFile();
  bench.file.append('before');
  await turnOver();
  bench.handles.isFull = true;
  bench.handles.close(bench.path);
  for (const line of ['one', 'two', 'three']) {
    bench.file.append(line);
    await turnOver();
  }
  assert.deepEqual(bench.problems, ['ENOSPC', 'ENOSPC', 'ENOSPC']);
  assert.deepEqual([bench.text(), bench.file.hasUnwritten], ['before\n', true]);
  bench.handles.isFull = false;
  bench.file.append('four');
  await turnOver();
  assert.equal(bench.text(), 'before\none\ntwo\nthree\nfour\n');
  assert.deepEqual([bench.recovered, bench.file.hasUnwritten, bench.file.droppedLines], [[0], false, 0]);
});

// req: journal.disk-refuses
test('a line the disk took half of is completed, not repeated', async (t) => {
  using bench = openFile();
  const write = fs.writeSync;
  let left = 6;
  replace(t, 'writeSync', (descriptor: number, bytes: Buffer, offset: number) => {
    if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const written = write(descriptor, bytes, offset, Math.min(left, bytes.length - offset));
    left -= written;
    return written;
  });
  bench.file.append('first');
  bench.file.append('sécond');
  await turnOver();
  assert.equal(bench.text(), 'first\n');
  left = 2;
  bench.file.append('third');
  await turnOver();
  assert.equal(readFileSync(bench.path).length, 8, 'in the middle of a character');
  left = 1_000;
  bench.file.flush();
  assert.equal(bench.text(), 'first\nsécond\nthird\n');
  assert.deepEqual(bench.problems, ['ENOSPC', 'ENOSPC']);
});

// req: journal.disk-refuses
test('past its bound a queue drops and counts new lines, and keeps the old', async () => {
  using bench = openFile();
  bench.handles.isFull = true;
  const line = 'x'.repeat(1024 * 1024);
  for (let n = 0; n < 8; n++) {
    bench.file.append(`${n}${line}`);
    await turnOver();
  }
  assert.ok(bench.file.isFull);
  assert.ok(bench.file.droppedLines >= 3, `${bench.file.droppedLines} dropped`);
  bench.handles.isFull = false;
  bench.file.flush();
  const kept = bench.text().split('\n').slice(0, -1);
  assert.deepEqual(
    kept.map((each) => each[0]),
    Array.from({ length: 8 - bench.file.droppedLines }, (_, n) => String(n)),
  );
  assert.deepEqual([bench.recovered, bench.file.isFull], [[bench.file.droppedLines], false]);
});

// req: journal.no-links
test('a link in the place of the file is not followed', async () => {
  using folder = new TempFolder();
  using bench = openFile();
  const victim = folder.join('victim');
  writeFileSync(victim, 'precious');
  bench.file.append('makes the folder');
  await turnOver();
  bench.handles.close(bench.path);
  fs.rmSync(bench.path);
  symlinkSync(victim, bench.path);
  bench.file.append('overwrites it');
  await turnOver();
  assert.deepEqual(bench.problems, ['ELOOP']);
  assert.equal(readFileSync(victim, 'utf8'), 'precious');
});

// req: journal.handles
test('however many files there are, only so many are open, the longest unused closed first', async () => {
  using folder = new TempFolder();
  using handles = new OpenHandles(8);
  const opened: string[] = [];
  const files = Array.from({ length: 100 }, (_, n) => {
    const onProblem = (error: Error): void => void opened.push(error.message);
    return new AppendFile({ path: folder.join(`f${n}`), handles, onProblem, onRecovered: () => undefined });
  });
  for (let round = 0; round < 3; round++) {
    for (const [n, file] of files.entries()) file.append(`${round} ${n}`);
    await turnOver();
    assert.equal(handles.size, 8);
  }
  assert.deepEqual(opened, []);
  for (const [n, file] of files.entries()) assert.equal(readFileSync(file.path, 'utf8'), `0 ${n}\n1 ${n}\n2 ${n}\n`);
  const descriptor = handles.open(folder.join('f99'));
  for (let n = 0; n < 7; n++) handles.open(folder.join(`f${n}`));
  assert.equal(handles.open(folder.join('f99')), descriptor, 'used again, so not the longest unused');
});

// req: journal.handles
test('a close that fails is no failure of the write before it', async (t) => {
  using bench = openFile();
  const close = fs.closeSync;
  replace(t, 'closeSync', (descriptor: number) => {
    close(descriptor);
    throw Object.assign(new Error('EIO: i/o error, close'), { code: 'EIO' });
  });
  bench.file.append('written');
  await turnOver();
  bench.handles.isFull = true;
  bench.handles.close(bench.path);
  bench.file.append('refused');
  await turnOver();
  bench.handles.isFull = false;
  bench.file[Symbol.dispose]();
  assert.equal(bench.text(), 'written\nrefused\n');
  assert.equal(bench.handles.size, 0);
});

// req: journal.append
test('disposing writes what is queued and closes, once; what comes later is counted', async () => {
  using bench = openFile();
  bench.file.append('last');
  bench.file[Symbol.dispose]();
  assert.equal(bench.text(), 'last\n');
  assert.equal(bench.handles.size, 0);
  bench.file.append('too late');
  bench.file[Symbol.dispose]();
  await turnOver();
  assert.deepEqual([bench.text(), bench.file.droppedLines, bench.handles.size], ['last\n', 1, 0]);
});
