import assert from 'node:assert/strict';
import { mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandName } from './command-name.ts';

test('a program is named as it can be started: by the shell, through npx, or by its path', () => {
  using root = mkdtempDisposableSync(join(tmpdir(), 'car-command-'));
  const bin = join(root.path, 'project', 'node_modules', '.bin');
  const deep = join(root.path, 'project', 'some', 'where');
  for (const folder of [bin, deep]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(bin, 'car'), '', { mode: 0o755 });
  const at = (folder: string, env: Record<string, string>) => commandName('car', { env, folder });
  assert.equal(at(root.path, { PATH: bin }), 'car');
  assert.equal(at(deep, { PATH: '/nowhere' }), 'npx car');
  assert.equal(at(deep, { PATH: bin, npm_execpath: '/npm' }), 'npx car', 'npm made that PATH');
  assert.match(at(root.path, {}), /^node \S+bin\/car\.js$/);
});
