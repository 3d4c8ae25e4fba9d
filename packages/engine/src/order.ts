/** In which order the actions of a proposal run (Ordering). */
import { stateKeyOf } from './proposal.ts';
import type { Action } from './proposal.ts';
import { findReferences, hasReference } from './references.ts';

export interface ExecutionPlan {
  /** Indices into the actions: levels in running order, each level in array order. */
  readonly levels: readonly (readonly number[])[];
  /** Whether any action's parameters refer to another action's output. */
  readonly hasReferences: boolean;
  /** Actions that had to go first in a cycle, before something they wait for. */
  readonly forced: readonly number[];
}

export interface DependencyGraph {
  /** For each action, the actions that wait for it. An index may appear twice: two reasons to wait are two edges. */
  readonly successors: readonly (readonly number[])[];
  /** For each action, how many edges point at it. */
  readonly waits: readonly number[];
  readonly hasReferences: boolean;
}

/** A proposal is planned when it is checked, and again when it runs. Most do that at once, so the last is kept; large ones give
 *  way to others between the two. Not all of them in a weak map: what is there survives every young collection. */
let lastActions: readonly Action[] | undefined;
let lastPlan: ExecutionPlan | undefined;
const large = new WeakMap<readonly Action[], ExecutionPlan>();
const MIN_LARGE = 100;

const ALONE: ExecutionPlan = { levels: [[0]], hasReferences: false, forced: [] };

export function planExecution(actions: readonly Action[]): ExecutionPlan {
  // The common proposal has one action, and an action cannot wait for itself.
  if (actions.length === 1) return ALONE;
  if (lastActions === actions && lastPlan !== undefined) return lastPlan;
  const plan = large.get(actions) ?? planAnew(actions);
  lastActions = actions;
  lastPlan = plan;
  if (actions.length >= MIN_LARGE) large.set(actions, plan);
  return plan;
}

function planAnew(actions: readonly Action[]): ExecutionPlan {
  return actions.length > 0 && actions.every(isIndependent) ? onOneLevel(actions.length) : planGraph(actions);
}

function planGraph(actions: readonly Action[]): ExecutionPlan {
  const graph = dependencyGraph(actions);
  return { ...toLevels(graph), hasReferences: graph.hasReferences };
}

/** Whether nothing about the action can make it wait, whatever the others do. Most need no graph. */
export function isIndependent({ type, parameters, state_dependencies, dependencies }: Action): boolean {
  if (type === 'state_write' || state_dependencies.length > 0 || dependencies.length > 0) return false;
  return !hasReference(parameters);
}

function onOneLevel(count: number): ExecutionPlan {
  return { levels: [Array.from({ length: count }, (_, index) => index)], hasReferences: false, forced: [] };
}

/** Every edge of a proposal: keys from earlier writers, ids in `dependencies`, references in parameters. */
export function dependencyGraph(actions: readonly Action[]): DependencyGraph {
  const indexOf = new Map(actions.map((action, index) => [action.id, index]));
  const successors: number[][] = actions.map(() => []);
  const waits = actions.map(() => 0);
  const lastWriter = new Map<string, number>();
  const lastStateWrite = new Map<string, number>();
  let hasReferences = false;

  const addEdge = (from: number | undefined, to: number): void => {
    if (from === undefined || from === to) return;
    successors[from]!.push(to);
    waits[to]! += 1;
  };

  actions.forEach((action, index) => {
    for (const key of action.state_dependencies) addEdge(lastWriter.get(key), index);
    for (const id of action.dependencies) addEdge(indexOf.get(id), index);
    findReferences(action.parameters, (id) => {
      const from = indexOf.get(id);
      if (from === undefined || from === index) return;
      hasReferences = true;
      addEdge(from, index);
    });
    // Only now: an action's own writes never make it wait, and a later writer makes no edge.
    for (const key of Object.keys(action.expected_effects)) lastWriter.set(key, index);
    const written = action.type === 'state_write' ? stateKeyOf(action) : undefined;
    if (written !== undefined) {
      // Waiting for the previous write of the key is waiting for all of them.
      addEdge(lastStateWrite.get(written), index);
      lastStateWrite.set(written, index);
      lastWriter.set(written, index);
    }
  });
  return { successors, waits, hasReferences };
}

/** For each action, the ids of those it waits for, each once. */
export function dependenciesOf(actions: readonly Action[]): string[][] {
  const waitsFor = actions.map((): Set<string> => new Set());
  if (!actions.every(isIndependent)) {
    dependencyGraph(actions).successors.forEach((successors, from) => {
      for (const to of successors) waitsFor[to]!.add(actions[from]!.id);
    });
  }
  return waitsFor.map((ids) => [...ids]);
}

/** Kahn's levels. In a cycle the smallest remaining index runs next, on a level of its own. */
export function toLevels(graph: DependencyGraph): { levels: number[][]; forced: number[] } {
  const count = graph.waits.length;
  const waits = [...graph.waits];
  const levelOf = waits.map(() => -1);
  let ready: number[] = [];
  waits.forEach((wait, index) => {
    if (wait === 0) ready.push(index);
  });
  const forced: number[] = [];
  let placed = 0;
  let smallest = 0;
  let level = 0;
  for (; placed < count; level += 1) {
    if (ready.length === 0) {
      while (levelOf[smallest] !== -1) smallest += 1;
      ready = [smallest];
      forced.push(smallest);
    }
    for (const index of ready) levelOf[index] = level;
    placed += ready.length;
    const next: number[] = [];
    for (const index of ready) {
      for (const successor of graph.successors[index]!) {
        waits[successor]! -= 1;
        if (waits[successor] === 0 && levelOf[successor] === -1) next.push(successor);
      }
    }
    ready = next;
  }
  // Filling by index keeps each level in array order without sorting.
  const levels: number[][] = Array.from({ length: level }, () => []);
  levelOf.forEach((at, index) => levels[at]!.push(index));
  return { levels, forced };
}

/** Whether the actions of a level run at the same time: several of them, and none that aborts. */
export function mayOverlap(level: readonly number[], actions: readonly Action[]): boolean {
  return level.length > 1 && level.every((index) => actions[index]!.failure_behavior !== 'abort');
}
