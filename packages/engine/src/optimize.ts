/** Making a proposal easier to order without changing what it comes to. */
import { changesOf } from './action-effects.ts';
import type { JsonObject } from './json-value.ts';
import type { Action, Precondition, Proposal } from './proposal.ts';

export interface OptimizeOptions {
  /** State the proposal will start from, if known. */
  readonly initialState?: JsonObject | undefined;
}

export interface OptimizeResult {
  proposal: Proposal;
  removed: { action_id: string; key: string }[];
}

/**
 * Drops `state_dependencies` on keys that no action of the proposal writes: they order nothing. They also require the
 * key to be there, and that must stay, or an action that would be rejected would run: unless the key is known to be
 * there, the requirement becomes a precondition. Actions are never reordered.
 */
export function optimize(proposal: Proposal, { initialState = {} }: OptimizeOptions = {}): OptimizeResult {
  const written = new Set(proposal.actions.flatMap((action) => Object.keys(changesOf(action) ?? {})));
  const removed: OptimizeResult['removed'] = [];
  const actions = proposal.actions.map((action): Action => {
    const dropped = action.state_dependencies.filter((key) => !written.has(key));
    if (dropped.length === 0) return action;
    for (const key of dropped) removed.push({ action_id: action.id, key });
    const required = new Set(dropped.filter((key) => !Object.hasOwn(initialState, key)));
    return {
      ...action,
      state_dependencies: action.state_dependencies.filter((key) => written.has(key)),
      preconditions: [...action.preconditions, ...[...required].map(toPrecondition)],
    };
  });
  return { proposal: { ...proposal, actions }, removed };
}

function toPrecondition(key: string): Precondition {
  return { key, operator: 'exists', value: null, description: 'was a state dependency' };
}
