// Walking the graph over its columns: what may be entered, and how strongly a node hands on. Shared by every walk, on this
// thread or another.
import { isWalkedBackwards, multiplierByCode, none } from './graph/adjacency.ts';
import { flag, type WalkColumns, type WalkView } from './graph/graph.ts';
import { edgeMultiplier, sameKeyWeight } from './graph/model.ts';

/** Strength between two facts of one key. */
export const sameKeyStrength = sameKeyWeight * edgeMultiplier.related_to;

export function canEnter(columns: WalkColumns, view: WalkView, node: number): boolean {
  if (node >= columns.size || !((columns.flags[node] as number) & flag.isValid)) return false;
  if (columns.tenants[node] !== view.tenant) return false;
  const partition = columns.partitions[node] as number;
  return partition === 0 || view.partitions === 'all' || view.partitions.includes(partition);
}

/** Calls back for every node that activation reaches over an explicit edge, backwards where the edge is walked so. */
export function eachNeighbour(
  columns: WalkColumns,
  view: WalkView,
  node: number,
  visit: (neighbour: number, strength: number) => void,
): void {
  const { firstOut, nextOut, firstIn, nextIn, from, to, kind, weight } = columns;
  for (let edge = firstOut[node] as number; edge !== none; edge = nextOut[edge] as number) {
    const target = to[edge] as number;
    if (!canEnter(columns, view, target)) continue;
    visit(target, (weight[edge] as number) * (multiplierByCode[kind[edge] as number] as number));
  }
  for (let edge = firstIn[node] as number; edge !== none; edge = nextIn[edge] as number) {
    const code = kind[edge] as number;
    const source = from[edge] as number;
    if (!isWalkedBackwards[code] || !canEnter(columns, view, source)) continue;
    visit(source, (weight[edge] as number) * (multiplierByCode[code] as number));
  }
}

/** Strength that a node hands to all others of its key together. */
export function groupStrength(columns: WalkColumns, node: number): number {
  const group = columns.groupOf[node] as number;
  return group === none ? 0 : ((columns.groupSize[group] as number) - 1) * sameKeyStrength;
}
