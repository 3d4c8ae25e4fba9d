// The packages of the repository and what their files import.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync, Visitor } from 'rolldown/utils';

export interface Package {
  folder: string;
  name: string;
  /** Entry files from the root of the repository, by subpath (`.`, `./node`). */
  entries: ReadonlyMap<string, Entry>;
  dependencies: ReadonlySet<string>;
}

export interface Entry {
  node: string;
  /** The file that a browser gets instead. */
  browser?: string;
}

export interface Import {
  /** The importing file, from the root of the repository. */
  file: string;
  line: number;
  specifier: string;
  /** `type` is gone before anything runs; `lazy` is loaded when the importing code asks for it. */
  kind: 'static' | 'lazy' | 'type';
}

export function readPackages(root: string): Package[] {
  return globSync('packages/*/package.json', { cwd: root })
    .toSorted()
    .map((file) => {
      const manifest = JSON.parse(readFileSync(join(root, file), 'utf8'));
      const home = dirname(file);
      return {
        folder: home.slice('packages/'.length),
        name: manifest.name,
        entries: new Map(
          Object.entries(manifest.exports ?? {}).map(([subpath, target]) => [subpath, toEntry(home, target)]),
        ),
        dependencies: new Set(Object.keys(manifest.dependencies ?? {})),
      };
    });
}

function toEntry(home: string, target: unknown): Entry {
  if (typeof target === 'string') return { node: join(home, target) };
  const { browser, default: node } = target as { browser?: string; default: string };
  return { node: join(home, node), ...(browser !== undefined && { browser: join(home, browser) }) };
}

/** Every import and re-export of the TypeScript in the packages' `src` and `test`, in the order of files and lines. */
export function readImports(root: string): Import[] {
  return globSync('packages/*/{src,test}/**/*.ts', { cwd: root })
    .toSorted()
    .flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')));
}

function importsOf(file: string, text: string): Import[] {
  const found: { at: number; specifier: string; kind: Import['kind'] }[] = [];
  const { program, module } = parseSync(file, text);
  for (const { start, moduleRequest, entries } of module.staticImports) {
    const isType = entries.length > 0 && entries.every((entry) => entry.isType);
    found.push({ at: start, specifier: moduleRequest.value, kind: isType ? 'type' : 'static' });
  }
  for (const { start, entries } of module.staticExports) {
    const specifier = entries[0]?.moduleRequest?.value;
    const kind = entries.every((entry) => entry.isType) ? 'type' : 'static';
    if (specifier !== undefined) found.push({ at: start, specifier, kind });
  }
  new Visitor({
    ImportExpression({ start, source }) {
      if (source.type === 'Literal') found.push({ at: start, specifier: String(source.value), kind: 'lazy' });
    },
    TSImportType({ start, source }) {
      found.push({ at: start, specifier: source.value, kind: 'type' });
    },
  }).visit(program);
  return found
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, ...each }) => ({ file, line: text.slice(0, at).split('\n').length, ...each }));
}

/** The name of the package and the subpath (`.` for the main entry) that a specifier that is no path consists of. */
export function splitSpecifier(specifier: string): { name: string; subpath: string } {
  const parts = specifier.split('/');
  const name = parts.splice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  return { name, subpath: ['.', ...parts].join('/') };
}

/** The file of ours that an import names, or undefined where it is somebody else's. */
export function resolveImport(
  packages: Package[],
  { file, specifier }: Import,
  platform: keyof Entry,
): string | undefined {
  if (specifier.startsWith('.')) return join(dirname(file), specifier);
  const { name, subpath } = splitSpecifier(specifier);
  const entry = packages.find((each) => each.name === name)?.entries.get(subpath);
  return entry?.[platform] ?? entry?.node;
}

/** One closed walk for each group of nodes that lead back to themselves: `[a, b, a]`. */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const walk: string[] = [];
  const visit = (node: string): void => {
    const start = walk.indexOf(node);
    if (start >= 0) cycles.push([...walk.slice(start), node]);
    if (start >= 0 || done.has(node)) return;
    walk.push(node);
    for (const next of edges.get(node) ?? []) visit(next);
    walk.pop();
    done.add(node);
  };
  for (const node of edges.keys()) visit(node);
  return cycles;
}
