import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { layeringErrors } from './layering.ts';
import { temporaryRepository } from './temporary-repository.ts';

test('this repository keeps its layers', () => {
  assert.deepEqual(layeringErrors(join(import.meta.dirname, '..')), []);
});

test('an allowed edge of packages passes and its reverse is refused', (t) => {
  const errors = check(t, {
    'packages/client/src/index.ts': `export * from '@car-runtime/rpc';`,
    'packages/rpc/src/frame.ts': `import type { A } from '@car-runtime/client';`,
  });
  assert.deepEqual(errors, ['packages/rpc/src/frame.ts:1 imports @car-runtime/client: rpc may not import client']);
});

test('every form of import is seen', (t) => {
  const wrong = `'@car-runtime/core'`;
  const errors = check(t, {
    'packages/engine/src/a.ts': [
      `import ${wrong};`,
      `import { a } from ${wrong};`,
      `import type { B } from ${wrong};`,
      `export * from ${wrong};`,
      `export { c } from ${wrong};`,
      `const d = await import(${wrong});`,
      `type E = import(${wrong}).E;`,
      `// import ${wrong};`,
      `const text = "import ${wrong}";`,
    ].join('\n'),
  });
  assert.deepEqual(
    errors.map((error) => error.split(' ')[0]),
    [1, 2, 3, 4, 5, 6, 7].map((line) => `packages/engine/src/a.ts:${line}`),
  );
});

test('a package is imported through its entry points only', (t) => {
  const errors = check(t, {
    'packages/client/src/a.ts': `import '@car-runtime/rpc/node';`,
    'packages/client/src/b.ts': `import '@car-runtime/rpc/src/frame.ts';`,
    'packages/client/src/c.ts': `import '../../rpc/src/frame.ts';`,
    'packages/rpc/src/frame.ts': ``,
  });
  assert.deepEqual(errors, [
    'packages/client/src/b.ts:1 imports @car-runtime/rpc/src/frame.ts: @car-runtime/rpc has no such entry point',
    'packages/client/src/c.ts:1 imports ../../rpc/src/frame.ts: another package is imported by its name',
  ]);
});

test('a source imports only libraries that its package declares', (t) => {
  const errors = check(t, {
    'packages/rpc/src/a.ts': `import 'ws'; import 'node:fs'; import 'fast-check';`,
    'packages/rpc/src/a.test.ts': `import 'fast-check'; import 'zod'; import 'nowhere';`,
  });
  assert.deepEqual(errors, [
    'packages/rpc/src/a.test.ts:1 imports nowhere: not among the dependencies',
    'packages/rpc/src/a.ts:1 imports fast-check: not among the dependencies of @car-runtime/rpc',
  ]);
});

test('in core the kernel, the infrastructure and the domains do not know each other where they must not', (t) => {
  const top = `import '../server-state.ts';`;
  const errors = check(t, {
    'packages/core/src/server-state.ts': `import './domains/runs/index.ts'; import './domains/state/index.ts';`,
    'packages/core/src/domains/state/index.ts': `import '../../kernel/kernel.ts'; import '../../infra/files.ts';`,
    'packages/core/src/domains/runs/index.ts': `import type { S } from '../state/index.ts'; import type { K } from '../../infra/files.ts';`,
    'packages/core/src/kernel/kernel.ts': `import type { S } from '../domains/state/index.ts';`,
    'packages/core/src/kernel/other.ts': top,
    'packages/core/src/infra/files.ts': `import type { K } from '../kernel/kernel.ts';`,
    'packages/core/src/version.ts': `import type { S } from './domains/state/index.ts';`,
  });
  const names = 'only composition, server-state.ts, its config and the entry points name domains';
  assert.deepEqual(errors, [
    `packages/core/src/domains/runs/index.ts:1 imports ../state/index.ts: a domain never imports another domain's files`,
    'packages/core/src/infra/files.ts:1 imports ../kernel/kernel.ts: infra imports neither the kernel nor a domain',
    `packages/core/src/kernel/kernel.ts:1 imports ../domains/state/index.ts: ${names}`,
    'packages/core/src/kernel/other.ts:1 imports ../server-state.ts: nothing below imports what stands at the top',
    `packages/core/src/version.ts:1 imports ./domains/state/index.ts: ${names}`,
  ]);
});

test('only tests import the testkit, the client and other tests', (t) => {
  const errors = check(t, {
    'packages/core/src/a.test.ts': `import '@car-runtime/testkit'; import './b.test.ts'; import '../test/support.ts';`,
    'packages/core/src/b.test.ts': ``,
    'packages/core/src/b.ts': `import '@car-runtime/testkit'; import './b.test.ts'; import '../test/support.ts';`,
    'packages/core/test/support.ts': `import '@car-runtime/testkit'; import '@car-runtime/core'; import '@car-runtime/client';`,
  });
  assert.deepEqual(errors, [
    'packages/core/src/b.ts:1 imports @car-runtime/testkit: core may not import testkit',
    'packages/core/src/b.ts:1 imports ./b.test.ts: only a test imports a test',
    'packages/core/src/b.ts:1 imports ../test/support.ts: only a test imports a test',
  ]);
});

test('files that import each other are a cycle, unless for types or on demand', (t) => {
  const errors = check(t, {
    'packages/rpc/src/a.ts': `import './b.ts';`,
    'packages/rpc/src/b.ts': `import './c.ts';`,
    'packages/rpc/src/c.ts': `import './a.ts';`,
    'packages/rpc/src/d.ts': `import './e.ts';`,
    'packages/rpc/src/e.ts': `import type { D } from './d.ts'; const load = () => import('./d.ts');`,
  });
  const [a, b, c] = ['a', 'b', 'c'].map((name) => `packages/rpc/src/${name}.ts`);
  assert.deepEqual(errors, [`${a} imports ${b} imports ${c} imports ${a}: a cycle`]);
});

test('what a browser loads reaches nothing of Node', (t) => {
  const errors = check(t, {
    'packages/client/src/index.ts': `import 'node:fs'; import './shared.ts';`,
    'packages/client/src/browser.ts': `import './shared.ts';`,
    'packages/client/src/shared.ts': `import '@car-runtime/rpc'; import type { Server } from 'node:http';`,
    'packages/rpc/src/index.ts': `import 'ws';`,
    'packages/protocol/src/index.ts': `import 'zod'; import 'node:path';`,
  });
  assert.deepEqual(errors, [
    'packages/protocol/src/index.ts:1 imports node:path: not to be had in a browser, which loads this file',
    'packages/rpc/src/index.ts:1 imports ws: not to be had in a browser, which loads this file',
  ]);
});

const ours = { '@car-runtime/rpc': '1', '@car-runtime/protocol': '1' };

const manifests: Record<string, object> = {
  rpc: {
    name: '@car-runtime/rpc',
    exports: { '.': './src/index.ts', './node': './src/node.ts' },
    dependencies: { ws: '8' },
  },
  engine: { name: '@car-runtime/engine', exports: { '.': './src/index.ts' } },
  protocol: { name: '@car-runtime/protocol', exports: { '.': './src/index.ts' }, dependencies: { zod: '4' } },
  client: {
    name: '@car-runtime/client',
    exports: { '.': { browser: './src/browser.ts', default: './src/index.ts' } },
    dependencies: ours,
  },
  core: { name: '@car-runtime/core', exports: { '.': './src/index.ts' }, dependencies: ours },
  testkit: { name: '@car-runtime/testkit', exports: { '.': './src/index.ts' } },
};

/** Checks a repository of the packages above and these files. */
function check(t: TestContext, files: Record<string, string>): string[] {
  const packages = Object.entries(manifests).map(([folder, manifest]) => [`packages/${folder}/package.json`, manifest]);
  return layeringErrors(
    temporaryRepository(t, {
      'package.json': { devDependencies: { 'fast-check': '4' } },
      ...Object.fromEntries(packages),
      ...files,
    }),
  );
}
