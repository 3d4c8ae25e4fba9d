// What we depend on is named exactly and runs nothing when it is installed, the pinned Node excepted.
//   node scripts/dependencies.ts
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const mayRunOnInstall = ['node_modules/node'];

/** What is wrong in the repository at `root`, a line each. */
export function dependencyErrors(root: string): string[] {
  const { packages } = readJson(join(root, 'package-lock.json')) as { packages: Record<string, LockEntry> };
  const runners = Object.keys(packages)
    .filter((path) => packages[path]?.hasInstallScript === true && !mayRunOnInstall.includes(path))
    .map((path) => `package-lock.json: ${path} has an install script`);
  const loose = globSync('{.,packages/*}/package.json', { cwd: root })
    .toSorted()
    .flatMap((file) => {
      const manifest = readJson(join(root, file)) as Manifest;
      return Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
        .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
        .map(([name, version]) => `${file}: ${name} is not of one version but of ${version}`);
    });
  return [...runners, ...loose];
}

interface LockEntry {
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
