import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { writePrivateFile } from './private-files.ts';
import { TokenFiles } from './token-files.ts';

const tokens = { authToken: 'a'.repeat(43), hostToken: 'h'.repeat(43) };

function open() {
  const root = mkdtempDisposableSync(join(tmpdir(), 'car-tokens-'));
  const folder = join(root.path, 'ai.parslee.car');
  return {
    root,
    folder,
    auth: join(folder, 'auth-token'),
    host: join(folder, 'host-token'),
    [Symbol.dispose]: () => root.remove(),
  };
}

// req: transport.token-files
test('the two token files have mode 0600 in a folder of mode 0700, and go again', () => {
  using place = open();
  const files = TokenFiles.write(place.folder, tokens);
  assert.equal(statSync(place.folder).mode & 0o777, 0o700);
  for (const path of [place.auth, place.host]) assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readFileSync(place.auth, 'utf8'), tokens.authToken);
  assert.equal(readFileSync(place.host, 'utf8'), tokens.hostToken);
  assert.deepEqual(readdirSync(place.folder).toSorted(), ['auth-token', 'host-token'], 'no temporary file stays');
  files[Symbol.dispose]();
  files[Symbol.dispose]();
  assert.deepEqual(readdirSync(place.folder), []);
});

// req: transport.token-stale
test('files that a killed daemon left are replaced, with their modes', () => {
  using place = open();
  mkdirSync(place.folder);
  writeFileSync(place.auth, 'stale', { mode: 0o644 });
  using _files = TokenFiles.write(place.folder, tokens);
  assert.equal(readFileSync(place.auth, 'utf8'), tokens.authToken);
  assert.equal(statSync(place.auth).mode & 0o777, 0o600);
  assert.equal(statSync(place.folder).mode & 0o777, 0o700, 'the folder is tightened');
});

// req: transport.token-removal
test('a file that holds the token of another daemon by now stays', () => {
  using place = open();
  const first = TokenFiles.write(place.folder, tokens);
  const second = TokenFiles.write(place.folder, { authToken: 'b'.repeat(43), hostToken: 'i'.repeat(43) });
  first[Symbol.dispose]();
  assert.equal(readFileSync(place.auth, 'utf8'), 'b'.repeat(43));
  second[Symbol.dispose]();
  assert.deepEqual(readdirSync(place.folder), []);
});

// req: transport.token-symlink
test('a link in place of a file is replaced and its target left alone', () => {
  using place = open();
  const target = join(place.root.path, 'target');
  writeFileSync(target, 'precious');
  mkdirSync(place.folder, { mode: 0o700 });
  symlinkSync(target, place.auth);
  using files = TokenFiles.write(place.folder, tokens);
  assert.ok(!lstatSync(place.auth).isSymbolicLink());
  assert.equal(readFileSync(target, 'utf8'), 'precious');
  // And one that somebody put there later is not followed to be removed.
  TokenFiles.write(place.folder, tokens);
  files[Symbol.dispose]();
  writeFileSync(target, tokens.authToken);
  symlinkSync(target, place.auth);
  files[Symbol.dispose]();
  assert.ok(existsSync(target));
  assert.ok(lstatSync(place.auth).isSymbolicLink());
});

// req: transport.token-folder
test('a folder that others could write to, or that is a link, is refused', () => {
  using place = open();
  mkdirSync(place.folder);
  chmodSync(place.folder, 0o770);
  assert.throws(
    () => TokenFiles.write(place.folder, tokens),
    /Cannot use folder .+: others can write to it \(mode 0770\)/,
  );
  chmodSync(place.folder, 0o700);
  const link = join(place.root.path, 'link');
  symlinkSync(place.folder, link);
  assert.throws(() => TokenFiles.write(link, tokens), /Cannot use folder .+: it is a symbolic link/);
  assert.deepEqual(readdirSync(place.folder), []);
});

// req: transport.token-atomic
test('a reader racing with the writer sees one whole token or the other', async () => {
  using place = open();
  mkdirSync(place.folder, { mode: 0o700 });
  writePrivateFile(place.folder, 'auth-token', 'x'.repeat(43));
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const reader = new Worker(
    `const { readFileSync } = require('node:fs');
     const { parentPort, workerData: { path, stop } } = require('node:worker_threads');
     const seen = new Set();
     while (Atomics.load(stop, 0) === 0) seen.add(readFileSync(path, 'utf8'));
     parentPort.postMessage([...seen]);`,
    { eval: true, workerData: { path: place.auth, stop } },
  );
  const ended = once(reader, 'exit');
  const reported = once(reader, 'message');
  await once(reader, 'online');
  for (let round = 0; round < 300; round++) {
    writePrivateFile(place.folder, 'auth-token', (round % 2 === 0 ? 'y' : 'x').repeat(43));
  }
  Atomics.store(stop, 0, 1);
  const [seen] = await reported;
  assert.ok(
    (seen as string[]).every((text) => /^(x{43}|y{43})$/.test(text)),
    JSON.stringify(seen),
  );
  await ended;
});
