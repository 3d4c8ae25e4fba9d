import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposableSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeFileLock } from './file-lock.ts';

const folder = () => mkdtempDisposableSync(join(tmpdir(), 'car-lock-'));

test('a lock has one holder, and the next one gets it when it is given up', () => {
  using root = folder();
  const path = join(root.path, 'daemon.lock');
  const first = takeFileLock(path);
  assert.ok(first);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(takeFileLock(path), undefined);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  using second = takeFileLock(path);
  assert.ok(second);
});

test('what another program wrote into the file does not matter', () => {
  using root = folder();
  const path = join(root.path, 'daemon.lock');
  writeFileSync(path, '4711\n');
  using lock = takeFileLock(path);
  assert.ok(lock);
  assert.equal(readFileSync(path, 'utf8'), '');
  assert.equal(takeFileLock(path), undefined);
});

// req: transport.lock-kill
test('a killed holder, whose process id may live on in another process, holds nothing', async () => {
  using root = folder();
  const path = join(root.path, 'daemon.lock');
  const program = `import { takeFileLock } from ${JSON.stringify(import.meta.resolve('./file-lock.ts'))};
    globalThis.lock = takeFileLock(process.argv[1]);
    console.log(globalThis.lock !== undefined);
    setInterval(() => {}, 1_000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [answer] = await once(holder.stdout, 'data');
  assert.equal(String(answer).trim(), 'true');
  assert.equal(takeFileLock(path), undefined, 'held by the other process');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  using lock = takeFileLock(path);
  assert.ok(lock);
});
