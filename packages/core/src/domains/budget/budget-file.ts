// `budgets.toml`: the operator's budgets and what calls of tools cost.
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { budgetAmounts, budgetDefinition, once, type Budget } from '@car-runtime/protocol';
import type { Price } from './prices.ts';

/** A file that cannot be used. The place comes first: the operator has to find it. */
export class BudgetFileError extends Error {
  override readonly name = 'BudgetFileError';
}

export interface BudgetFile {
  readonly budgets: readonly Budget[];
  readonly prices: readonly Price[];
}

const maxEntries = 256;

const fileSchema = once(() =>
  z.strictObject({
    budget: z
      .array(z.strictObject({ ...budgetDefinition().omit({ limits: true }).shape, ...budgetAmounts().shape }))
      .max(maxEntries)
      .default([]),
    price: z
      .array(
        z.strictObject({
          tool: z.string().min(1),
          ...budgetAmounts().omit({ tool_calls: true }).shape,
          reported: z.boolean().default(false),
        }),
      )
      .max(maxEntries)
      .default([]),
  }),
);

/** Reads a file's text; throws `BudgetFileError`, which begins with `fileName:line`. */
export function parseBudgetFile(fileName: string, text: string): BudgetFile {
  const failAt = (line: number | undefined, message: string, cause?: unknown): never => {
    throw new BudgetFileError(`${fileName}${line === undefined ? '' : `:${line}`}: ${message}`, { cause });
  };
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    const line = error instanceof TomlError ? error.line : undefined;
    return failAt(line, `not valid TOML: ${(error as Error).message.split('\n', 1)[0]}`, error);
  }
  const file = fileSchema().safeParse(table);
  if (!file.success) {
    const { path = [], message = 'not a budget file', ...issue } = file.error.issues[0] ?? {};
    const keys = 'keys' in issue ? issue.keys : [];
    return failAt(
      lineOf(text, [...path, ...keys.slice(0, 1)]),
      `${path.join('.')}${path.length > 0 ? ': ' : ''}${message}`,
    );
  }
  const names = new Set<string>();
  const budgets = file.data.budget.map(({ name, agent, per, ...limits }, index): Budget => {
    if (names.has(name)) failAt(lineOf(text, ['budget', index, 'name']), `budget "${name}" is there twice`);
    names.add(name);
    if (Object.keys(limits).length === 0)
      failAt(
        lineOf(text, ['budget', index]),
        `budget "${name}" limits none of tool_calls, wall_time_ms, tokens and cost_usd`,
      );
    return { name, ...(agent !== undefined && { agent }), per, limits, source: 'file' };
  });
  const tools = new Set<string>();
  for (const [index, { tool }] of file.data.price.entries()) {
    if (tools.has(tool)) failAt(lineOf(text, ['price', index, 'tool']), `tool "${tool}" has two prices`);
    tools.add(tool);
  }
  return { budgets, prices: file.data.price };
}

/** The line of a value, or of the table that should have it. Enough of TOML for a file that was parsed: an array of tables,
 *  or a key of the top level. */
function lineOf(text: string, path: readonly PropertyKey[]): number | undefined {
  const [table, index, key] = path;
  const lines = text.split('\n');
  let seen = -1;
  let header: number | undefined;
  for (const [number, line] of lines.entries()) {
    const opened = /^\s*\[\[?\s*([^\]]*?)\s*\]/.exec(line)?.[1];
    if (opened !== undefined) {
      if (opened === table && header === undefined && ++seen === (index ?? 0)) header = number + 1;
      else if (header !== undefined) break;
      continue;
    }
    const name = /^\s*["']?([^"'=\s]+)["']?\s*=/.exec(line)?.[1];
    if (name === undefined) continue;
    if (header === undefined ? name === table && seen === -1 : name === key) return number + 1;
  }
  return header;
}
