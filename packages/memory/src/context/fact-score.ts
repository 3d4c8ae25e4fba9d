// What a fact's relevance becomes before facts are ordered in a context (Memory, Retrieval).
import type { MemoryGraph } from '../graph/graph.ts';
import type { MemoryNode } from '../graph/model.ts';
import { byRank, type Ranked } from '../ranking.ts';

const fileBonus = 0.05;
const helpfulBonus = 0.01;
const maxHelpfulBonus = 0.05;
const staleFactor = 0.7;

/** How much of an order is learnt from how facts were rated; a weight of 0 leaves the order alone. */
export interface Utility {
  readonly weight: number;
  readonly exploration: number;
}

export const noUtility: Utility = { weight: 0, exploration: 0 };
const maxExploration = 4;

/** Weight within 0 to 1, exploration within 0 to 4; what is no number is 0. */
export function clampUtility(weight: number, exploration: number): Utility {
  return { weight: clamp(weight, 1), exploration: clamp(exploration, maxExploration) };
}

function clamp(value: number, high: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), high) : 0;
}

export function scoreFacts(graph: MemoryGraph, text: string, ranked: readonly Ranked[], utility: Utility): Ranked[] {
  const query = text.toLowerCase();
  return ranked
    .flatMap(({ index, score }) => {
      const node = graph.node(index);
      return node ? [{ index, score: blend(node, relevanceOf(node, score, query), utility) }] : [];
    })
    .sort(byRank);
}

function relevanceOf(node: MemoryNode, relevance: number, query: string): number {
  const { helpful = 0, outdated = 0 } = node.counters;
  const isAboutFile = node.metadata.affectedFiles?.some((file) => query.includes(file.toLowerCase())) ?? false;
  const bonus = (isAboutFile ? fileBonus : 0) + Math.min(helpful * helpfulBonus, maxHelpfulBonus);
  return (relevance + bonus) * (node.needsReview || outdated > helpful ? staleFactor : 1);
}

/** An upper bound on how useful a fact is, from how often it helped: the mean of Beta(helped + 1, outdated + 1) and its
 *  deviation, taken `exploration` times. No draw: the same counts give the same score. */
function blend(node: MemoryNode, relevance: number, { weight, exploration }: Utility): number {
  if (weight === 0) return relevance;
  const a = (node.counters.helpful ?? 0) + 1;
  const b = (node.counters.outdated ?? 0) + 1;
  const mean = a / (a + b);
  const deviation = Math.sqrt((a * b) / ((a + b) ** 2 * (a + b + 1)));
  return (1 - weight) * relevance + weight * (mean + exploration * deviation);
}
