// Which source may import which: fails on a wrong edge, on a cycle of files, and on code for browsers that needs Node.
//   node scripts/layering.ts
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import {
  findCycles,
  readImports,
  readPackages,
  resolveImport,
  splitSpecifier,
  type Import,
  type Package,
} from './import-graph.ts';

/** The packages that each package may import, by folder. */
const mayImport: Record<string, readonly string[]> = {
  rpc: [],
  engine: [],
  memory: [],
  protocol: ['rpc'],
  client: ['rpc', 'protocol'],
  console: ['rpc', 'protocol', 'client'],
  core: ['rpc', 'protocol', 'engine', 'memory'],
  server: ['rpc', 'protocol', 'engine', 'memory', 'client', 'core'],
  testkit: ['rpc', 'protocol', 'engine', 'memory', 'client', 'core', 'server', 'console'],
};

/** What tests, which stand above everything, may import besides. */
const testsMayImport = ['client', 'testkit'];
/** The console is tested against the daemon that serves it. */
const testsOfConsoleMayImport = [...testsMayImport, 'server'];

/** Packages whose main entry runs in a browser. So does every entry under the condition `browser`. */
const runInBrowsers = ['protocol'];

/** Libraries that run in a browser. */
const browserLibraries = ['zod'];

/** What is wrong in the repository at `root`, a line each. */
export function layeringErrors(root: string): string[] {
  const packages = readPackages(root);
  const imports = readImports(root);
  return [
    ...imports.flatMap((each) => {
      const reason = whyWrong(root, packages, each);
      return reason === undefined ? [] : [`${describe(each)}: ${reason}`];
    }),
    ...cycleErrors(packages, imports),
    ...browserErrors(packages, imports),
  ];
}

function describe({ file, line, specifier }: Import): string {
  return `${file}:${line} imports ${specifier}`;
}

function whyWrong(root: string, packages: Package[], { file, specifier }: Import): string | undefined {
  const owner = packages.find(({ folder }) => file.startsWith(`packages/${folder}/`));
  if (!owner) return 'of a package without a package.json';
  if (isBuiltin(specifier)) return undefined;
  if (specifier.startsWith('.')) return whyWrongFile(root, owner, file, join(dirname(file), specifier));
  const { name, subpath } = splitSpecifier(specifier);
  const target = packages.find((each) => each.name === name);
  if (!target) return whyWrongLibrary(root, packages, owner, file, name);
  if (!target.entries.has(subpath)) return `${name} has no such entry point`;
  const allowed = owner.folder === 'console' ? testsOfConsoleMayImport : testsMayImport;
  if (isTest(file) && (target === owner || allowed.includes(target.folder))) return undefined;
  if (!mayImport[owner.folder]?.includes(target.folder)) return `${owner.folder} may not import ${target.folder}`;
  return isTest(file) || owner.dependencies.has(name) ? undefined : `not among the dependencies of ${owner.name}`;
}

function whyWrongFile(root: string, owner: Package, file: string, target: string): string | undefined {
  if (!existsSync(join(root, target))) return 'there is no such file';
  if (!target.startsWith(`packages/${owner.folder}/`)) return 'another package is imported by its name';
  if (isTest(file)) return undefined;
  if (isTest(target)) return 'only a test imports a test';
  return owner.folder === 'core' ? whyWrongInCore(areaOfCore(file), areaOfCore(target)) : undefined;
}

function whyWrongInCore(from: string, to: string): string | undefined {
  if (from === to || isTop(from)) return undefined;
  if (isTop(to)) return 'nothing below imports what stands at the top';
  if (from === 'infra' && to === 'kernel') return 'infra imports neither the kernel nor a domain';
  if (!to.startsWith('domains/')) return undefined;
  if (from.startsWith('domains/')) return "a domain never imports another domain's files";
  return 'only composition, server-state.ts, its config and the entry points name domains';
}

/** `kernel`, `infra`, `domains/<name>`, or the name of a file beside them. */
function areaOfCore(file: string): string {
  const [area = '', name = ''] = file.split('/').slice(3);
  return area === 'domains' ? `domains/${name}` : area;
}

function isTop(area: string): boolean {
  return ['composition', 'server-state.ts', 'server-state-config.ts', 'index.ts', 'daemon.ts'].includes(area);
}

/** A source needs what its own package declares. A test may use whatever is declared anywhere. */
function whyWrongLibrary(
  root: string,
  packages: Package[],
  owner: Package,
  file: string,
  name: string,
): string | undefined {
  if (owner.dependencies.has(name)) return undefined;
  if (!isTest(file)) return `not among the dependencies of ${owner.name}`;
  if (packages.some(({ dependencies }) => dependencies.has(name))) return undefined;
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return name in devDependencies ? undefined : 'not among the dependencies';
}

/** Cycles in what is loaded together: types are gone by then, and what is loaded on demand comes after. */
function cycleErrors(packages: Package[], imports: Import[]): string[] {
  const edges = new Map<string, string[]>();
  for (const each of imports) {
    const target = each.kind === 'static' ? resolveImport(packages, each, 'node') : undefined;
    if (target !== undefined) edges.set(each.file, [...(edges.get(each.file) ?? []), target]);
  }
  return findCycles(edges).map((cycle) => `${cycle.join(' imports ')}: a cycle`);
}

/** Walks from the entries for browsers and reports what a browser does not have. */
function browserErrors(packages: Package[], imports: Import[]): string[] {
  const edges = Map.groupBy(imports, ({ file }) => file);
  const reached = new Set(
    packages.flatMap(({ folder, entries }) => {
      const main = entries.get('.');
      const forBrowsers = [...entries.values()].flatMap(({ browser }) => browser ?? []);
      return main && runInBrowsers.includes(folder) ? [main.node, ...forBrowsers] : forBrowsers;
    }),
  );
  const errors: string[] = [];
  for (const file of reached) {
    for (const each of edges.get(file) ?? []) {
      if (each.kind === 'type') continue;
      const target = resolveImport(packages, each, 'browser');
      if (target !== undefined) reached.add(target);
      else if (!browserLibraries.includes(splitSpecifier(each.specifier).name)) {
        errors.push(`${describe(each)}: not to be had in a browser, which loads this file`);
      }
    }
  }
  return errors;
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || file.split('/')[2] === 'test';
}

if (import.meta.main) {
  const errors = layeringErrors(join(import.meta.dirname, '..'));
  for (const error of errors) console.error(error);
  process.exitCode = errors.length > 0 ? 1 : 0;
}
