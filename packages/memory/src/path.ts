// How activation gets from a seed to a node: the shortest way, for explanations.
import { none } from './graph/adjacency.ts';
import type { WalkColumns, WalkView } from './graph/graph.ts';
import type { Ranked } from './ranking.ts';
import { eachNeighbour } from './walk.ts';

/** Nodes looked at before the search gives up: an explanation is worth no more. */
const maxVisited = 20_000;

/** From a seed to the target, both included; empty where none is found. */
export function findPath(columns: WalkColumns, view: WalkView, seeds: readonly Ranked[], target: number): number[] {
  const cameFrom = new Map<number, number>(seeds.map(({ index }) => [index, none]));
  const queue = [...cameFrom.keys()];
  for (let at = 0; at < queue.length && cameFrom.size < maxVisited; at++) {
    const node = queue[at] as number;
    if (node === target) break;
    const reach = (neighbour: number): void => {
      if (cameFrom.has(neighbour)) return;
      cameFrom.set(neighbour, node);
      queue.push(neighbour);
    };
    eachNeighbour(columns, view, node, reach);
    const group = columns.groupOf[node] as number;
    if (group === none) continue;
    let member = columns.firstInGroup[group] as number;
    for (; member !== none && cameFrom.size < maxVisited; member = columns.nextInGroup[member] as number) reach(member);
  }
  const path: number[] = [];
  for (let node = target; cameFrom.has(node); node = cameFrom.get(node) as number) path.unshift(node);
  return path;
}
