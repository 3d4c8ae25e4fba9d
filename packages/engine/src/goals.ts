/** Goals that can be decided by looking at state. */
import { holds } from './preconditions.ts';
import type { StateReader } from './state-store.ts';

/** Other types than the first two exist; nothing here can decide them. */
export type Goal =
  | { readonly type: 'state_predicate'; readonly key: string; readonly operator?: string; readonly value?: unknown }
  | { readonly type: 'all_of' | 'any_of'; readonly conditions: readonly Goal[] }
  | { readonly type: string; readonly [member: string]: unknown };

export interface GoalVerdict {
  /** What cannot be decided counts as not met. */
  met: boolean;
  /** Conditions that state cannot decide, each by its place and type. */
  underivable: string[];
}

/** Deeper goals are not met: recursion needs an end. */
const MAX_DEPTH = 32;

export function evaluateGoal(goal: Goal, state: StateReader): GoalVerdict {
  return { met: isMet(goal, state, 0), underivable: underivableConditions(goal) };
}

/** The conditions of a goal that no state can decide. */
export function underivableConditions(goal: Goal, place = 'goal', depth = 0): string[] {
  if (depth > MAX_DEPTH) return [`${place}: nested more than ${MAX_DEPTH} deep`];
  const conditions = conditionsOf(goal);
  if (conditions === undefined) return isPredicate(goal) ? [] : [`${place}: ${goal.type}`];
  if (conditions.length === 0) return [`${place}: ${goal.type} without conditions`];
  return conditions.flatMap((condition, index) =>
    underivableConditions(condition, `${place}.conditions[${index}]`, depth + 1),
  );
}

function isMet(goal: Goal, state: StateReader, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  if (isPredicate(goal)) return holds(state, goal.key, goal.operator ?? 'eq', goal.value ?? null);
  const conditions = conditionsOf(goal);
  // An empty conjunction holds in logic, but a goal that asks for nothing has not been reached by anything.
  if (conditions === undefined || conditions.length === 0) return false;
  return goal.type === 'all_of'
    ? conditions.every((condition) => isMet(condition, state, depth + 1))
    : conditions.some((condition) => isMet(condition, state, depth + 1));
}

function isPredicate(goal: Goal): goal is Extract<Goal, { type: 'state_predicate' }> {
  return goal.type === 'state_predicate' && typeof goal['key'] === 'string';
}

function conditionsOf(goal: Goal): readonly Goal[] | undefined {
  if (goal.type !== 'all_of' && goal.type !== 'any_of') return undefined;
  return Array.isArray(goal['conditions']) ? (goal['conditions'] as readonly Goal[]) : undefined;
}
