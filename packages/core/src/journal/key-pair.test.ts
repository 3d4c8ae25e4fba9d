import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { verify } from 'node:crypto';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { TempFolder } from '@car-runtime/testkit';
import { openSigner } from './key-pair.ts';

// req: events.signing-key
test('the pair is made on first use, private for its owner alone, and stays the same', () => {
  using folder = new TempFolder();
  const keys = folder.join('root');
  const first = openSigner(keys);
  assert.deepEqual(readdirSync(keys).toSorted(), ['journal-key', 'journal-key.pub']);
  assert.equal(statSync(folder.join('root', 'journal-key')).mode & 0o777, 0o600);
  const second = openSigner(keys);
  assert.equal(second.keyId, first.keyId);
  const bytes = Buffer.from('an event');
  assert.ok(verify(null, bytes, readFileSync(folder.join('root', 'journal-key.pub')), second.sign(bytes)));
});

test('a public file that is missing or another is written anew', () => {
  using folder = new TempFolder();
  const { publicKey } = openSigner(folder.path);
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  writeFileSync(folder.join('journal-key.pub'), 'something else');
  openSigner(folder.path);
  assert.equal(readFileSync(folder.join('journal-key.pub'), 'utf8'), pem);
  rmSync(folder.join('journal-key.pub'));
  openSigner(folder.path);
  assert.equal(readFileSync(folder.join('journal-key.pub'), 'utf8'), pem);
});

// req: events.signing-key
test('a private key that others can read, or behind a link, is not used', () => {
  using folder = new TempFolder();
  openSigner(folder.path);
  chmodSync(folder.join('journal-key'), 0o640);
  assert.throws(() => openSigner(folder.path), /others have access to it \(mode 640\)/);
  using other = new TempFolder();
  symlinkSync(folder.join('journal-key'), other.join('journal-key'));
  assert.throws(() => openSigner(other.path), { code: 'ELOOP' });
});

test('a private key of another kind is refused', () => {
  using folder = new TempFolder();
  writeFileSync(folder.join('journal-key'), 'not a key', { mode: 0o600 });
  assert.throws(() => openSigner(folder.path));
});

// req: events.signing-key
test('threads that make the pair at once all get the same', async () => {
  using folder = new TempFolder();
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ openSigner }) => {
      while (Date.now() < workerData.at);
      parentPort.postMessage(openSigner(workerData.folder).keyId);
    });`;
  const workerData = {
    module: new URL('key-pair.ts', import.meta.url).href,
    folder: folder.path,
    at: Date.now() + 300,
  };
  const ids = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const worker = new Worker(code, { eval: true, workerData });
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      worker.once('message', resolve).once('error', reject);
      try {
        return await promise;
      } finally {
        await worker.terminate();
      }
    }),
  );
  assert.deepEqual(new Set(ids), new Set([openSigner(folder.path).keyId]));
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['journal-key', 'journal-key.pub']);
});
