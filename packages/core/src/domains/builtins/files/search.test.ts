import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, matchesGlob } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { TempFolder } from '@car-runtime/testkit/wire';
import { RootedFiles } from '../../../infra/rooted-files.ts';
import { problemOf } from '../../../infra/problem-of.ts';
import { Budget } from './budget.ts';
import { compileGlob } from './glob.ts';
import { findFiles, grepFiles, type FindParameters, type GrepParameters } from './search.ts';

const long = process.env['CAR_TEST_LONG'] !== undefined;

class Tree implements Disposable {
  readonly #folder = new TempFolder();
  readonly root = realpathSync(this.#folder.path);
  readonly #files = RootedFiles.open(this.root);
  /** Time the next search has. */
  limitMs = 10_000;
  readonly stop = new SharedArrayBuffer(4);

  constructor(contents: Record<string, string | Uint8Array>) {
    for (const [path, content] of Object.entries(contents)) {
      mkdirSync(dirname(`${this.root}/${path}`), { recursive: true });
      writeFileSync(`${this.root}/${path}`, content);
    }
  }

  find(parameters: FindParameters): Record<string, unknown> {
    return findFiles(this.#files, parameters, new Budget(this.stop, this.limitMs)) as Record<string, unknown>;
  }

  grep(parameters: GrepParameters): Record<string, unknown> {
    return grepFiles(this.#files, parameters, new Budget(this.stop, this.limitMs)) as Record<string, unknown>;
  }

  [Symbol.dispose](): void {
    this.#files[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

// req: builtins.find
test('find_files answers files by name or by path, sorted, without .git and without following links', () => {
  using tree = new Tree({
    'b.ts': '',
    'a/x.ts': '',
    'a/x.test.ts': '',
    'a/deep/y.ts': '',
    'a/deep/z.js': '',
    '.git/config.ts': '',
    'sub/.git': 'gitdir: elsewhere',
    '.hidden/h.ts': '',
  });
  symlinkSync('/etc', `${tree.root}/etc`);
  symlinkSync('.', `${tree.root}/a/loop`);
  symlinkSync('b.ts', `${tree.root}/link.ts`);
  assert.deepEqual(tree.find({ pattern: '*.ts' }), {
    files: ['.hidden/h.ts', 'a/deep/y.ts', 'a/x.test.ts', 'a/x.ts', 'b.ts', 'link.ts'],
  });
  assert.deepEqual(tree.find({ pattern: 'a/**/*.ts' })['files'], ['a/deep/y.ts', 'a/x.test.ts', 'a/x.ts']);
  assert.deepEqual(tree.find({ pattern: 'deep/*', path: 'a' })['files'], ['a/deep/y.ts', 'a/deep/z.js']);
  assert.deepEqual(tree.find({ pattern: 'passwd' })['files'], []);
  assert.deepEqual(tree.find({ pattern: '*', exclude: ['a', '.hidden', 'sub'] })['files'], [
    '.git/config.ts',
    'b.ts',
    'etc',
    'link.ts',
  ]);
  assert.deepEqual(tree.find({ pattern: '*.{js,ts}', limit: 2 }), {
    files: ['.hidden/h.ts', 'a/deep/y.ts'],
    truncated: 'limit',
  });
});

test('find_files goes 64 folders deep, and says when there are more', () => {
  using tree = new Tree({ [`${'d/'.repeat(64)}ok`]: '', [`${'e/'.repeat(65)}deeper`]: '' });
  assert.deepEqual(tree.find({ pattern: '{ok,deeper}' }), { files: [`${'d/'.repeat(64)}ok`], truncated: 'depth' });
});

// req: builtins.grep
test('grep_files answers the lines that match, with what stands around them', () => {
  using tree = new Tree({
    'a.txt': 'one\ntwo\nthree\nfour\nfive\n',
    'b/c.txt': 'TWO\r\nnone',
    'b/d.md': 'two',
    binary: Uint8Array.of(0x74, 0x77, 0x6f, 0),
    latin: Buffer.from('two caf\xe9', 'latin1'),
    '.git/two': 'two',
  });
  execFileSync('mkfifo', [`${tree.root}/fifo`]);
  assert.deepEqual(tree.grep({ pattern: '^two' }), {
    matches: [
      { path: 'a.txt', line: 2, text: 'two' },
      { path: 'b/d.md', line: 1, text: 'two' },
      { path: 'latin', line: 1, text: 'two caf\uFFFD' },
    ],
    files_searched: 4,
    files_skipped: 1,
  });
  assert.deepEqual(tree.grep({ pattern: '^two$', ignore_case: true, glob: '*.txt', context: 1 }), {
    matches: [
      { path: 'a.txt', line: 2, text: 'two', before: ['one'], after: ['three'] },
      { path: 'b/c.txt', line: 1, text: 'TWO', after: ['none'] },
    ],
    files_searched: 2,
  });
  const neighbours = tree.grep({ pattern: 't', path: 'a.txt', context: 2 });
  assert.deepEqual(neighbours, {
    matches: [
      { path: 'a.txt', line: 2, text: 'two', before: ['one'], after: ['three', 'four'] },
      { path: 'a.txt', line: 3, text: 'three', before: ['one', 'two'], after: ['four', 'five'] },
    ],
    files_searched: 1,
  });
  assert.deepEqual(tree.grep({ pattern: 'two', path: 'b' })['files_searched'], 2);
  assert.equal(
    problemOf(() => tree.grep({ pattern: 'x', path: 'nothing' })),
    'it does not exist',
  );
});

// req: builtins.grep-bounds
test('grep_files ends at its limits of matches, size and time, and says at which', () => {
  using tree = new Tree({ many: 'match\n'.repeat(5_000), wide: `${'x'.repeat(10_000)}needle${'y'.repeat(1_000)}` });
  const some = tree.grep({ pattern: 'match' });
  assert.deepEqual([(some['matches'] as unknown[]).length, some['truncated']], [100, 'limit']);
  const most = tree.grep({ pattern: 'match', limit: 100_000 });
  assert.deepEqual([(most['matches'] as unknown[]).length, most['truncated']], [1_000, 'limit']);
  const [wide] = tree.grep({ pattern: 'needle' })['matches'] as { text: string }[];
  assert.match(wide?.text ?? '', /^…x{80}needley+… \(\d+ more characters\)$/);
  writeFileSync(`${tree.root}/fat`, `match ${'z'.repeat(600)}\n`.repeat(1_000));
  assert.equal(tree.grep({ pattern: 'match', path: 'fat', limit: 1_000, context: 10 })['truncated'], 'size');
  truncateSync(`${tree.root}/fat`, 11 * 1024 * 1024);
  assert.deepEqual(tree.grep({ pattern: 'match', path: 'fat' }), { matches: [], files_searched: 0, files_skipped: 1 });
  tree.limitMs = -1;
  assert.equal(tree.grep({ pattern: 'needle', path: '.' })['truncated'], 'time');
});

test('a search ends soon after its caller is gone', () => {
  using tree = new Tree(Object.fromEntries(Array.from({ length: 200 }, (_file, index) => [`f${index}`, 'x'])));
  new Int32Array(tree.stop)[0] = 1;
  assert.equal(tree.find({ pattern: '*' })['truncated'], 'time');
  assert.equal(tree.grep({ pattern: 'x' })['truncated'], 'time');
});

// req: builtins.grep-bombs
test('patterns made to hang an engine that backtracks take no time, and monstrous ones are refused', () => {
  using tree = new Tree({ a: `${'a'.repeat(15_000)}!\n`.repeat(20) });
  const before = process.cpuUsage();
  for (const pattern of ['(a+)+$', '(a|a)+$', '(a|aa)+$', '(.*a){20}b', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y'])
    assert.deepEqual(tree.grep({ pattern })['matches'], [], pattern);
  const tookMs = process.cpuUsage(before).user / 1_000;
  assert.ok(tookMs < 5_000, `took ${tookMs} ms of the processor`);
  assert.match(
    problemOf(() => tree.grep({ pattern: '((a{1,100}){1,100})' })),
    /^the pattern is not a valid RE2 /,
  );
  assert.match(
    problemOf(() => tree.grep({ pattern: '(' })),
    /^the pattern is not a valid RE2 expression \(.*\)$/,
  );
  assert.match(
    problemOf(() => tree.grep({ pattern: '(?=a)' })),
    /^the pattern is not a valid RE2 expression/,
  );
  assert.match(
    problemOf(() => tree.grep({ pattern: '(a)\\1' })),
    /^the pattern is not a valid RE2 expression/,
  );
  assert.match(
    problemOf(() => tree.grep({ pattern: 'a'.repeat(1_001) })),
    /longer than 1000 characters/,
  );
  const steps = '([ab]{1,999}c){1}'.repeat(8);
  assert.match(
    problemOf(() => tree.grep({ pattern: steps })),
    /^the pattern repeats too much \(\d+ steps/,
  );
});

// req: builtins.glob
test('a glob means what it does elsewhere', () => {
  const cases: Record<string, { yes: string[]; no: string[] }> = {
    '*.ts': { yes: ['a.ts', 'x/y/a.ts', '.ts'], no: ['a.tsx', 'ts'] },
    './a?c': { yes: ['abc', 'x/a😀c'], no: ['ac', 'abbc'] },
    'src/*.ts': { yes: ['src/a.ts'], no: ['src/x/a.ts', 'a.ts', 'x/src/a.ts'] },
    '**/x': { yes: ['x', 'a/x', 'a/b/x'], no: ['xx', 'a/x/b'] },
    'a/**': { yes: ['a/b', 'a/b/c'], no: ['a', 'b/a/c'] },
    'a/**/b': { yes: ['a/b', 'a/x/b', 'a/x/y/b'], no: ['ab', 'a/bb'] },
    'a**b/c': { yes: ['ab/c', 'axxb/c'], no: ['a/b/c'] },
    '*.{ts,m{j,t}s}': { yes: ['a.ts', 'a.mjs', 'a.mts'], no: ['a.js', 'a.{ts'] },
    '[a-c]x[!0-9]': { yes: ['axz', 'cx-'], no: ['dxz', 'ax0'] },
    '[]x]': { yes: [']', 'x'], no: ['[]x]'] },
    '[a': { yes: ['[a'], no: ['a'] },
    '[a-]': { yes: ['a', '-'], no: ['b'] },
    '[!-a]': { yes: ['b'], no: ['-', 'a'] },
    'a[/]b/c': { yes: [], no: ['a/b/c'] },
    'a.b+(c)|$^': { yes: ['a.b+(c)|$^'], no: ['axb+(c)|$^', 'a.bc'] },
    '\\*\\{': { yes: ['*{'], no: ['x{'] },
    'a,b}': { yes: ['a,b}'], no: ['a', 'b'] },
  };
  for (const [glob, { yes, no }] of Object.entries(cases)) {
    const isMeant = compileGlob(glob);
    assert.deepEqual(
      yes.filter((path) => !isMeant(path)),
      [],
      `${glob} is about these too`,
    );
    assert.deepEqual(no.filter(isMeant), [], `${glob} is not about these`);
  }
  assert.equal(
    problemOf(() => compileGlob('{a')),
    'its pattern has a "{" without a "}"',
  );
  assert.equal(
    problemOf(() => compileGlob('[z-a]')),
    'its pattern is not a valid glob',
  );
  assert.match(
    problemOf(() => compileGlob('{'.repeat(11))),
    /braces deeper than 10 levels/,
  );
  assert.match(
    problemOf(() => compileGlob('a'.repeat(501))),
    /longer than 500 characters/,
  );
});

test('globs made to hang a matcher that backtracks take no time', () => {
  const before = process.cpuUsage();
  for (const glob of ['*a'.repeat(100), '{a,b}'.repeat(80), '**/'.repeat(150), `${'*'.repeat(400)}b`])
    assert.equal(compileGlob(`${glob}!`)('a'.repeat(250)), false);
  assert.ok(process.cpuUsage(before).user < 3_000_000);
});

test('P: where the matcher of Node and ours know the same syntax, they agree', () => {
  const piece = fc.constantFrom('a', 'b', '.', '*', '?', '[ab]', '[!a]', '{a,b}', '{a,b?}', 'x');
  const segment = fc.oneof(
    { weight: 3, arbitrary: fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')) },
    { weight: 1, arbitrary: fc.constant('**') },
  );
  const name = fc.array(fc.constantFrom('a', 'b', '.', 'x'), { maxLength: 3 }).map((rest) => `a${rest.join('')}`);
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  fc.assert(
    fc.property(fc.array(segment, { minLength: 2, maxLength: 4 }), path, (segments, candidate) => {
      // Node leaves names alone that begin with a dot, and reads two "**" or a "." alone in ways of its own.
      fc.pre(
        !segments.some(
          (each, index) => /^[.{?]|^\*\.|\.$/.test(each) || (each === '**' && segments[index + 1] === each),
        ),
      );
      const glob = segments.join('/');
      assert.equal(compileGlob(glob)(candidate), matchesGlob(candidate, glob), `${glob} on ${candidate}`);
    }),
    { numRuns: long ? 20_000 : 1_000 },
  );
});
