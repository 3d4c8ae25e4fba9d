// The check of params at the edge, and the answer to params of the wrong shape.
import type { RpcError } from '@car-runtime/rpc';
import type { z } from 'zod';
import type { MethodDeclaration } from './declare.ts';
import { fail } from './errors.ts';

const maxIssues = 5;
/** Params of up to so many values are checked to their end, to name every field that is wrong. */
const maxFullyChecked = 1_000;

/** zod hands this on to every schema although its published options leave it out (tested): a container stops at its first
 *  problem. A frame has room for millions of problems, each an object of its own. */
const untilFirstProblem = { abortEarly: true } as z.core.ParseContext<z.core.$ZodIssue>;

/** The params as the handler gets them, or the error that answers them. Absent params are read as `{}`. */
export function checkParams(
  method: string,
  declaration: MethodDeclaration,
  given: unknown,
): { params: unknown; problem?: undefined } | { params?: undefined; problem: RpcError } {
  const value = given ?? {};
  if (declaration.isPlain?.(value) === true) return { params: value };
  const checked = declaration.params.safeParse(value, untilFirstProblem);
  if (checked.success) return { params: checked.data };
  const issues = isSmall(value) ? declaration.params.safeParse(value).error?.issues : undefined;
  const spared = issues && withoutNulls(value, issues);
  const again = spared && declaration.params.safeParse(spared);
  if (again?.success === true) return { params: again.data };
  return { problem: invalidParams(method, issues ?? checked.error.issues, declaration.invalidParamsText) };
}

/** Some clients send null for what they leave out: without the members that are wrong and null, when nothing else is wrong. */
function withoutNulls(value: object, issues: readonly z.core.$ZodIssue[]): object | undefined {
  const members = new Map(Object.entries(value));
  const areNull = issues.every(({ path: [name, ...rest] }) => rest.length === 0 && members.get(String(name)) === null);
  if (!areNull) return undefined;
  for (const { path } of issues) members.delete(String(path[0]));
  return Object.fromEntries(members);
}

/** Whether a value has at most `maxFullyChecked` values in it. */
function isSmall(value: unknown): boolean {
  let left = maxFullyChecked;
  const count = (each: unknown): boolean => {
    left--;
    if (left < 0 || typeof each !== 'object' || each === null) return left >= 0;
    // Not `Object.values`, and no `for … in` over an array: both list millions of elements first.
    if (Array.isArray(each)) return each.length <= left && each.every(count);
    for (const key in each) if (!count((each as Record<string, unknown>)[key])) return false;
    return true;
  };
  return count(value);
}

/** Names each field and what was expected there. */
function invalidParams(method: string, issues: readonly z.core.$ZodIssue[], ownText: string | undefined): RpcError {
  const shown = issues.slice(0, maxIssues).map((issue) => ({ path: pathText(issue.path), message: messageOf(issue) }));
  const more = issues.length > maxIssues ? `; and ${issues.length - maxIssues} more` : '';
  const text = shown.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return fail('invalid_params', ownText ?? `Invalid params for ${method}: ${text}${more}`, { data: { issues: shown } });
}

function messageOf(issue: z.core.$ZodIssue): string {
  return issue.message.replace(/^Invalid input: /, '').replace(/received undefined$/, 'but it is missing');
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'params';
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${String(part)}` : String(part)),
    '',
  );
}
