// What we depend on is of one version, has its reason in docs/dependencies.md, and runs nothing when it is installed (the
// pinned Node excepted).
//   node scripts/dependencies.ts
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const mayRun = 'node_modules/node';

/** What is wrong in the repository at `root`, a line each. */
export function dependencyErrors(root: string): string[] {
  const { packages } = readJson(join(root, 'package-lock.json')) as { packages: Record<string, LockEntry> };
  const reasons = readFileSync(join(root, 'docs', 'dependencies.md'), 'utf8');
  const runners = Object.entries(packages).filter(
    ([path, { hasInstallScript }]) => hasInstallScript && path !== mayRun,
  );
  const ours = new Set(Object.values(packages).map(({ name }) => name));
  return [
    ...runners.map(([path]) => `package-lock.json: ${path} has an install script`),
    ...globSync('{.,packages/*}/package.json', { cwd: root })
      .toSorted()
      .flatMap((file) => {
        const { dependencies, devDependencies } = readJson(join(root, file)) as Manifest;
        const named = Object.entries({ ...dependencies, ...devDependencies });
        return named.flatMap(([name, version]) => {
          if (!/^\d+\.\d+\.\d+$/.test(version)) return [`${file}: ${name} is not of one version but of "${version}"`];
          if (ours.has(name) || reasons.includes(`\`${name}\``)) return [];
          return [`${file}: docs/dependencies.md does not say what ${name} is for`];
        });
      }),
  ];
}

interface LockEntry {
  /** Of packages of ours. */
  name?: string;
  hasInstallScript?: boolean;
}

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

if (import.meta.main) {
  const errors = dependencyErrors(join(import.meta.dirname, '..'));
  for (const error of errors) console.error(error);
  process.exitCode = errors.length > 0 ? 1 : 0;
}
