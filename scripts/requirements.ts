// Every promise in docs/requirements/*.json has a test that cites it, and every citation names a promise.
// A test cites with a line of its own: `// req: <id>, <id>`. A promise with a `gap` is known to be unkept: no test cites it.
//   node scripts/requirements.ts
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Requirement {
  id: string;
  /** Where the behaviour is described. */
  section: string;
  behaviour: string;
  /** Why it is not kept yet. */
  gap?: string;
}

/** What is wrong in the repository at `root`, a line each. */
export function requirementErrors(root: string): string[] {
  const cited = new Map(readCitations(root).map(({ id, file }) => [id, file]));
  const known = new Set<string>();
  const errors: string[] = [];
  for (const { file, requirement } of readManifests(root)) {
    if (!isRequirement(requirement)) {
      errors.push(`${file}: ${JSON.stringify(requirement)} has not the fields id, section, behaviour and perhaps gap`);
      continue;
    }
    const { id, gap } = requirement;
    if (known.has(id)) errors.push(`${file}: "${id}" is there twice`);
    known.add(id);
    const test = cited.get(id);
    if (gap === undefined && test === undefined) errors.push(`${file}: "${id}" has no test`);
    if (gap !== undefined && test !== undefined) errors.push(`${file}: "${id}" is called a gap and ${test} tests it`);
  }
  for (const [id, file] of cited) if (!known.has(id)) errors.push(`${file}: cites "${id}", which no manifest has`);
  return errors;
}

function readManifests(root: string): { file: string; requirement: unknown }[] {
  return globSync('docs/requirements/*.json', { cwd: root })
    .toSorted()
    .flatMap((file) => {
      const manifest: unknown = JSON.parse(readFileSync(join(root, file), 'utf8'));
      if (!Array.isArray(manifest)) throw new Error(`${file} is no array`);
      return manifest.map((requirement: unknown) => ({ file, requirement }));
    });
}

function isRequirement(value: unknown): value is Requirement {
  if (typeof value !== 'object' || value === null) return false;
  const { id, section, behaviour, gap = '', ...others } = value as Record<string, unknown>;
  const isText = [id, section, behaviour, gap].every((field) => typeof field === 'string');
  return isText && /^[a-z0-9]+(?:[._-][a-z0-9]+)+$/.test(String(id)) && Object.keys(others).length === 0;
}

function readCitations(root: string): { id: string; file: string }[] {
  return globSync('{packages,examples,scripts}/**/*.test.ts', { cwd: root, exclude: (name) => name === 'node_modules' })
    .toSorted()
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/^ *\/\/ req: (.+)$/gm)]
        .flatMap(([, ids = '']) => ids.split(','))
        .map((id) => ({ id: id.trim(), file })),
    );
}

if (import.meta.main) {
  const errors = requirementErrors(join(import.meta.dirname, '..'));
  for (const error of errors) console.error(error);
  process.exitCode = errors.length > 0 ? 1 : 0;
}
