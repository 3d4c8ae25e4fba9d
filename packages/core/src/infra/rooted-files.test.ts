import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { TempFolder } from '@car-runtime/testkit/wire';
import { canonicalFolder, RootedFiles, type LocateOptions } from './rooted-files.ts';
import { problemOf } from './problem-of.ts';
import { PathProblem } from './rooted-path.ts';
import { replaceFile } from './rooted-write.ts';

const maxBytes = 1_000;

/** A root with a few files, and beside it what must never be reached. */
class Tree implements Disposable {
  readonly #folder = new TempFolder();
  readonly root: string;
  readonly outside: string;
  readonly #options: { holdsFolders: boolean; privatePaths?: string[] };

  constructor(holdsFolders: boolean) {
    this.#options = { holdsFolders };
    const top = realpathSync(this.#folder.path);
    this.root = `${top}/root`;
    this.outside = `${top}/outside`;
    for (const path of [this.root, this.outside, `${this.root}/a`, `${this.root}/a/b`]) mkdirSync(path);
    writeFileSync(`${this.outside}/canary`, 'canary');
    writeFileSync(`${this.root}/one`, '1');
    writeFileSync(`${this.root}/a/two`, '2');
    writeFileSync(`${this.root}/a/b/three`, '3');
  }

  protect(...paths: string[]): void {
    this.#options.privatePaths = paths;
  }

  open(): RootedFiles {
    return RootedFiles.open(this.root, this.#options);
  }

  link(target: string, path: string): void {
    symlinkSync(target, `${this.root}/${path}`);
  }

  read(path: string): string {
    using files = this.open();
    using place = files.locate(path);
    return place.folder.readFile(place.name, maxBytes, place.info).toString();
  }

  write(path: string, text: string, options: LocateOptions = {}): void {
    using files = this.open();
    using place = files.locate(path, { followsLast: false, ...options });
    replaceFile(place, Buffer.from(text));
  }

  list(path: string): string[] {
    using files = this.open();
    using folder = files.openFolder(path);
    return folder.list(100).entries.map(({ name, kind }) => `${name}:${kind}`);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

/** The same promises with and without folders held open. */
function eachWay(title: string, run: (tree: Tree, context: TestContext) => void | Promise<void>): void {
  for (const holdsFolders of process.platform === 'linux' ? [true, false] : [false])
    test(`${title} (${holdsFolders ? 'folders held open' : 'folders by path'})`, async (context) => {
      using tree = new Tree(holdsFolders);
      const before = openDescriptors();
      await run(tree, context);
      assert.equal(openDescriptors(), before, 'every descriptor was closed');
    });
}

function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

const outside = 'its path leads outside the root folder';
const missing = 'it does not exist';

// req: builtins.root
eachWay('a path names a file below the root, and nothing else', (tree) => {
  assert.deepEqual(
    ['one', './one', 'a//two', 'a/./b/three'].map((path) => tree.read(path)),
    ['1', '1', '2', '3'],
  );
  assert.deepEqual(tree.list('.'), ['a:directory', 'one:file']);
  assert.deepEqual(tree.list('a/'), ['b:directory', 'two:file']);
  const dots = 'its path contains ".."';
  const absolute = 'its path is absolute; give it relative to the root folder';
  const refused: Record<string, string> = {
    '..': dots,
    '../outside/canary': dots,
    'a/../one': dots,
    'a/..': dots,
    './../outside/canary': dots,
    [tree.outside]: absolute,
    [`${tree.root}/one`]: absolute,
    '/': absolute,
    '//etc/passwd': absolute,
    'one\0': 'its path contains a NUL character',
    'one\ud800': 'its path is not well-formed Unicode',
    [`${'a/'.repeat(2_100)}x`]: 'its path is longer than 4096 characters',
    [`${'a'.repeat(300)}/x`]: 'a name in its path is too long',
    'one/two': process.platform === 'win32' ? missing : 'a part of its path is not a folder',
    'nothing/two': missing,
    nothing: missing,
    '...': missing,
    '.. ': missing,
    '%2e%2e/outside/canary': missing,
    '..\\outside\\canary': process.platform === 'win32' ? dots : missing,
    ONE: missing,
    '': 'it is a folder',
  };
  for (const [path, problem] of Object.entries(refused))
    assert.equal(
      problemOf(() => tree.read(path)),
      problem,
      JSON.stringify(path.slice(0, 80)),
    );
});

// req: builtins.root-links
eachWay('links are followed as long as they stay below the root', (tree) => {
  tree.link('a/two', 'inside');
  tree.link(`${tree.root}/a/b`, 'absolute');
  tree.link('../../one', 'a/b/up');
  tree.link('inside', 'chain');
  tree.link('absolute/../two', 'through');
  assert.deepEqual(
    ['inside', 'absolute/three', 'a/b/up', 'chain', 'absolute/up', 'through'].map((path) => tree.read(path)),
    ['2', '3', '1', '2', '1', '2'],
  );
  assert.deepEqual(tree.list('absolute'), ['three:file', 'up:link']);
  tree.link(tree.outside, 'out');
  tree.link(`${tree.outside}/canary`, 'canary');
  tree.link('../outside', 'relative');
  tree.link('../../../outside', 'a/b/far');
  tree.link('a/../../outside/canary', 'round');
  tree.link('out', 'out-again');
  tree.link(`${tree.root}x`, 'beside');
  tree.link('/', 'top');
  for (const path of [
    'out/canary',
    'canary',
    'relative/canary',
    'a/b/far/canary',
    'round',
    'out-again/canary',
    'beside',
    'top/etc/passwd',
  ])
    assert.equal(
      problemOf(() => tree.read(path)),
      outside,
      path,
    );
  assert.equal(
    problemOf(() => tree.list('out')),
    outside,
  );
  tree.link('loop', 'loop');
  tree.link('nowhere', 'dangling');
  assert.equal(
    problemOf(() => tree.read('loop')),
    'its path passes too many links',
  );
  assert.equal(
    problemOf(() => tree.read('dangling')),
    missing,
  );
});

// req: builtins.write-links
eachWay('writing never goes through a link, wherever it leads', (tree) => {
  tree.link(`${tree.outside}/canary`, 'canary');
  tree.link(`${tree.outside}/new`, 'new');
  tree.link('one', 'inside');
  tree.link(tree.outside, 'out');
  const link = 'it is a symbolic link; name the file it leads to';
  assert.equal(
    problemOf(() => tree.write('canary', 'x')),
    link,
  );
  assert.equal(
    problemOf(() => tree.write('new', 'x')),
    link,
  );
  assert.equal(
    problemOf(() => tree.write('inside', 'x')),
    link,
  );
  assert.equal(
    problemOf(() => tree.write('out/canary', 'x')),
    outside,
  );
  assert.equal(
    problemOf(() => tree.write('out/made/x', 'x', { makesFolders: true })),
    outside,
  );
  assert.deepEqual(readdirSync(tree.outside), ['canary']);
  assert.equal(readFileSync(`${tree.outside}/canary`, 'utf8'), 'canary');
  assert.equal(tree.read('one'), '1');
});

// req: builtins.write-atomic
eachWay('a file is replaced as a whole, keeps its mode, and leaves other names of the old one alone', (tree) => {
  const path = `${tree.root}/one`;
  chmodSync(path, 0o640);
  linkSync(path, `${tree.outside}/same`);
  tree.write('one', 'new');
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.equal(statSync(path).mode & 0o7777, 0o640);
  assert.equal(readFileSync(`${tree.outside}/same`, 'utf8'), '1');
  tree.write('deep/er/new', 'made', { makesFolders: true });
  assert.equal(tree.read('deep/er/new'), 'made');
  assert.equal(
    problemOf(() => tree.write('nothing/new', 'x')),
    missing,
  );
  assert.equal(
    problemOf(() => tree.write('a', 'x')),
    'it is a folder',
  );
  assert.deepEqual(tree.list('.'), ['a:directory', 'deep:directory', 'one:file'], 'no temporary file is left');
});

eachWay('a file that another program changed, removed or made meanwhile is not replaced', (tree) => {
  const changes: [path: string, change: () => void, problem: string][] = [
    [
      'one',
      () => writeFileSync(`${tree.root}/one`, 'longer'),
      'it was changed by somebody else meanwhile; read it again',
    ],
    ['one', () => rmSync(`${tree.root}/one`), missing],
    ['one', () => writeFileSync(`${tree.root}/one`, 'theirs'), 'it was made by somebody else meanwhile'],
  ];
  for (const [path, change, problem] of changes) {
    using files = tree.open();
    using place = files.locate(path);
    change();
    assert.equal(
      problemOf(() => replaceFile(place, Buffer.from('ours'))),
      problem,
    );
  }
  assert.equal(tree.read('one'), 'theirs');
  assert.deepEqual(tree.list('.'), ['a:directory', 'one:file']);
});

// req: builtins.special-files
eachWay('FIFOs, sockets, devices and folders are refused without being opened', async (tree) => {
  execFileSync('mkfifo', [`${tree.root}/fifo`]);
  tree.link('/dev/zero', 'device');
  const server = createServer().listen(`${tree.root}/socket`);
  await once(server, 'listening');
  const special = 'it is not a regular file';
  assert.equal(
    problemOf(() => tree.read('fifo')),
    special,
  );
  assert.equal(
    problemOf(() => tree.write('fifo', 'x')),
    special,
  );
  assert.equal(
    problemOf(() => tree.read('socket')),
    special,
  );
  assert.equal(
    problemOf(() => tree.write('socket', 'x')),
    special,
  );
  assert.equal(
    problemOf(() => tree.read('device')),
    outside,
  );
  assert.equal(
    problemOf(() => tree.read('a')),
    'it is a folder',
  );
  assert.equal(
    problemOf(() => tree.list('fifo')),
    'a part of its path is not a folder',
  );
  assert.deepEqual(tree.list('.'), ['a:directory', 'device:link', 'fifo:other', 'one:file', 'socket:other']);
  server.close();
  await once(server, 'close');
});

// req: builtins.size-caps
eachWay('a file larger than what is taken is refused before it is read', (tree) => {
  truncateSync(`${tree.root}/one`, 2 ** 40);
  assert.equal(
    problemOf(() => tree.read('one')),
    'it has 1099511627776 bytes or more, at most 1000 are taken',
  );
  truncateSync(`${tree.root}/one`, maxBytes);
  assert.equal(tree.read('one').length, maxBytes);
});

eachWay(
  'what the system does not let this user read or write is refused, and the message has no absolute path',
  (tree) => {
    chmodSync(`${tree.root}/one`, 0o000);
    chmodSync(`${tree.root}/a`, 0o000);
    writeFileSync(`${tree.root}/fixed`, 'fixed', { mode: 0o444 });
    withoutPrivileges(tree.root, () => {
      assert.equal(tree.read('fixed'), 'fixed');
      assert.equal(
        problemOf(() => tree.read('one')),
        'permission denied',
      );
      assert.equal(
        problemOf(() => tree.read('a/two')),
        'permission denied',
      );
      assert.equal(
        problemOf(() => tree.list('a')),
        'permission denied',
      );
      assert.equal(
        problemOf(() => tree.write('fixed', 'x')),
        'permission denied',
      );
    });
    chmodSync(`${tree.root}/a`, 0o700);
  },
);

/** Root may read anything, so it takes part as another user. */
function withoutPrivileges(folder: string, run: () => void): void {
  const { geteuid, seteuid } = process;
  if (geteuid?.() !== 0 || !seteuid) return run();
  const nobody = 65_534;
  for (let path = folder; path.includes('/car-'); path = path.slice(0, path.lastIndexOf('/'))) chmodSync(path, 0o777);
  seteuid.call(process, nobody);
  try {
    run();
  } finally {
    seteuid.call(process, 0);
  }
}

// req: builtins.private-files
eachWay('private files and folders are out of reach, whatever they are called', (tree) => {
  mkdirSync(`${tree.root}/state`);
  writeFileSync(`${tree.root}/state/token`, 'token');
  tree.link('state', 'alias');
  tree.link('state/token', 'token');
  linkSync(`${tree.root}/one`, `${tree.root}/hard`);
  tree.protect(`${tree.root}/state`, `${tree.root}/one`, `${tree.root}/later/policies`, `${tree.root}/soon`);
  const problem = "it is one of the daemon's own files";
  for (const path of ['state/token', 'alias/token', 'token', 'one', 'hard'])
    assert.equal(
      problemOf(() => tree.read(path)),
      problem,
      path,
    );
  for (const path of ['state/new', 'alias/new', 'one', 'hard', 'later/policies', 'later/x', 'soon', 'SOON'])
    assert.equal(
      problemOf(() => tree.write(path, 'x', { makesFolders: true })),
      problem,
      path,
    );
  assert.equal(
    problemOf(() => tree.list('alias')),
    problem,
  );
  assert.equal(tree.read('a/two'), '2');
  assert.deepEqual(readdirSync(`${tree.root}/state`), ['token']);
});

eachWay('a root that is gone, moved or a link by now is refused', (tree) => {
  renameSync(tree.root, `${tree.root}-moved`);
  assert.equal(
    problemOf(() => tree.open()),
    missing,
  );
  symlinkSync(tree.outside, tree.root);
  assert.equal(
    problemOf(() => tree.open()),
    'it is not where it was any more',
  );
  assert.equal(canonicalFolder(tree.root), tree.outside);
  assert.equal(
    problemOf(() => canonicalFolder(`${tree.outside}/canary`)),
    'it is not a folder',
  );
});

eachWay('a folder that was moved out of the root is not read or written through an open handle', (tree) => {
  using files = tree.open();
  using place = files.locate('a/two');
  renameSync(`${tree.root}/a`, `${tree.outside}/a`);
  assert.notEqual(
    problemOf(() => place.folder.readFile('two', maxBytes, place.info)),
    'none',
  );
  assert.notEqual(
    problemOf(() => replaceFile(place, Buffer.from('x'))),
    'none',
  );
  assert.equal(readFileSync(`${tree.outside}/a/two`, 'utf8'), '2');
});

eachWay('what becomes a link after its path was walked is not followed', (tree) => {
  writeFileSync(`${tree.outside}/two`, 'canary');
  using files = tree.open();
  using inFolder = files.locate('a/two');
  using inRoot = files.locate('one');
  renameSync(`${tree.root}/a`, `${tree.root}/moved`);
  tree.link(tree.outside, 'a');
  rmSync(`${tree.root}/one`);
  tree.link(`${tree.outside}/two`, 'one');
  const read = ({ folder, name, info }: typeof inRoot): string => {
    try {
      return folder.readFile(name, maxBytes, info).toString();
    } catch (error) {
      assert.ok(error instanceof PathProblem);
      return 'refused';
    }
  };
  assert.ok(['2', 'refused'].includes(read(inFolder)), 'the file that was meant, or none');
  assert.equal(read(inRoot), 'refused');
  problemOf(() => replaceFile(inFolder, Buffer.from('x')));
  assert.notEqual(
    problemOf(() => replaceFile(inRoot, Buffer.from('x'))),
    'none',
  );
  assert.notEqual(
    problemOf(() => tree.list('a')),
    'none',
  );
  assert.deepEqual(readdirSync(tree.outside).toSorted(), ['canary', 'two']);
  assert.equal(readFileSync(`${tree.outside}/two`, 'utf8'), 'canary');
});

eachWay('a long list ends at what was asked for, and says so', (tree) => {
  for (let index = 0; index < 30; index++) writeFileSync(`${tree.root}/a/${index}`, '');
  using files = tree.open();
  using folder = files.openFolder('a');
  const { entries, isComplete } = folder.list(10);
  assert.deepEqual({ count: entries.length, isComplete }, { count: 10, isComplete: false });
  assert.equal(folder.list(32).isComplete, true);
});
