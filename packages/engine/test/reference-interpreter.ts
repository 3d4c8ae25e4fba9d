/**
 * What executing a proposal must come to, written as plainly as possible and without looking at the engine: pairwise
 * dependencies, one action at a time, the whole state copied. Tests compare the engine with it.
 */
import type { Action, CostSummary, JsonObject } from '../src/index.ts';

/** How a tool behaves, by action id: how many attempts fail before one succeeds. */
export type FailingAttempts = ReadonlyMap<string, number>;

export interface ReferenceResult {
  id: string;
  status: 'succeeded' | 'failed' | 'rejected' | 'skipped';
  output: unknown;
  changes: JsonObject;
  rolledBack: boolean;
}

export interface ReferenceRun {
  results: ReferenceResult[];
  state: Map<string, unknown>;
  cost: Omit<CostSummary, 'total_duration_ms'>;
}

/** Indices that must end before the action at `index` starts, unless a cycle makes that impossible. */
export function referenceDependencies(actions: readonly Action[], index: number): number[] {
  const action = actions[index]!;
  const earlier = actions.map((_, other) => other).filter((other) => other < index);
  const wanted = new Set<number>();
  for (const key of action.state_dependencies) {
    const producer = earlier.filter((other) => writtenKeys(actions[other]!).includes(key)).at(-1);
    if (producer !== undefined) wanted.add(producer);
  }
  if (action.type === 'state_write') {
    for (const other of earlier) {
      const { type, parameters } = actions[other]!;
      if (type === 'state_write' && parameters['key'] === action.parameters['key']) wanted.add(other);
    }
  }
  actions.forEach((other, position) => {
    const isNamed = action.dependencies.includes(other.id);
    const isReferred = JSON.stringify(action.parameters).includes(`"$${other.id}.output"`);
    if (position !== index && (isNamed || isReferred)) wanted.add(position);
  });
  return [...wanted].toSorted((a, b) => a - b);
}

export function referenceLevels(actions: readonly Action[]): number[][] {
  const dependencies = actions.map((_, index) => referenceDependencies(actions, index));
  const levels: number[][] = [];
  const done = new Set<number>();
  while (done.size < actions.length) {
    const remaining = actions.map((_, index) => index).filter((index) => !done.has(index));
    const ready = remaining.filter((index) => dependencies[index]!.every((other) => done.has(other)));
    const level = ready.length > 0 ? ready : [remaining[0]!];
    for (const index of level) done.add(index);
    levels.push(level);
  }
  return levels;
}

export function isSequential(level: readonly number[], actions: readonly Action[]): boolean {
  return level.length === 1 || level.some((index) => actions[index]!.failure_behavior === 'abort');
}

/** Keys an action writes when it succeeds. */
export function writtenKeys(action: Action): string[] {
  const keys = Object.keys(action.expected_effects);
  return action.type === 'state_write' ? [...keys, action.parameters['key'] as string] : keys;
}

/** Keys whose value decides what an action does. */
export function readKeys(action: Action): string[] {
  const own = action.type === 'state_read' || action.type === 'assertion' ? [action.parameters['key'] as string] : [];
  return [...own, ...action.state_dependencies, ...action.preconditions.map(({ key }) => key)];
}

/** Knows the tools `ok` (answers its parameters); understands preconditions `exists`, `not_exists` and `eq`. */
export function runReference(
  actions: readonly Action[],
  before: ReadonlyMap<string, unknown>,
  failing: FailingAttempts,
): ReferenceRun {
  let state = new Map(before);
  const results = new Map<string, ReferenceResult>();
  const cost = { tool_calls: 0, actions_executed: 0, actions_rejected: 0, actions_skipped: 0, retries: 0 };
  let stopped = false;

  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolve(member)]));
    }
    const other = actions.find(({ id }) => value === `$${id}.output`);
    return other !== undefined && results.has(other.id) ? results.get(other.id)!.output : value;
  };

  const perform = (action: Action): ReferenceResult => {
    const parameters = resolve(action.parameters) as JsonObject;
    const result: ReferenceResult = { id: action.id, status: 'failed', output: null, changes: {}, rolledBack: false };
    const isRejected =
      (action.type === 'tool_call' && action.tool !== 'ok') ||
      action.state_dependencies.some((key) => !state.has(key)) ||
      action.preconditions.some(({ key, operator, value }) => {
        if (operator === 'exists') return !state.has(key);
        if (operator === 'not_exists') return state.has(key);
        return operator !== 'eq' || (state.get(key) ?? null) !== value;
      });
    if (isRejected) return { ...result, status: 'rejected' };

    const attempts = action.failure_behavior === 'retry' ? action.max_retries + 1 : 1;
    for (let attempt = 1; attempt <= attempts && result.status === 'failed'; attempt += 1) {
      if (attempt > 1) cost.retries += 1;
      if (action.type === 'tool_call') {
        cost.tool_calls += 1;
        if (attempt > failing.get(action.id)!) {
          result.status = 'succeeded';
          result.output = parameters;
        }
      } else if (action.type === 'assertion') {
        if ((state.get(parameters['key'] as string) ?? null) === (parameters['expected'] ?? null)) {
          result.status = 'succeeded';
          result.output = true;
        }
      } else {
        result.status = 'succeeded';
        if (action.type === 'state_read') result.output = state.get(parameters['key'] as string) ?? null;
      }
    }
    if (result.status === 'failed') return result;
    Object.assign(result.changes, action.expected_effects);
    if (action.type === 'state_write') result.changes[parameters['key'] as string] = parameters['value'] ?? null;
    for (const [key, value] of Object.entries(result.changes)) state.set(key, value);
    return result;
  };

  for (const level of referenceLevels(actions)) {
    if (stopped) break;
    const sequential = isSequential(level, actions);
    for (const index of level) {
      if (stopped && sequential) break;
      const action = actions[index]!;
      const result = perform(action);
      results.set(action.id, result);
      if (result.status === 'rejected') cost.actions_rejected += 1;
      else cost.actions_executed += 1;
      if (result.status === 'succeeded' || action.failure_behavior === 'skip') continue;
      stopped = true;
      if (result.status === 'rejected' || action.failure_behavior !== 'abort') continue;
      state = new Map(before);
      for (const earlier of results.values()) {
        if (earlier.status !== 'succeeded') continue;
        earlier.rolledBack = true;
        earlier.changes = {};
      }
    }
  }
  const all = actions.map(({ id }): ReferenceResult => {
    const result = results.get(id);
    if (result !== undefined) return result;
    cost.actions_skipped += 1;
    return { id, status: 'skipped', output: null, changes: {}, rolledBack: false };
  });
  return { results: all, state, cost };
}
