// One policy file (`policies/*.toml`) as the denials it stands for (Policies, Policy files).
import { parse } from 'smol-toml';
import { z } from 'zod';
import type { Policy } from '@car-runtime/engine';
import { once } from '@car-runtime/protocol';
import { linearRegExp } from '../../infra/linear-reg-exp.ts';
import { RateWindow } from './rate-window.ts';

/** A file that cannot be used. Its name comes first: the operator has to find it. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
}

const fileSchema = once(() => {
  const name = z.string().min(1);
  const toolParam = { tool: name, param: name };
  return z.strictObject({
    deny_tool: z.array(name).default([]),
    deny_keyword: z.array(name).default([]),
    deny_tool_param: z
      .array(z.strictObject({ ...toolParam, equals: z.unknown().optional(), contains: name.optional() }))
      .default([]),
    allow_tool_param: z.array(z.strictObject({ ...toolParam, allow: z.array(z.unknown()).default([]) })).default([]),
    deny_tool_param_matching: z.array(z.strictObject({ ...toolParam, matches: z.string() })).default([]),
    rate_limit_tool: z
      .array(z.strictObject({ tool: name, max_calls: z.int().min(0), interval_secs: z.number().positive() }))
      .default([]),
  });
});

type PolicyFile = z.output<ReturnType<typeof fileSchema>>;

/** Makes the policies of one connection: rate limits count for each connection on its own. */
export type PolicyFactory = () => Policy[];

/** Reads a file's text; throws `PolicyFileError` when any part of it cannot be used. */
export function parsePolicyFile(fileName: string, text: string): PolicyFactory {
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    throw new PolicyFileError(`${fileName}: not valid TOML: ${firstLine((error as Error).message)}`, { cause: error });
  }
  if (Object.hasOwn(table as object, 'trace_rule'))
    throw new PolicyFileError(`${fileName}: trace_rule is not supported`);
  const file = fileSchema().safeParse(table);
  if (!file.success) throw new PolicyFileError(`${fileName}: ${problemOf(file.error)}`);
  return () => toPolicies(file.data);
}

function toPolicies(file: PolicyFile): Policy[] {
  return [
    ...file.deny_tool.map(denyTool),
    ...file.deny_keyword.map(denyKeyword),
    ...file.deny_tool_param.map(denyToolParam),
    ...file.allow_tool_param.map(allowToolParam),
    ...file.deny_tool_param_matching.map(denyToolParamMatching),
    ...file.rate_limit_tool.map(rateLimitTool),
  ];
}

// Reasons name the rule and never the value that matched: they go into results and journals.

function denyTool(tool: string): Policy {
  return {
    name: `deny_tool:${tool}`,
    description: `deny tool '${tool}'`,
    check: (action) => (action.tool === tool ? `tool '${tool}' denied` : null),
  };
}

function denyKeyword(keyword: string): Policy {
  return {
    name: `deny_keyword:${keyword}`,
    description: `deny any action with '${keyword}' in a parameter`,
    check: ({ parameters }) =>
      contains(parameters, keyword) ? `a parameter contains the denied keyword '${keyword}'` : null,
  };
}

function denyToolParam({ tool, param, ...rule }: PolicyFile['deny_tool_param'][number]): Policy {
  const { equals, contains: part } = rule;
  const isPresenceRule = equals === undefined && part === undefined;
  return {
    name: `deny_tool_param:${tool}.${param}`,
    description: `deny tool '${tool}' by param '${param}'`,
    check: (action) => {
      if (action.tool !== tool || !Object.hasOwn(action.parameters, param)) return null;
      const text = toText(action.parameters[param]);
      const isDenied =
        isPresenceRule ||
        (equals !== undefined && text === toText(equals)) ||
        (part !== undefined && text.includes(part));
      return isDenied ? `param '${param}' of tool '${tool}' denied` : null;
    },
  };
}

function allowToolParam({ tool, param, allow }: PolicyFile['allow_tool_param'][number]): Policy {
  const allowed = new Set(allow.map(toText));
  return {
    name: `allow_tool_param:${tool}.${param}`,
    description: `allow tool '${tool}' only with listed values of param '${param}'`,
    check: (action) => {
      if (action.tool !== tool) return null;
      const text = Object.hasOwn(action.parameters, param) ? toText(action.parameters[param]) : '';
      return text !== '' && allowed.has(text) ? null : `param '${param}' of tool '${tool}' is not on its allow list`;
    },
  };
}

function denyToolParamMatching({ tool, param, matches }: PolicyFile['deny_tool_param_matching'][number]): Policy {
  const pattern = compile(matches);
  return {
    name: `deny_tool_param_matching:${tool}.${param}`,
    description: `deny tool '${tool}' when param '${param}' matches a pattern`,
    check: (action) => {
      if (action.tool !== tool) return null;
      if (!pattern) return `tool '${tool}' denied: its pattern for param '${param}' cannot be read`;
      if (!Object.hasOwn(action.parameters, param)) return null;
      return pattern.test(toText(action.parameters[param]))
        ? `param '${param}' of tool '${tool}' matches a denied pattern`
        : null;
    },
  };
}

function rateLimitTool({ tool, max_calls, interval_secs }: PolicyFile['rate_limit_tool'][number]): Policy {
  const window = new RateWindow(max_calls, interval_secs * 1_000);
  return {
    name: `rate_limit_tool:${tool}`,
    description: `at most ${max_calls} calls of tool '${tool}' in ${interval_secs} s`,
    check: (action) =>
      action.tool !== tool || window.take()
        ? null
        : `tool '${tool}' is limited to ${max_calls} calls in ${interval_secs} s`,
  };
}

/** A pattern nobody can read denies the tool: the rule was meant to hold something back. */
function compile(pattern: string): { test(text: string): boolean } | undefined {
  try {
    return linearRegExp(pattern);
  } catch {
    return undefined;
  }
}

function contains(value: unknown, keyword: string): boolean {
  if (typeof value !== 'object' || value === null) return toText(value).includes(keyword);
  return Object.values(value).some((entry) => contains(entry, keyword));
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function problemOf(error: z.ZodError): string {
  const issue = error.issues[0];
  const place = issue?.path.join('.') ?? '';
  return `${place === '' ? '' : `${place}: `}${issue?.message ?? 'not a policy file'}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
