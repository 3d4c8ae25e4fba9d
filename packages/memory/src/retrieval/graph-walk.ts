// The memory graph as activation walks it: edges both ways where their kind says so, and facts of one key as if each were
// linked to every other.
import { isWalkedBackwards, multiplierByCode, none } from '../graph/adjacency.ts';
import { flag, type MemoryGraph } from '../graph/graph.ts';
import { edgeMultiplier, sameKeyWeight } from '../graph/model.ts';
import type { Adjacency, Groups } from './page-rank.ts';

/** Strength of the link between two facts of one key. */
export const SAME_KEY_STRENGTH = sameKeyWeight * edgeMultiplier.related_to;

/** Where a share of what a node hands on says nothing any more. */
export interface WalkLimits {
  /** Larger groups are left out. */
  readonly maxGroup?: number;
  /** A node with more edges leads nowhere; no more of them are read. */
  readonly maxEdges?: number;
}

/** Walks valid nodes only. Facts of one key are given as a group, which the caller spreads as a whole. */
export function walkOf(
  graph: MemoryGraph,
  { maxGroup = Infinity, maxEdges = Infinity }: WalkLimits = {},
): Adjacency & Groups {
  const { adjacency, groups, flags } = graph;
  const isValid = (node: number): boolean => (flags.at(node) & flag.isValid) !== 0;
  const isHub = (node: number): boolean => {
    let edges = 0;
    for (let edge = adjacency.firstOut.at(node); edge !== none; edge = adjacency.nextOut.at(edge)) {
      if (++edges > maxEdges) return true;
    }
    for (let edge = adjacency.firstIn.at(node); edge !== none; edge = adjacency.nextIn.at(edge)) {
      if (++edges > maxEdges) return true;
    }
    return false;
  };
  return {
    forEachNeighbour(node, visit) {
      if (isHub(node)) return;
      for (let edge = adjacency.firstOut.at(node); edge !== none; edge = adjacency.nextOut.at(edge)) {
        const to = adjacency.to.at(edge);
        if (isValid(to)) visit(to, adjacency.weight.at(edge) * multiplierByCode[adjacency.kind.at(edge)]!);
      }
      for (let edge = adjacency.firstIn.at(node); edge !== none; edge = adjacency.nextIn.at(edge)) {
        const kind = adjacency.kind.at(edge);
        const from = adjacency.from.at(edge);
        if (isWalkedBackwards[kind] && isValid(from)) visit(from, adjacency.weight.at(edge) * multiplierByCode[kind]!);
      }
    },
    groupOf(node) {
      const group = groups.groupOf.at(node);
      if (group === none) return undefined;
      const size = groups.size.at(group);
      return size < 2 || size > maxGroup ? undefined : group;
    },
    sizeOf: (group) => groups.size.at(group),
    members: (group) => groups.members(group),
    groupStrength: SAME_KEY_STRENGTH,
  };
}
