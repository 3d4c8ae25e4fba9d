// Looking around in a memory, page by page: what a person sees who opens it. Every page reads a bounded part of the graph.
import type { MemoryEngine } from './engine.ts';
import { none } from './graph/adjacency.ts';
import { sameKeyWeight, type EdgeKind, type MemoryNode, type NodeKind, type View } from './graph/model.ts';

/** Nodes or edges that one page looks at; a page that found less than it may hold says where to go on all the same. */
const maxLookedAt = 20_000;

const browsable: ReadonlySet<NodeKind> = new Set([
  'fact',
  'fact_superseded',
  'conclusion',
  'conclusion_invalidated',
  'conversation',
  'conversation_summary',
]);

export interface ListOptions extends View {
  /** Only what holds. */
  readonly isCurrent: boolean;
  readonly needsReview: boolean;
  readonly limit: number;
  /** Only what is older than this node. */
  readonly before?: number | undefined;
}

export interface NodePage {
  readonly nodes: MemoryNode[];
  /** Goes on behind this node; absent at the end. */
  readonly next?: number;
}

/** The newest first. */
export function listNodes({ graph, nowMs }: MemoryEngine, options: ListOptions): NodePage {
  const { isCurrent, needsReview, limit, before = graph.size } = options;
  const nodes: MemoryNode[] = [];
  const start = Math.min(before, graph.size) - 1;
  for (let index = start; index >= 0; index--) {
    if (nodes.length >= limit || start - index >= maxLookedAt) return { nodes, next: index + 1 };
    const node = graph.node(index);
    if (!node || !browsable.has(node.kind) || !graph.isVisible(index, options)) continue;
    if (needsReview && !node.needsReview) continue;
    if (isCurrent && (node.endedAtMs !== Infinity || node.expiresAtMs <= nowMs)) continue;
    nodes.push(node);
  }
  return { nodes };
}

export interface Neighbor {
  readonly node: MemoryNode;
  readonly kind: EdgeKind;
  /** `out`: from the node that was asked about. */
  readonly direction: 'out' | 'in' | 'both';
  readonly weight: number;
}

/** Edges that leave, edges that arrive, and the facts of the same key, which are related without an edge. */
const stages = ['out', 'in', 'key'] as const;
type Stage = (typeof stages)[number];

export interface NeighborPage {
  readonly neighbors: Neighbor[];
  /** `<stage>:<edge or node>`, to go on from; absent at the end. */
  readonly next?: string;
}

export function isNeighborCursor(text: string): boolean {
  return /^(?:out|in|key):\d{1,10}$/.test(text);
}

/** Each way at a time, the newest first. */
export function neighborsOf(
  { graph }: MemoryEngine,
  of: MemoryNode,
  view: View,
  { limit, after = '' }: { limit: number; after?: string | undefined },
): NeighborPage {
  const [from, below] = after === '' ? ['out' as Stage, none] : (after.split(':') as [Stage, string]);
  const neighbors: Neighbor[] = [];
  let lookedAt = 0;
  for (const stage of stages.slice(stages.indexOf(from))) {
    const limitedTo = stage === from ? Number(below) : none;
    for (const { at, ...neighbor } of waysOf(graph, of, stage)) {
      if (at >= limitedTo) continue;
      if (neighbors.length >= limit || lookedAt++ >= maxLookedAt) return { neighbors, next: `${stage}:${at + 1}` };
      const node = graph.node(neighbor.index);
      if (!node || node.index === of.index || !graph.isVisible(node.index, view)) continue;
      const { kind, direction, weight } = neighbor;
      neighbors.push({ node, kind, direction, weight });
    }
  }
  return { neighbors };
}

function* waysOf({ adjacency, groups }: MemoryEngine['graph'], { index }: MemoryNode, stage: Stage) {
  if (stage === 'key') {
    const group = groups.groupOf.at(index);
    if (group === none) return;
    for (let at = groups.last.at(group); at !== none; at = groups.previous.at(at)) {
      yield { at, index: at, kind: 'related_to' as const, direction: 'both' as const, weight: sameKeyWeight };
    }
    return;
  }
  const [first, next] =
    stage === 'out' ? [adjacency.firstOut, adjacency.nextOut] : [adjacency.firstIn, adjacency.nextIn];
  for (let at = first.at(index); at !== none; at = next.at(at)) {
    const { from, to, kind, weight } = adjacency.edge(at);
    yield { at, index: stage === 'out' ? to : from, kind, direction: stage, weight };
  }
}
