/** The nine operators of preconditions and assertions (Per-action pipeline). No operand makes them throw. */
import { jsonEquals, toShortJson } from './json-value.ts';
import type { Precondition } from './proposal.ts';
import type { StateReader } from './state-store.ts';

type Operator = (actual: unknown, wanted: unknown, exists: boolean) => boolean;

const numeric =
  (compare: (actual: number, wanted: number) => boolean): Operator =>
  (actual, wanted) =>
    typeof actual === 'number' && typeof wanted === 'number' && compare(actual, wanted);

/** A Map, because an operator named `constructor` must be unknown. */
const OPERATORS = new Map<string, Operator>([
  ['eq', (actual, wanted) => jsonEquals(actual, wanted)],
  ['neq', (actual, wanted) => !jsonEquals(actual, wanted)],
  ['gt', numeric((actual, wanted) => actual > wanted)],
  ['lt', numeric((actual, wanted) => actual < wanted)],
  ['gte', numeric((actual, wanted) => actual >= wanted)],
  ['lte', numeric((actual, wanted) => actual <= wanted)],
  ['exists', (_actual, _wanted, exists) => exists],
  ['not_exists', (_actual, _wanted, exists) => !exists],
  ['contains', contains],
]);

function contains(actual: unknown, wanted: unknown): boolean {
  if (typeof actual === 'string') return typeof wanted === 'string' && actual.includes(wanted);
  return Array.isArray(actual) && actual.some((item) => jsonEquals(item, wanted));
}

/** Whether `state[key] <operator> value` holds. An absent key compares as null; an unknown operator never holds. */
export function holds(state: StateReader, key: string, operator: string, value: unknown): boolean {
  return OPERATORS.get(operator)?.(state.get(key), value, state.has(key)) ?? false;
}

export function isKnownOperator(operator: string): boolean {
  return OPERATORS.has(operator);
}

/** Whether an operator looks at the value of the key rather than only at whether it is there. */
export function needsValue(operator: string): boolean {
  return operator !== 'exists' && operator !== 'not_exists';
}

/** Why a precondition fails, or null when it holds. The actual value is not told: state may hold secrets. */
export function preconditionFailure(precondition: Precondition, state: StateReader): string | null {
  const { key, operator, value, description } = precondition;
  if (holds(state, key, operator, value)) return null;
  const reason = isKnownOperator(operator) ? '' : `: unknown operator '${operator}'`;
  const note = description === '' ? '' : ` (${description})`;
  return `precondition failed: ${toClaim(key, operator, value)}${note}${reason}`;
}

/** Readable form of a check, such as `state['count'] gt 3`. */
export function toClaim(key: string, operator: string, value: unknown): string {
  const check = `state['${key}'] ${operator}`;
  return needsValue(operator) ? `${check} ${toShortJson(value)}` : check;
}
