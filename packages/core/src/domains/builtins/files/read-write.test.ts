import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit/wire';
import { RootedFiles } from '../../../infra/rooted-files.ts';
import { problemOf } from '../../../infra/problem-of.ts';
import { maxFileBytes } from './limits.ts';
import { listFolder, readFile, type ListParameters, type ReadParameters } from './read.ts';
import { editFile, writeFile, type EditParameters } from './write.ts';

/** A session of one: it remembers what it has read, as the daemon does. */
class Workspace implements Disposable {
  readonly #folder = new TempFolder();
  readonly root = realpathSync(this.#folder.path);
  readonly #files = RootedFiles.open(this.root);
  readonly #seen = new Map<string, string>();

  put(path: string, content: string | Uint8Array): void {
    writeFileSync(`${this.root}/${path}`, content);
  }

  get(path: string): string {
    return readFileSync(`${this.root}/${path}`, 'utf8');
  }

  read(path: string, more: Omit<ReadParameters, 'path'> = {}): Record<string, unknown> {
    const { output, digest } = readFile(this.#files, { path, ...more });
    this.#seen.set(path, digest);
    return output as Record<string, unknown>;
  }

  list(parameters: ListParameters = {}): Record<string, unknown> {
    return listFolder(this.#files, parameters) as Record<string, unknown>;
  }

  write(path: string, content: string): unknown {
    const { output, digest } = writeFile(this.#files, { path, content }, this.#seen.get(path));
    this.#seen.set(path, digest);
    return output;
  }

  edit(path: string, old_string: string, new_string: string, more: Partial<EditParameters> = {}): unknown {
    const { output, digest } = editFile(this.#files, { path, old_string, new_string, ...more }, this.#seen.get(path));
    this.#seen.set(path, digest);
    return output;
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

// req: builtins.read
test('read_file numbers the lines and leaves their ends and the byte order mark out', () => {
  using work = new Workspace();
  work.put('a', '\uFEFFone\r\ntwo\n\nfour');
  assert.deepEqual(work.read('a'), {
    path: 'a',
    content: '     1\tone\n     2\ttwo\n     3\t\n     4\tfour',
    total_lines: 4,
  });
  work.put('empty', '');
  assert.deepEqual(work.read('empty'), { path: 'empty', content: '', total_lines: 0 });
  work.put('end', 'x\n');
  assert.deepEqual(work.read('end'), { path: 'end', content: '     1\tx', total_lines: 1 });
});

// req: builtins.read-pages
test('read_file shows a long file page by page, and says where the next one begins', () => {
  using work = new Workspace();
  const lines = Array.from({ length: 5_000 }, (_line, index) => `line ${index + 1}`);
  work.put('long', lines.join('\n'));
  const shown: string[] = [];
  let offset: unknown = 1;
  while (typeof offset === 'number') {
    const page = work.read('long', { offset, limit: 1_999 });
    assert.equal(page['total_lines'], 5_000);
    shown.push(...(page['content'] as string).split('\n'));
    offset = page['next_offset'];
  }
  assert.deepEqual(
    shown,
    lines.map((line, index) => `${String(index + 1).padStart(6)}\t${line}`),
  );
  assert.equal(work.read('long')['next_offset'], 2_001);
  assert.equal(
    problemOf(() => work.read('long', { offset: 5_001 })),
    'it has 5000 lines, and none from 5001 on',
  );
});

test('read_file cuts long lines, and long answers, and says so', () => {
  using work = new Workspace();
  work.put('wide', `${'x'.repeat(1_999)}😀y\nshort`);
  const wide = work.read('wide');
  assert.equal(wide['content'], `     1\t${'x'.repeat(1_999)}\uFFFD… (2 more characters)\n     2\tshort`);
  assert.equal(wide['cut_lines'], 1);
  work.put('big', `${'y'.repeat(1_500)}\n`.repeat(1_000));
  const big = work.read('big');
  assert.ok((big['content'] as string).length < 264 * 1024);
  assert.equal(big['next_offset'], (big['content'] as string).split('\n').length + 1);
});

// req: builtins.binary
test('read_file refuses binary files, and shows what is no UTF-8 with a mark', () => {
  using work = new Workspace();
  work.put('binary', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1));
  assert.equal(
    problemOf(() => work.read('binary')),
    'it is binary',
  );
  work.put('latin', Buffer.from('caf\xe9', 'latin1'));
  assert.deepEqual(work.read('latin'), { path: 'latin', content: '     1\tcaf\uFFFD', total_lines: 1, is_lossy: true });
  assert.equal(
    problemOf(() => work.edit('latin', 'caf', 'CAF')),
    'it is not UTF-8',
  );
  assert.deepEqual(readFileSync(`${work.root}/latin`), Buffer.from('caf\xe9', 'latin1'));
});

test('files over 10 MiB are neither read, edited nor written', () => {
  using work = new Workspace();
  work.put('huge', 'x'.repeat(maxFileBytes + 1));
  const tooLarge = 'it has 10485761 bytes or more, at most 10485760 are taken';
  assert.equal(
    problemOf(() => work.read('huge')),
    tooLarge,
  );
  assert.equal(
    problemOf(() => work.edit('huge', 'x', 'y')),
    tooLarge,
  );
  assert.equal(
    problemOf(() => work.write('huge', 'y')),
    tooLarge,
  );
  assert.equal(
    problemOf(() => work.write('new', 'é'.repeat(maxFileBytes / 2 + 1))),
    'the new content has 10485762 bytes, at most 10485760 are taken',
  );
  work.put('grows', 'ab'.repeat(1_000));
  work.read('grows');
  const growing = problemOf(() => work.edit('grows', 'a', 'c'.repeat(20_000), { replace_all: true }));
  assert.equal(growing, 'the new content has more than 10485760 bytes');
});

// req: builtins.list
test('list_dir lists a folder by name, with types and sizes, page by page', () => {
  using work = new Workspace();
  mkdirSync(`${work.root}/b`);
  work.put('c', 'xyz');
  symlinkSync('c', `${work.root}/a`);
  assert.deepEqual(work.list(), {
    path: '.',
    entries: [
      { name: 'a', type: 'link' },
      { name: 'b', type: 'directory' },
      { name: 'c', type: 'file', size: 3 },
    ],
    total: 3,
  });
  for (let index = 0; index < 10_000; index++) work.put(`b/${index}`, '');
  const first = work.list({ path: 'b' });
  assert.deepEqual([(first['entries'] as unknown[]).length, first['total'], first['next_offset']], [500, 10_000, 500]);
  const last = work.list({ path: 'b', offset: 9_999, limit: 5_000 });
  assert.deepEqual(last, { path: 'b', entries: [{ name: '9999', type: 'file', size: 0 }], total: 10_000 });
});

// req: builtins.write
test('write_file makes a file and its folders, and overwrites only what was read', () => {
  using work = new Workspace();
  assert.deepEqual(work.write('src/deep/new.ts', 'é\n'), { path: 'src/deep/new.ts', bytes: 3, created: true });
  assert.deepEqual(work.write('src/deep/new.ts', 'x'), { path: 'src/deep/new.ts', bytes: 1, created: false });
  work.put('old', 'old');
  assert.equal(
    problemOf(() => work.write('old', 'new')),
    'it exists and was not read yet; read_file comes before overwriting',
  );
  work.read('old');
  work.put('old', 'changed');
  assert.equal(
    problemOf(() => work.write('old', 'new')),
    'it was changed since it was read; read it again',
  );
  work.read('old');
  assert.deepEqual(work.write('old', 'new'), { path: 'old', bytes: 3, created: false });
  assert.equal(work.get('old'), 'new');
  assert.equal(
    problemOf(() => work.write('.', 'x')),
    'it is a folder',
  );
  assert.equal(
    problemOf(() => work.write('src', 'x')),
    'it is a folder',
  );
  assert.equal(
    problemOf(() => work.write('lone', '\ud800')),
    'the new content is not well-formed Unicode',
  );
  assert.deepEqual(readdirSync(work.root).toSorted(), ['old', 'src']);
});

// req: builtins.edit
test('edit_file replaces the one place that was meant, or all of them', () => {
  using work = new Workspace();
  work.put('a', 'one two one');
  assert.equal(
    problemOf(() => work.edit('a', 'two', '2')),
    'it exists and was not read yet; read_file comes before editing',
  );
  work.read('a');
  assert.equal(
    problemOf(() => work.edit('a', 'one', '1')),
    'it contains old_string 2 times; make it longer, or set replace_all',
  );
  assert.equal(
    problemOf(() => work.edit('a', 'three', '3')),
    'it does not contain old_string',
  );
  assert.equal(
    problemOf(() => work.edit('a', 'two', 'two')),
    'old_string and new_string are the same',
  );
  assert.equal(
    problemOf(() => work.edit('none', 'a', 'b')),
    'it does not exist',
  );
  assert.deepEqual(work.edit('a', 'two', '$& $1'), { path: 'a', replacements: 1, bytes: 13 });
  assert.deepEqual(work.edit('a', 'one', '1', { replace_all: true }), { path: 'a', replacements: 2, bytes: 9 });
  assert.equal(work.get('a'), '1 $& $1 1');
});

// req: builtins.stale
test('edit_file refuses a file that somebody changed since it was read', () => {
  using work = new Workspace();
  work.put('a', 'one');
  work.read('a');
  work.put('a', 'one more');
  assert.equal(
    problemOf(() => work.edit('a', 'one', '1')),
    'it was changed since it was read; read it again',
  );
  work.read('a');
  work.edit('a', 'one', '1');
  assert.equal(work.get('a'), '1 more');
});

test('edit_file keeps byte order mark, line ends and mode', () => {
  using work = new Workspace();
  work.put('a', '\uFEFFone\r\ntwo\r\nthree\r\n');
  chmodSync(`${work.root}/a`, 0o755);
  work.read('a');
  work.edit('a', 'one\ntwo', '1\n2\n2.5');
  assert.equal(work.get('a'), '\uFEFF1\r\n2\r\n2.5\r\nthree\r\n');
  work.put('mixed', 'a\nb\r\nc\n');
  work.read('mixed');
  work.edit('mixed', 'a\nb', 'x\ny');
  assert.equal(work.get('mixed'), 'x\ny\r\nc\n');
});

// req: builtins.git
test("nothing of Git's own is written, whatever it is called", () => {
  using work = new Workspace();
  mkdirSync(`${work.root}/.git/hooks`, { recursive: true });
  symlinkSync('.git/hooks', `${work.root}/scripts`);
  mkdirSync(`${work.root}/module`);
  work.put('module/.git', 'gitdir: ../.git');
  const problem = 'it belongs to Git, and Git runs what it finds there';
  const names = ['.git', '.GIT', '.Git', 'git~1', '.git.', '.git ', '.g\u200cit', '.\uff47it'];
  for (const path of [...names.map((name) => `${name}/hooks/pre-commit`), 'scripts/pre-commit', 'sub/.git/config'])
    assert.equal(
      problemOf(() => work.write(path, 'x')),
      problem,
      path,
    );
  assert.equal(
    problemOf(() => work.write('module/.git', 'x')),
    problem,
  );
  assert.deepEqual(readdirSync(`${work.root}/.git/hooks`), []);
  assert.equal(work.get('module/.git'), 'gitdir: ../.git');
  assert.deepEqual(work.write('.gitignore', 'dist\n'), { path: '.gitignore', bytes: 5, created: true });
});
