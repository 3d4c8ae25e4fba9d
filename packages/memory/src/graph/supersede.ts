// What stops holding takes with it what was concluded from it, and marks what rests on it (Memory, The graph).
import type { MemoryGraph } from './graph.ts';
import { invalidKindOf, type MemoryNode } from './model.ts';

/** The old node holds no longer; the new one stands in its place. */
export function supersede(graph: MemoryGraph, old: MemoryNode, by: number, atMs: number): void {
  graph.link(by, old.index, 'supersedes');
  endNode(graph, old, atMs, by);
}

/** Ends a node and everything that follows from its end. What takes its place needs no review for resting on it. */
export function endNode(graph: MemoryGraph, node: MemoryNode, atMs: number, by?: number): void {
  const ended = invalidKindOf[node.kind];
  if (ended === undefined) return;
  graph.setKind(node.index, ended, atMs);
  graph.setNeedsReview(node.index, false);
  const reached = new Set([node.index, ...(by === undefined ? [] : [by])]);
  const waiting = [node.index];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const hasEnded = (graph.node(at) as MemoryNode).endedAtMs !== Infinity;
    for (const { from, kind } of graph.adjacency.in(at)) {
      if ((kind !== 'cites_premise' && kind !== 'depends_on') || reached.has(from)) continue;
      const dependent = graph.node(from);
      if (!dependent || dependent.endedAtMs !== Infinity) continue;
      reached.add(from);
      waiting.push(from);
      if (kind === 'cites_premise' && hasEnded) graph.setKind(from, 'conclusion_invalidated', atMs);
      graph.setNeedsReview(from, true);
    }
  }
}
