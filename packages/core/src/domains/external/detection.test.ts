import assert from 'node:assert/strict';
import { ChildRecords } from '../../infra/child-records.ts';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { candidatesOf, detectProgram } from './detection.ts';

let root: string;
const nowhere = (): boolean => false;
const tool = { program: 'codex', pin: 'CAR_CODEX_BIN' };

before(() => {
  root = mkdtempSync(join(tmpdir(), 'car-path-'));
});
after(() => rmSync(root, { recursive: true }));

function install(folder: string, script: string, mode = 0o755): string {
  mkdirSync(join(root, folder), { recursive: true });
  const path = join(root, folder, 'codex');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, mode);
  return path;
}

function surroundings(env: Record<string, string>) {
  return { env, secrets: () => [], children: new ChildRecords(), probeTimeoutMs: 60_000, healthTimeoutMs: 60_000 };
}

const pathOf = (...folders: string[]): string => folders.map((each) => join(root, each)).join(delimiter);

// req: external.path
test('every match of PATH counts once, in its order; what is no program, relative or in a scratch folder does not', () => {
  const first = install('first', 'exit 0');
  const second = install('second', 'exit 0');
  install('plain', 'exit 0', 0o644);
  mkdirSync(join(root, 'folder', 'codex'), { recursive: true });
  mkdirSync(join(root, 'link'));
  symlinkSync(first, join(root, 'link', 'codex'));
  const path = [pathOf('none', 'plain', 'folder', 'second', 'link', 'first', 'second'), '.', ''].join(delimiter);
  assert.deepEqual(candidatesOf('codex', path, nowhere), [second, join(root, 'link', 'codex')]);
  // The root of this test is in a scratch folder, and so is what the link leads to.
  assert.deepEqual(candidatesOf('codex', path), []);
  const isScratch = (each: string): boolean => each.startsWith(join(root, 'first'));
  assert.deepEqual(candidatesOf('codex', path, isScratch), [second]);
});

// req: external.path, external.unusable
test('the first match that runs is the one; when none does, the reason names each', async () => {
  const broken = install('broken', 'echo no library >&2; exit 127');
  const garbled = install('garbled', 'kill -9 $$');
  const good = install('good', `: > '${root}/tried'; echo codex-cli 0.98.0-beta.1`);
  install('later', `: > '${root}/later-tried'`);
  const env = { PATH: pathOf('broken', 'garbled', 'good', 'later') };
  assert.deepEqual(await detectProgram(tool, surroundings(env), nowhere), { path: good, version: '0.98.0-beta.1' });
  assert.ok(existsSync(join(root, 'tried')) && !existsSync(join(root, 'later-tried')));
  const found = await detectProgram(tool, surroundings({ PATH: pathOf('broken', 'garbled') }), nowhere);
  assert.equal(found?.path, broken);
  assert.match(found?.problem ?? '', /broken\/codex" cannot be used: .*exit code 127: no library; .*garbled\/codex"/);
  assert.ok(found?.problem?.includes(garbled));
  assert.equal(await detectProgram(tool, surroundings({ PATH: pathOf('none') }), nowhere), undefined);
});

// req: external.pin
test('a pin is the only program that is tried, wherever it is; an empty one is none', async () => {
  const good = install('on-path', 'echo 1.2.3');
  const pinned = install('pinned', 'echo 4.5');
  const bad = install('bad', 'exit 1');
  const PATH = pathOf('on-path');
  const look = (pin: string) => detectProgram(tool, surroundings({ PATH, CAR_CODEX_BIN: pin }), nowhere);
  // Pins are not held against scratch folders, where this one is.
  const strict = await detectProgram(tool, surroundings({ PATH, CAR_CODEX_BIN: pinned }));
  assert.deepEqual(strict, { path: pinned, version: '4.5' });
  for (const pin of [bad, join(root, 'missing'), root, 'codex']) {
    const found = await look(pin);
    assert.equal(found?.path, pin);
    assert.match(found?.problem ?? '', /^CAR_CODEX_BIN names /);
  }
  assert.deepEqual(await look(''), { path: good, version: '1.2.3' });
});

// req: external.unusable
test('a program that does not answer in time is not used', async () => {
  install('slow', 'sleep 600');
  const found = await detectProgram(
    tool,
    { ...surroundings({ PATH: `${pathOf('slow')}${delimiter}${process.env['PATH']}` }), probeTimeoutMs: 50 },
    nowhere,
  );
  assert.match(found?.problem ?? '', /did not answer within 0\.05 s/);
});
