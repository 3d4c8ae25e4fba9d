// The values of a key over time, and what took the place of each.
import type { MemoryEngine } from './engine.ts';
import type { MemoryNode, View } from './graph/model.ts';

export interface TimelineEntry {
  readonly node: MemoryNode;
  /** The fact that took its place, where one did. */
  readonly supersededBy?: string;
  readonly needsReview: boolean;
}

const timelineKinds = new Set(['fact', 'fact_superseded', 'conclusion', 'conclusion_invalidated']);
export const maxTimelineEntries = 1_000;

/** The oldest first; the newest so many where there are more. Reads the whole graph: it is asked for by people. */
export function timelineOf({ graph }: MemoryEngine, key: string, view: View = {}): TimelineEntry[] {
  return [...graph.nodes()]
    .filter((node) => node.key === key && timelineKinds.has(node.kind) && graph.isVisible(node.index, view))
    .sort((a, b) => a.createdAtMs - b.createdAtMs || a.index - b.index)
    .slice(-maxTimelineEntries)
    .map((node) => {
      let by: MemoryNode | undefined;
      for (const { from, kind } of graph.adjacency.in(node.index)) if (kind === 'supersedes') by ??= graph.node(from);
      return { node, needsReview: node.needsReview, ...(by && { supersededBy: by.id }) };
    });
}
