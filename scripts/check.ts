// npm run check: everything that can be said of the sources without running them. All steps run, and any failure fails.
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');

const steps: Record<string, [command: string, ...args: string[]]> = {
  format: ['oxfmt', '--check'],
  lint: ['oxlint'],
  types: ['tsc', '--noEmit'],
  'console types': ['tsc', '--project', 'packages/console'],
  layering: ['node', 'scripts/layering.ts'],
  docs: ['node', 'scripts/gen.ts', '--check'],
  requirements: ['node', 'scripts/requirements.ts'],
  dependencies: ['node', 'scripts/dependencies.ts'],
};

const env = { ...process.env, PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter) };

for (const [name, [command, ...args]] of Object.entries(steps)) {
  const startedMs = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, env, encoding: 'utf8' });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(13)} ${seconds} s`);
  if (status === 0) continue;
  console.log(error ? error.message : `${stdout}${stderr}`);
  process.exitCode = 1;
}
