import type { Adjacency, Groups } from './page-rank.ts';

/** Nodes that a search for a path looks at. */
const MAX_VISITED = 5_000;

/** A shortest path, both ends included; empty when there is none within reach. */
export function pathBetween(graph: Adjacency & Groups, from: number, to: number): number[] {
  const cameFrom = new Map<number, number>([[from, from]]);
  const waiting = [from];
  for (const node of waiting) {
    if (node === to) return walkBack(cameFrom, from, to);
    if (cameFrom.size > MAX_VISITED) break;
    const reach = (next: number): void => {
      if (cameFrom.has(next)) return;
      cameFrom.set(next, node);
      waiting.push(next);
    };
    graph.forEachNeighbour(node, reach);
    const group = graph.groupOf(node);
    if (group !== undefined) for (const member of graph.members(group)) reach(member);
  }
  return [];
}

function walkBack(cameFrom: ReadonlyMap<number, number>, from: number, to: number): number[] {
  const path = [to];
  for (let at = to; at !== from;) path.unshift((at = cameFrom.get(at)!));
  return path;
}
