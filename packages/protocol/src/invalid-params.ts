import type { RpcError } from '@car-runtime/rpc';
import type { z } from 'zod';
import { fail } from './errors.ts';

const maxIssues = 5;

/** The answer to params of the wrong shape: names each field and what was expected there. */
export function invalidParams(method: string, issues: readonly z.core.$ZodIssue[]): RpcError {
  const shown = issues.slice(0, maxIssues).map((issue) => ({ path: pathText(issue.path), message: messageOf(issue) }));
  const more = issues.length > maxIssues ? `; and ${issues.length - maxIssues} more` : '';
  const text = shown.map(({ path, message }) => `${path}: ${message}`).join('; ');
  return fail('invalid_params', `Invalid params for ${method}: ${text}${more}`, { data: { issues: shown } });
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
