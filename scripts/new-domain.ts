// `npm run new:domain NAME` writes a working domain: contract, folder, one method and its test, and wires both in.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const name = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9]*$/.test(name)) {
  console.error(`Cannot make a domain named "${name}": use lower-case letters and digits, starting with a letter`);
  process.exit(1);
}
const Name = name[0]?.toUpperCase() + name.slice(1);
const contractPath = join(root, 'packages', 'protocol', 'src', `${name}.ts`);
const folder = join(root, 'packages', 'core', 'src', 'domains', name);
if (existsSync(contractPath) || existsSync(folder)) {
  console.error(`Cannot make domain "${name}": it exists`);
  process.exit(1);
}

/** Inserts `text` before the first line that matches, or fails: a file that changed its shape is not guessed at. */
function insertBefore(path: string, line: RegExp, text: string): void {
  const source = readFileSync(path, 'utf8');
  const found = line.exec(source);
  if (!found) throw new Error(`Cannot wire "${name}" into ${path}: no line matches ${line}`);
  writeFileSync(path, source.slice(0, found.index) + text + source.slice(found.index));
}

function replaceOnce(path: string, pattern: RegExp, replacement: string): void {
  const source = readFileSync(path, 'utf8');
  if (!pattern.test(source)) throw new Error(`Cannot wire "${name}" into ${path}: no line matches ${pattern}`);
  writeFileSync(path, source.replace(pattern, replacement));
}

writeFileSync(
  contractPath,
  `import { z } from 'zod';
import { method } from './declare.ts';

export const ${name} = {
  '${name}.echo': method({
    summary: 'The text that was sent',
    params: () => z.object({ text: z.string() }),
    result: () => z.object({ text: z.string() }),
    access: 'session',
    effect: 'read',
    section: '${Name}',
    isExtension: true,
  }),
};
`,
);
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'index.ts'),
  `import { ${name} } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { ${name}Methods } from './methods.ts';

/** What this domain is for, in one sentence. */
export function ${name}Domain(): Domain<typeof ${name}> {
  return { name: '${name}', contract: ${name}, methods: ${name}Methods() };
}
`,
);
writeFileSync(
  join(folder, 'methods.ts'),
  `import type { ${name} } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';

export function ${name}Methods(): Handlers<typeof ${name}> {
  return {
    '${name}.echo': ({ text }) => ({ text }),
  };
}
`,
);
writeFileSync(
  join(folder, `${name}.test.ts`),
  `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';

test('${name}.echo answers the text that was sent', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  assert.deepEqual(await client.${name}.echo({ text: 'hello' }), { text: 'hello' });
});
`,
);
const protocolIndex = join(root, 'packages', 'protocol', 'src', 'index.ts');
insertBefore(protocolIndex, /^import \{ policy \}/m, `import { ${name} } from './${name}.ts';\n`);
replaceOnce(protocolIndex, /^export \{\n/m, `export {\n  ${name},\n`);
replaceOnce(protocolIndex, /^export const methods = \{\n/m, `export const methods = {\n  ...${name},\n`);
const compose = join(root, 'packages', 'core', 'src', 'composition', 'compose.ts');
insertBefore(
  compose,
  /^import .*'\.\.\/domains\/policy\/index\.ts';/m,
  `import { ${name}Domain } from '../domains/${name}/index.ts';\n`,
);
replaceOnce(compose, /^( +)proposalDomain\(.*\),\n/m, `$&$1${name}Domain(),\n`);
console.log(
  `Domain "${name}" is there. Next: npm run gen, npm run check, npm test packages/core/src/domains/${name}/${name}.test.ts`,
);
