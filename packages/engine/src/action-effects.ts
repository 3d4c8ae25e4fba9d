/** What actions do to state, or ask of it, apart from calling tools. */
import { hasMembers, ownValue, setOwn, toShortJson } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { holds, toClaim } from './preconditions.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action } from './proposal.ts';
import type { StateReader } from './state-store.ts';

/**
 * What the action changes when it succeeds, or undefined when it changes nothing: the effects it declares and, of a
 * `state_write`, the value it was told to write, which has the last word.
 */
export function changesOf({ type, parameters, expected_effects }: Action): JsonObject | undefined {
  const written = type === 'state_write' ? stateKeyOf({ parameters }) : undefined;
  if (written === undefined && !hasMembers(expected_effects)) return undefined;
  const changes: JsonObject = {};
  for (const key of Object.keys(expected_effects)) setOwn(changes, key, expected_effects[key]);
  if (written !== undefined) setOwn(changes, written, ownValue(parameters, 'value') ?? null);
  return changes;
}

/** What an `assertion` claims. It compares with `expected` or, without one, with `value`. */
export function assertionOf({ parameters }: Action): { key: string; operator: string; wanted: unknown } {
  const operator = ownValue(parameters, 'operator') ?? 'eq';
  const wanted = Object.hasOwn(parameters, 'expected') ? parameters['expected'] : ownValue(parameters, 'value');
  return {
    key: stateKeyOf({ parameters }) ?? '',
    operator: typeof operator === 'string' ? operator : toShortJson(operator),
    wanted: wanted ?? null,
  };
}

/** Why an `assertion` fails, or null. */
export function assertionFailure(action: Action, state: StateReader): string | null {
  const { key, operator, wanted } = assertionOf(action);
  return holds(state, key, operator, wanted) ? null : `assertion failed: ${toClaim(key, operator, wanted)}`;
}
