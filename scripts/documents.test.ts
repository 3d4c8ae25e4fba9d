// What the documents say is there is there, and what the README shows runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startDaemonProcess } from '../examples/daemon-process.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

test('every relative link of a document leads to a file', () => {
  const documents = globSync(['*.md', 'docs/*.md', 'packages/*/README.md'], { cwd: root });
  assert.ok(documents.length > 5);
  const dead = documents.flatMap((document) => {
    const links = readFileSync(join(root, document), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g);
    return [...links]
      .map(([, link = '']) => link)
      .filter((link) => !existsSync(resolve(root, dirname(document), link)))
      .map((link) => `${document}: ${link}`);
  });
  assert.deepEqual(dead, []);
});

/** The code block of the README below a heading. */
function snippet(heading: string): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const section = readme.split(`### ${heading}\n`)[1] ?? '';
  return /```(?:ts|js)\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
}

for (const [heading, file, expected] of [
  ['From TypeScript or JavaScript', 'hello.ts', 'succeeded Hello, TypeScript!\n'],
  ['Embed it', 'embedded.js', 'ok 1\n'],
] as const) {
  test(`the README's code under "${heading}" runs as it stands`, async () => {
    // Below the repository, so that the packages are found, and not in node_modules, where types are not stripped.
    const folder = join(root, '.cache', `readme-${process.pid}-${file}`);
    mkdirSync(folder, { recursive: true });
    try {
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      writeFileSync(join(folder, file), snippet(heading));
      await using daemon = await startDaemonProcess();
      const { stdout } = await run(process.execPath, [file], { cwd: folder, env: daemon.environment });
      assert.equal(stdout, expected);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
