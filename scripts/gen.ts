// Writes what is derived from the contract: docs/openrpc.json, docs/methods.md and docs/roles.md. With --check it writes nothing and
// fails when a file differs.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  callbacks,
  errorTable,
  events,
  methods,
  toJsonSchema,
  toOpenRpc,
  callers,
  ownershipNotes,
  toRoleMatrix,
  type DomainContract,
} from '@car-runtime/protocol';
import { typeText, type JsonSchema } from '../packages/server/src/cli/type-text.ts';

const root = join(import.meta.dirname, '..');
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;

const openRpc = toOpenRpc({ methods, events, callbacks, version });

function methodReference(): string {
  const contract: DomainContract = methods;
  const byDomain = Map.groupBy(Object.keys(contract).toSorted(), (name) => name.split('.', 1)[0] ?? name);
  return [
    '# Method reference',
    '',
    'Written from the contract by `npm run gen`; do not edit. The same declarations are served by `rpc.discover` (OpenRPC),',
    '`server.schema` and [`openrpc.json`](openrpc.json).',
    '',
    '**Access**: `public` anyone, `session` any authenticated caller, `client` all but agents, `host` the host role (where a host',
    'token is installed). Methods marked *ours* are additions to the CAR wire protocol.',
    '',
    '| Method | Access | Effect | What it does |',
    '| --- | --- | --- | --- |',
    ...Object.entries(contract)
      .toSorted(byName)
      .map(([name, { access, effect, summary, isExtension }]) => {
        const mark = isExtension ? ' *(ours)*' : '';
        return `| [\`${name}\`](#${anchor(name)}) | ${access} | ${effect} | ${cell(summary)}${mark} |`;
      }),
    ...[...byDomain].flatMap(([domain, names]) => [
      '',
      `## \`${domain}.*\``,
      ...names.flatMap((name) => methodSection(name)),
    ]),
    '',
    '## Requests the daemon makes of a client',
    ...Object.entries(callbacks).flatMap(([name, { summary, section, params, result }]) => [
      '',
      `### \`${name}\``,
      '',
      `${summary}. Section: ${section}.`,
      ...shape('Params', toJsonSchema(params, 'output')),
      ...shape('Answer', toJsonSchema(result, 'input')),
    ]),
    '',
    '## Notifications the daemon sends',
    ...Object.entries(events).flatMap(([name, { summary, section, params, precondition }]) => [
      '',
      `### \`${name}\``,
      '',
      `${summary}. Needs: ${precondition}. Section: ${section}.`,
      ...shape('Params', toJsonSchema(params, 'output')),
    ]),
    '',
    '## Records',
    ...Object.entries(records()).flatMap(([name, schema]) => ['', `### \`${name}\``, '', `\`${typeText(schema)}\``]),
    '',
    '## Errors',
    '',
    'Every error carries `data.reason`, a stable word for programs.',
    '',
    '| Code | `reason` | Meaning |',
    '| --- | --- | --- |',
    ...Object.entries(errorTable).map(([kind, { code, meaning }]) => `| ${code} | \`${kind}\` | ${meaning} |`),
    '',
  ].join('\n');
}

const answerSigns = { answered: 'yes', auth_required: 'no', forbidden: 'no', not_owner: 'not the owner' } as const;

function roleMatrix(): string {
  return [
    '# Who may call what',
    '',
    'Written from the contract by `npm run gen`; do not edit. `packages/core/test/role-matrix.test.ts` makes every call of this table.',
    '',
    'Roles come from the credential alone. **Agent** is the agent that the object of the call belongs to (its run, what it',
    'registered), **other agent** any other, **client** has the daemon token, **host** the host token or a session of the web console.',
    'An unauthenticated caller gets `-32001` and is cut off; the other refusals are `-32603` with `data.reason` `forbidden`, or say who',
    'the owner is. A method without a declared access does not compile, and would be for hosts alone. On a daemon without a host',
    'token clients may call what is for hosts.',
    '',
    '*asks*: a person is asked before it runs ([approvals](approvals.md)). *strict*: with `--strict-roles` for hosts alone.',
    '',
    `| Method | ${callers.join(' | ')} | |`,
    `| --- |${' --- |'.repeat(callers.length + 1)}`,
    ...toRoleMatrix(methods).map(([name, row, { approval, takesCommand, ownership }]) => {
      const whose = ownership && ownershipNotes[ownership];
      const marks = [...(approval ? ['asks'] : []), ...(takesCommand ? ['strict'] : []), ...(whose ? [whose] : [])];
      const notes = marks.join(', ');
      const cells = callers.map((caller) => answerSigns[row[caller]]);
      return `| [\`${name}\`](methods.md#${anchor(name)}) | ${cells.join(' | ')} | ${notes} |`;
    }),
    '',
  ].join('\n');
}

/** The named records of the OpenRPC document. */
function records(): Record<string, JsonSchema> {
  const { components } = openRpc as unknown as { components: { schemas: Record<string, JsonSchema> } };
  return components.schemas;
}

function methodSection(name: string): string[] {
  const declaration = (methods as DomainContract)[name];
  if (!declaration) return [];
  const errors = (declaration.errors ?? []).map((kind) => `\`${kind}\` (${errorTable[kind].code})`);
  return [
    '',
    `### \`${name}\``,
    '',
    `${declaration.summary}.`,
    '',
    `Access \`${declaration.access}\`, effect \`${declaration.effect}\`. Section: ${declaration.section}.` +
      (errors.length > 0 ? ` Errors: ${errors.join(', ')}.` : ''),
    ...shape('Params', toJsonSchema(declaration.params, 'input')),
    ...shape('Result', toJsonSchema(declaration.result, 'output')),
  ];
}

function shape(title: string, schema: JsonSchema): string[] {
  return ['', `${title}: \`${typeText(schema)}\``];
}

function byName([left]: [string, unknown], [right]: [string, unknown]): number {
  return left < right ? -1 : 1;
}

function anchor(name: string): string {
  return name.replaceAll('.', '').toLowerCase();
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

const outputs: Record<string, string> = {
  'docs/openrpc.json': `${JSON.stringify(openRpc, null, 2)}\n`,
  'docs/methods.md': methodReference(),
  'docs/roles.md': roleMatrix(),
};
const isCheck = process.argv.includes('--check');
let differs = false;
for (const [name, text] of Object.entries(outputs)) {
  const path = join(root, name);
  if (!isCheck) {
    writeFileSync(path, text);
    continue;
  }
  let current = '';
  try {
    current = readFileSync(path, 'utf8');
  } catch {
    // Missing counts as different.
  }
  if (current !== text) {
    differs = true;
    console.error(`${name} differs from the contract: run npm run gen and commit it`);
  }
}
if (!isCheck)
  execFileSync('git', ['--no-pager', 'diff', '--stat', '--', ...Object.keys(outputs)], { cwd: root, stdio: 'inherit' });
process.exitCode = differs ? 1 : 0;
