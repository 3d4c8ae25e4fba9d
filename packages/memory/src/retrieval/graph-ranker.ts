// Our ranking, following a memory graph: every valid node is indexed when it comes and leaves the index when it ends.
import type { GraphListener, MemoryGraph } from '../graph/graph.ts';
import { isValidKind, layerOf, type MemoryNode } from '../graph/model.ts';
import type { Ranked, Ranker, RankReason, RankRequest } from '../ranking.ts';
import { walkOf } from './graph-walk.ts';
import { pathBetween } from './path.ts';
import { RankedIndex, type RankedHit, type RankingQuery } from './ranked-index.ts';

/** Facts of one key that lend each other activation. */
const MAX_GROUP = 64;
/** Seeds that an explanation names. */
const MAX_EXPLAINED_SEEDS = 5;
/** Least score of a fact that the question reaches, of 1. */
const FAINTEST = 1e-6;
/** Nodes of other kinds and other tenants that filling up passes over before it gives up. */
const MAX_PASSED_OVER = 20_000;

export function createHybridRanker(graph: MemoryGraph): Ranker {
  let index = new RankedIndex();
  const listener: GraphListener = {
    nodeAdded: (node) => {
      if (isRanked(node)) index.add(toText(node));
    },
    nodeChanged: (node) => {
      if (!isRanked(node)) index.remove(node.index);
    },
    nodeRemoved: ({ index: node }) => index.remove(node),
    reset: () => void (index = new RankedIndex()),
  };
  for (const node of graph.nodes()) listener.nodeAdded?.(node);
  const unsubscribe = graph.subscribe(listener);

  const toQuery = (
    { text, limit, view, nowMs }: RankRequest,
    isWanted: (node: MemoryNode) => boolean,
  ): RankingQuery => ({
    text,
    limit,
    graph: walkOf(graph, MAX_GROUP),
    isVisible: (at) => {
      const node = graph.node(at);
      return node !== undefined && node.expiresAtMs > nowMs && graph.isVisible(at, view) && isWanted(node);
    },
  });
  const plan = (request: RankRequest, isWanted: (node: MemoryNode) => boolean) => ({
    cost: 0,
    run: () => index.query(toQuery(request, isWanted)).map(toRanked),
  });
  return {
    plan: (request) => plan(request, () => true),
    planContext: (request) => {
      const { cost, run } = plan(request, ({ kind }) => layerOf[kind] === 2);
      return { cost: cost + request.limit, run: () => filledUp(graph, request, run()) };
    },
    explain: (request, node) => {
      const hits = index.query(toQuery({ ...request, limit: Infinity }, () => true));
      return explain(graph, index, request.text, hits, node);
    },
    [Symbol.dispose]: unsubscribe,
  };
}

/** Scores from 0 to 1, and what the question does not reach after what it does, the newest first, up to the limit. */
function filledUp(graph: MemoryGraph, { limit, view, nowMs }: RankRequest, hits: readonly Ranked[]): Ranked[] {
  const highest = hits[0]?.score ?? 1;
  const ranked = hits.map(({ index, score }) => ({ index, score: Math.max(score / highest, FAINTEST) }));
  const found = new Set(hits.map(({ index }) => index));
  const lowest = Math.max(0, graph.size - limit - MAX_PASSED_OVER);
  for (let index = graph.size - 1; index >= lowest && ranked.length < limit; index--) {
    const node = graph.node(index);
    if (!node || found.has(index) || !isRanked(node) || layerOf[node.kind] !== 2) continue;
    if (node.expiresAtMs > nowMs && graph.isVisible(index, view)) {
      ranked.push({ index, score: (FAINTEST * (index + 1)) / (graph.size + 1) });
    }
  }
  return ranked;
}

/** Skills are found by their triggers, and an identity is always shown. */
function isRanked({ kind }: MemoryNode): boolean {
  return isValidKind(kind) && kind !== 'skill' && kind !== 'identity';
}

function toText(node: MemoryNode) {
  const { index: id, kind, key: subject, value, createdAtMs: atMs, tenant, partition } = node;
  const spoken = `${subject}: `;
  const body = kind === 'conversation' && value.startsWith(spoken) ? value.slice(spoken.length) : value;
  return { id, subject, body, atMs, thread: JSON.stringify([tenant, partition, layerOf[kind]]) };
}

function toRanked({ id: index, score }: RankedHit): Ranked {
  return { index, score };
}

function explain(
  graph: MemoryGraph,
  index: RankedIndex,
  question: string,
  hits: readonly RankedHit[],
  node: number,
): RankReason {
  const byWords = hits
    .filter(({ parts }) => parts.words > 0)
    .sort((a, b) => b.parts.words - a.parts.words || a.id - b.id);
  const seeds = byWords
    .slice(0, MAX_EXPLAINED_SEEDS)
    .map(({ id, parts }) => ({ index: id, score: parts.words, terms: index.sharedTerms(id, question) }));
  const parts = hits.find(({ id }) => id === node)?.parts ?? {};
  const start = seeds.some(({ index: seed }) => seed === node) ? node : seeds[0]?.index;
  return { seeds, path: start === undefined ? [] : pathBetween(walkOf(graph), start, node), parts: { ...parts } };
}
