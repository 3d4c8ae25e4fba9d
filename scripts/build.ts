// npm run build: writes one publishable folder for each public package, dist/<folder>/, with JavaScript and declarations
// under dist/ of its own, and the programs of the server bundled, for a quick start.
//   node scripts/build.ts [--out <folder>]
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle, sourceByUrl } from './bundle.ts';
import { readPackages } from './import-graph.ts';

type Manifest = Record<string, unknown> & {
  name: string;
  version: string;
  private?: boolean;
  bin?: Record<string, string>;
  exports?: Record<string, unknown>;
  dependencies?: Record<string, string>;
};

const root = join(import.meta.dirname, '..');
const bundledLicences = 'THIRD-PARTY-LICENSES';
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } });
const output = resolve(values.out);
const emitted = join(output, '.emit');

const packages = readPackages(root)
  .map(({ folder }) => ({ folder, manifest: readManifest(join(root, 'packages', folder)) }))
  .filter(({ manifest }) => manifest.private !== true);
const versions = new Map(packages.map(({ manifest }) => [manifest.name, manifest.version]));

rmSync(output, { recursive: true, force: true });
emitSources();
for (const { folder, manifest } of packages) {
  await buildPackage(folder, manifest);
  console.log(`${join(values.out, folder)}  ${manifest.name}@${manifest.version}`);
}
rmSync(emitted, { recursive: true });

/** JavaScript and declarations of every public package, below `emitted`. */
function emitSources(): void {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const args = ['--project', join(root, 'tsconfig.build.json'), '--outDir', emitted];
  const { status } = spawnSync(tsc, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(1);
  // tsc makes `./x.js` of the `./x.ts` in an import, and leaves those that stand in an address to us.
  for (const file of globSync(join(emitted, '**', '*.js'))) {
    const text = readFileSync(file, 'utf8');
    const changed = text.replaceAll(sourceByUrl, "new URL('$2.js', import.meta.url)");
    if (changed !== text) writeFileSync(file, changed);
  }
}

async function buildPackage(folder: string, manifest: Manifest): Promise<void> {
  const source = join(root, 'packages', folder);
  const target = join(output, folder);
  mkdirSync(target);
  cpSync(join(emitted, folder, 'src'), join(target, 'dist'), { recursive: true });
  for (const name of ['bin', 'templates'])
    if (existsSync(join(source, name))) cpSync(join(source, name), join(target, name), { recursive: true });
  for (const name of ['LICENSE', 'NOTICE', 'README.md']) {
    const own = [join(source, name), join(root, name)].find((path) => existsSync(path));
    if (own !== undefined) cpSync(own, join(target, name));
  }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(toPublished(manifest), null, 2)}\n`);
  if (manifest.bin) {
    const programs = Object.keys(manifest.bin).map((name) => join(source, 'src', `${name}.ts`));
    writeFileSync(join(target, bundledLicences), await bundle(programs, join(target, 'dist')));
  }
}

/** The manifest as it is published: entry points are JavaScript, and packages of ours have their real version. */
function toPublished(manifest: Manifest): Manifest {
  const { exports = {}, dependencies = {} } = manifest;
  return {
    ...manifest,
    scripts: undefined,
    devDependencies: undefined,
    files: ['dist', 'bin', 'templates', 'NOTICE', bundledLicences],
    publishConfig: { access: 'public' },
    exports: Object.fromEntries(Object.entries(exports).map(([subpath, target]) => [subpath, toBuilt(target)])),
    dependencies: Object.fromEntries(
      Object.entries(dependencies).map(([name, version]) => [name, versions.get(name) ?? version]),
    ),
  };
}

/** `./src/x.ts`, alone or under conditions, as the built file and its types. */
function toBuilt(target: unknown): unknown {
  if (typeof target !== 'string') {
    return Object.fromEntries(Object.entries(target as object).map(([name, each]) => [name, toBuilt(each)]));
  }
  const built = target.replace('./src/', './dist/');
  return { types: built.replace(/\.ts$/, '.d.ts'), default: built.replace(/\.ts$/, '.js') };
}

function readManifest(home: string): Manifest {
  return JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
}
