import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { dependencyErrors } from './dependencies.ts';
import { temporaryRepository } from './temporary-repository.ts';

test('a dependency of one version that is explained is in order, and so is a package of ours', (t) => {
  const errors = check(t, { rpc: { ws: '8.23.0' }, core: { '@car-runtime/rpc': '0.1.0' } });
  assert.deepEqual(errors, []);
});

test('a range of versions is reported', (t) => {
  const errors = check(t, { rpc: { ws: '^8.23.0' } });
  assert.deepEqual(errors, ['packages/rpc/package.json: ws is not of one version but of "^8.23.0"']);
});

test('a dependency without a reason is reported', (t) => {
  const errors = check(t, { rpc: { left: '1.0.0' } });
  assert.deepEqual(errors, ['packages/rpc/package.json: docs/dependencies.md does not say what left is for']);
});

test('an install script is reported, at any depth, save the one of the pinned Node', (t) => {
  const errors = check(t, { rpc: { ws: '8.23.0' } }, ['node_modules/node', 'node_modules/ws/node_modules/native']);
  assert.deepEqual(errors, ['package-lock.json: node_modules/ws/node_modules/native has an install script']);
});

/** Checks a repository whose packages have these dependencies. */
function check(t: TestContext, packages: Record<string, Record<string, string>>, runners: string[] = []): string[] {
  const folders = Object.entries(packages);
  const locked = [
    ...folders.map(([folder]) => [`packages/${folder}`, { name: `@car-runtime/${folder}` }]),
    ...runners.map((path) => [path, { hasInstallScript: true }]),
  ];
  return dependencyErrors(
    temporaryRepository(t, {
      'package.json': {},
      'package-lock.json': { packages: Object.fromEntries(locked) },
      'docs/dependencies.md': '| `ws` | WebSockets |',
      ...Object.fromEntries(
        folders.map(([folder, dependencies]) => [`packages/${folder}/package.json`, { dependencies }]),
      ),
    }),
  );
}
