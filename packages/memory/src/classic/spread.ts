// Breadth-first spreading activation (Memory, Retrieval): what matching skills and simple look-ups use.
import { none } from '../graph/adjacency.ts';
import type { WalkColumns, WalkView } from '../graph/graph.ts';
import { byRank, type Ranked } from '../ranking.ts';
import { canEnter, eachNeighbour, sameKeyStrength } from '../walk.ts';

export interface SpreadOptions {
  /** What each step leaves of an activation. */
  readonly decay?: number;
  /** Activations below it are not followed and not returned. */
  readonly minimum?: number;
}

/** Every node keeps the highest activation that reaches it; the highest first. */
export function spreadActivation(
  columns: WalkColumns,
  view: WalkView,
  seeds: readonly Ranked[],
  { decay = 0.7, minimum = 0.01 }: SpreadOptions = {},
): Ranked[] {
  const activations = new Map<number, number>();
  /** Highest activation that was handed to the members of a group, so that none of them does it again. */
  const groups = new Map<number, number>();
  const queue: number[] = [];
  const raise = (node: number, activation: number): void => {
    if (activation < minimum || activation <= (activations.get(node) ?? 0)) return;
    activations.set(node, activation);
    queue.push(node);
  };
  for (const { index, score } of seeds) if (canEnter(columns, view, index)) raise(index, score);
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at] as number;
    const activation = activations.get(node) as number;
    eachNeighbour(columns, view, node, (neighbour, strength) => raise(neighbour, activation * decay * strength));
    const group = columns.groupOf[node] as number;
    if (group === none) continue;
    const handed = activation * decay * sameKeyStrength;
    if (handed < minimum || handed <= (groups.get(group) ?? 0)) continue;
    groups.set(group, handed);
    let member = columns.firstInGroup[group] as number;
    for (; member !== none; member = columns.nextInGroup[member] as number) if (member !== node) raise(member, handed);
  }
  return [...activations].map(([index, score]) => ({ index, score })).sort(byRank);
}
