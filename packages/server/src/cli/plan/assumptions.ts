// What the caller assumes for a check: the state a plan begins with, and how often tools succeed.
import { readFileSync } from 'node:fs';
import type { JsonObject } from '@car-runtime/engine';
import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';

export interface Assumptions {
  /** Left out: none, which the daemon takes for the state of the session. */
  readonly state: JsonObject | undefined;
  /** By tool, from 0 to 1. */
  readonly rates: Readonly<Record<string, number>>;
}

export function readAssumptions({ options, repeated }: CommandInput): Assumptions {
  const { state } = options;
  return {
    state: typeof state === 'string' ? readState(state) : undefined,
    rates: Object.fromEntries((repeated['rate'] ?? []).map(toRate)),
  };
}

function toRate(text: string): [tool: string, rate: number] {
  // At the last one: a name may hold the sign, a number not.
  const at = text.lastIndexOf('=');
  const [tool, number] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1).trim()];
  const rate = number === '' ? NaN : Number(number);
  if (tool === '' || !(rate >= 0 && rate <= 1))
    throw new UsageError(`--rate is TOOL=RATE with a rate from 0 to 1, not ${JSON.stringify(text)}`);
  return [tool, rate];
}

function readState(path: string): JsonObject {
  let state: unknown;
  try {
    state = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`Cannot read the state in ${path}: ${(error as Error).message}`);
  }
  if (typeof state !== 'object' || state === null || Array.isArray(state))
    throw new UsageError(`Cannot read the state in ${path}: a JSON object of keys and values is wanted`);
  return state as JsonObject;
}
