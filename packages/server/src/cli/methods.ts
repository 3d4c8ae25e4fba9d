import { methods, toMethodSchema, type MethodDeclaration } from '@car-runtime/protocol';
import type { CommandInput } from './command-spec.ts';
import { exitCode } from './exit-codes.ts';
import { paint, printJson, printLine, printTable, talk } from './terminal.ts';
import { typeText, type JsonSchema } from './type-text.ts';

type Entry = [name: string, declaration: MethodDeclaration];

export async function run({ context, args: [pattern] }: CommandInput): Promise<number> {
  const found = entriesMatching(pattern);
  const [only] = found;
  if (context.isJson)
    printJson(
      found.map(([name, declaration]) => toMethodSchema(name, declaration)),
      { isRaw: true },
    );
  else if (found.length === 0) talk(`car: no method matches ${JSON.stringify(pattern)}`);
  else if (only && only[0] === pattern) describe(only);
  else {
    printTable(found, [
      { title: 'METHOD', text: ([name]) => name, style: 'cyan' },
      { title: 'ACCESS', text: ([, { access }]) => access },
      { title: 'EFFECT', text: ([, { effect }]) => effect },
      { title: 'SUMMARY', text: ([, { summary }]) => summary },
    ]);
  }
  return found.length === 0 ? exitCode.failed : exitCode.ok;
}

/** A whole name is that method alone; with `*` the pattern must fit the whole name; else it is a part of it. */
function entriesMatching(pattern: string | undefined): Entry[] {
  const all: Entry[] = Object.entries<MethodDeclaration>(methods).toSorted(([left], [right]) =>
    left < right ? -1 : 1,
  );
  if (pattern === undefined) return all;
  const exact = all.filter(([name]) => name === pattern);
  if (exact.length > 0) return exact;
  const text = pattern.toLowerCase();
  if (!text.includes('*')) return all.filter(([name]) => name.toLowerCase().includes(text));
  const fits = new RegExp(`^${text.split('*').map(RegExp.escape).join('.*')}$`);
  return all.filter(([name]) => fits.test(name.toLowerCase()));
}

function describe([name, declaration]: Entry): void {
  const { summary, access, effect, section } = declaration;
  printLine(`${paint('cyan', name)}  ${summary}`);
  printLine(
    `  ${paint('dim', 'access')} ${access}   ${paint('dim', 'effect')} ${effect}   ${paint('dim', 'section')} ${section}`,
  );
  const { params, result } = toMethodSchema(name, declaration) as { params: JsonSchema; result: JsonSchema };
  printShape('params', params);
  printShape('result', result);
}

/** The members of an object on a line each, anything else on one. */
function printShape(title: string, schema: JsonSchema): void {
  const members = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  if (members.length === 0) {
    const isNothing = title === 'params' && schema['type'] === 'object';
    printLine(`  ${paint('dim', title)} ${isNothing ? 'none' : paint('yellow', typeText(schema))}`);
    return;
  }
  const required = new Set((schema['required'] ?? []) as string[]);
  printLine(`  ${paint('dim', title)}`);
  for (const [name, member] of members)
    printLine(`    ${name}${required.has(name) ? '' : '?'}: ${paint('yellow', typeText(member, 1))}`);
}
