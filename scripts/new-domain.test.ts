import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

/** A copy of the sources whose workspace links lead to the copy, with the libraries of this repository. */
function copyWorkspace(): { folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'car-new-domain-'));
  for (const name of ['packages', 'examples', 'bench', 'scripts', 'tsconfig.json', 'package.json']) {
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: (path) => !path.includes('node_modules') });
  }
  const libraries = join(root, 'node_modules');
  mkdirSync(join(folder, 'node_modules', '@car-runtime'), { recursive: true });
  for (const name of readdirSync(libraries)) {
    if (name !== '@car-runtime' && name !== 'car-server')
      symlinkSync(join(libraries, name), join(folder, 'node_modules', name));
  }
  for (const name of readdirSync(join(folder, 'packages'))) {
    const manifest = JSON.parse(readFileSync(join(folder, 'packages', name, 'package.json'), 'utf8')) as {
      name: string;
    };
    symlinkSync(join(folder, 'packages', name), join(folder, 'node_modules', manifest.name));
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function run(folder: string, ...args: string[]): { status: number | null; output: string } {
  // A test runner inside a test runs nothing unless it is not told that it is inside one.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('a new domain compiles, serves its method and passes its own test; its name must be free and plain', () => {
  using workspace = copyWorkspace();
  const { folder } = workspace;
  const made = run(folder, join(folder, 'scripts', 'new-domain.ts'), 'widgets');
  assert.equal(made.status, 0, made.output);
  const types = run(folder, join(root, 'node_modules', 'typescript', 'lib', 'tsc.js'), '--noEmit');
  assert.equal(types.status, 0, types.output);
  const tested = run(folder, '--test', join('packages', 'core', 'src', 'domains', 'widgets', 'widgets.test.ts'));
  assert.equal(tested.status, 0, tested.output);
  assert.match(tested.output, /widgets\.echo answers the text that was sent/);
  assert.match(run(folder, join(folder, 'scripts', 'new-domain.ts'), 'widgets').output, /it exists/);
  assert.match(run(folder, join(folder, 'scripts', 'new-domain.ts'), '../evil').output, /use lower-case letters/);
});
