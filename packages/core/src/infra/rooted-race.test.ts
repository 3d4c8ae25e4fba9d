// Another process turns parts of a path into links to the outside, and back, between any two system calls.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit/wire';
import { RootedFiles } from './rooted-files.ts';
import { PathProblem } from './rooted-path.ts';
import { replaceFile } from './rooted-write.ts';

const durationMs = process.env['CAR_TEST_LONG'] ? 20_000 : 700;
const swapper = join(import.meta.dirname, '..', '..', 'test', 'path-swapper.ts');

/** What careful code does without help: it looks where a path leads, and then uses the path. */
function readNaively(root: string, path: string): string {
  const real = realpathSync(join(root, path));
  return real.startsWith(`${root}/`) ? readFileSync(join(root, path), 'utf8') : '';
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    const isExpected = error instanceof PathProblem || typeof (error as NodeJS.ErrnoException).code === 'string';
    if (!isExpected) throw error;
    return undefined;
  }
}

// req: builtins.race
for (const holdsFolders of process.platform === 'linux' ? [true, false] : [false]) {
  const way = holdsFolders ? 'folders held open' : 'folders by path';
  test(`links that come and go while a path is walked lead nowhere (${way})`, async (context) => {
    using folder = new TempFolder();
    const top = realpathSync(folder.path);
    const [root, outside] = [`${top}/root`, `${top}/outside`];
    for (const path of [root, outside, `${root}/door`, `${root}/deep`, `${root}/deep/door`]) mkdirSync(path);
    for (const path of ['door/f', 'leaf', 'deep/door/f']) writeFileSync(`${root}/${path}`, 'inside');
    writeFileSync(`${outside}/f`, 'canary');
    const child = spawn(process.execPath, [swapper, root, outside], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');

    const counts = { read: 0, written: 0, listed: 0, refused: 0, naiveLeaks: 0 };
    const paths = ['door/f', 'leaf', 'deep/door/f'];
    const until = performance.now() + durationMs;
    for (let round = 0; performance.now() < until; round++) {
      const path = paths[round % paths.length] as string;
      const text = attempt(() => {
        using files = RootedFiles.open(root, { holdsFolders });
        using place = files.locate(path);
        return place.folder.readFile(place.name, 1_000, place.info).toString();
      });
      assert.ok(text === undefined || text === 'inside', `read ${JSON.stringify(text)}`);
      const names = attempt(() => {
        using files = RootedFiles.open(root, { holdsFolders });
        using inner = files.openFolder('door');
        return inner.list(10).entries.map(({ name }) => name);
      });
      assert.ok(!names?.includes('only-outside'));
      // Rarely: it waits for the disk, and the links would not.
      const isWritten =
        round % 8 === 0 &&
        attempt(() => {
          using files = RootedFiles.open(root, { holdsFolders });
          using place = files.locate(path, { followsLast: false, makesFolders: true });
          replaceFile(place, Buffer.from('inside'));
          return true;
        });
      if (text === undefined) counts.refused++;
      else counts.read++;
      if (isWritten) counts.written++;
      if (names) counts.listed++;
      if (attempt(() => readNaively(root, path)) === 'canary') counts.naiveLeaks++;
    }
    child.stdin.end();
    await once(child, 'exit');
    context.diagnostic(JSON.stringify(counts));
    const made = readdirSync(outside).filter((name) => name !== 'f');
    if (holdsFolders) assert.deepEqual(made, []);
    // Known by path only, a folder may be another one when the temporary file is made in it; nothing is written then.
    else for (const name of made) assert.equal(readFileSync(join(outside, name), 'utf8'), '', name);
    assert.equal(readFileSync(`${outside}/f`, 'utf8'), 'canary');
    assert.ok(counts.read > 0 && counts.refused > 0, 'both states were met');
  });
}
