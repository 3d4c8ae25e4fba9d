// The classic ranking (Memory, Retrieval): seeds by words over every valid node, then personalised PageRank. It reads all
// of the graph for a query; `createHybridRanker` does not.
import type { MemoryGraph } from '../graph/graph.ts';
import { isValidKind, layerOf, type MemoryNode } from '../graph/model.ts';
import { byRank, type Ranked, type Ranker, type RankReason, type RankRequest } from '../ranking.ts';
import { classicStem, classicWords, synonymGroup } from './classic-text.ts';
import { walkOf } from './graph-walk.ts';
import { pageRankByRounds } from './page-rank.ts';
import { pathBetween } from './path.ts';

const MAX_SEEDS = 5;
const MAX_RANKED = 50;
/** What a query term counts that is found as a token, as a stem, as a synonym, inside a word. */
const match = { token: 3, stem: 2, synonym: 1.5, substring: 1 };
const MIN_IDF = 0.1;
/** For a term that no node has. */
const UNKNOWN_IDF = 1;

interface Words {
  readonly text: string;
  readonly tokens: ReadonlySet<string>;
  readonly stems: ReadonlySet<string>;
  readonly synonyms: ReadonlySet<number>;
}

interface Term {
  readonly word: string;
  readonly stem: string;
  readonly synonym: number | undefined;
  readonly idf: number;
}

export function createClassicRanker(graph: MemoryGraph): Ranker {
  const read = new WeakMap<MemoryNode, Words>();
  const wordsOf = (node: MemoryNode): Words => {
    let words = read.get(node);
    if (!words) read.set(node, (words = readWords(`${node.key} ${node.value}`)));
    return words;
  };
  const visible = ({ view, nowMs }: RankRequest): MemoryNode[] =>
    [...graph.nodes()].filter(
      ({ kind, index, expiresAtMs }) => isValidKind(kind) && expiresAtMs > nowMs && graph.isVisible(index, view),
    );
  const termsOf = (text: string, nodes: readonly MemoryNode[]): Term[] =>
    [...new Set(classicWords(text))].map((word) => {
      const holders = nodes.reduce((count, node) => count + (wordsOf(node).tokens.has(word) ? 1 : 0), 0);
      const idf = holders === 0 ? UNKNOWN_IDF : Math.max(MIN_IDF, Math.log(nodes.length / (1 + holders)));
      return { word, stem: classicStem(word), synonym: synonymGroup(word), idf };
    });
  const seedsOf = (request: RankRequest, nodes: readonly MemoryNode[]): Ranked[] => {
    const terms = termsOf(request.text, nodes);
    const most = terms.reduce((sum, { idf }) => sum + idf * match.token, 0);
    return nodes
      .map((node) => ({ index: node.index, score: seedScore(terms, wordsOf(node)) / most }))
      .filter(({ score }) => score > 0)
      .sort(byRank)
      .slice(0, MAX_SEEDS);
  };
  const activations = (request: RankRequest, nodes: readonly MemoryNode[]): Ranked[] => {
    const seeds = new Map(seedsOf(request, nodes).map(({ index, score }) => [index, score]));
    return [...pageRankByRounds(walkOf(graph), seeds)]
      .map(([index, score]) => ({ index, score }))
      .filter(({ index }) => graph.isVisible(index, request.view))
      .sort(byRank)
      .slice(0, MAX_RANKED);
  };
  return {
    plan: (request) => ({
      cost: graph.size,
      run: () => activations(request, visible(request)).slice(0, request.limit),
    }),
    planContext: (request) => ({
      cost: graph.size,
      run: () => {
        const nodes = visible(request);
        const active = new Map(activations(request, nodes).map(({ index, score }) => [index, score]));
        const terms = termsOf(request.text, nodes);
        return nodes
          .filter(({ kind }) => layerOf[kind] === 2)
          .map((node) => ({
            index: node.index,
            score: Math.max(active.get(node.index) ?? 0, overlap(terms, wordsOf(node))),
          }))
          .sort(byRank)
          .slice(0, request.limit);
      },
    }),
    explain: (request, index) => explain(graph, request, index, seedsOf(request, visible(request)), wordsOf),
    [Symbol.dispose]() {},
  };
}

function explain(
  graph: MemoryGraph,
  { text }: RankRequest,
  index: number,
  seeds: readonly Ranked[],
  wordsOf: (node: MemoryNode) => Words,
): RankReason {
  const asked = classicWords(text);
  const named = seeds.map((seed) => {
    const node = graph.node(seed.index);
    return { ...seed, terms: node ? asked.filter((word) => wordsOf(node).text.includes(word)) : [] };
  });
  const activation = pageRankByRounds(walkOf(graph), new Map(seeds.map((seed) => [seed.index, seed.score])));
  const start = seeds.find((seed) => seed.index === index) ?? seeds[0];
  return {
    seeds: named,
    path: start ? pathBetween(walkOf(graph), start.index, index) : [],
    parts: { activation: activation.get(index) ?? 0 },
  };
}

function readWords(text: string): Words {
  const tokens = new Set(classicWords(text));
  const synonyms = [...tokens].map(synonymGroup).filter((group) => group !== undefined);
  return {
    text: text.toLowerCase(),
    tokens,
    stems: new Set([...tokens].map(classicStem)),
    synonyms: new Set(synonyms),
  };
}

function seedScore(terms: readonly Term[], words: Words): number {
  return terms.reduce((sum, term) => sum + term.idf * matchOf(term, words), 0);
}

function matchOf({ word, stem, synonym }: Term, { text, tokens, stems, synonyms }: Words): number {
  if (tokens.has(word)) return match.token;
  if (stems.has(stem)) return match.stem;
  if (synonym !== undefined && synonyms.has(synonym)) return match.synonym;
  return text.includes(word) ? match.substring : 0;
}

/** Share of the terms that are found at all. */
function overlap(terms: readonly Term[], words: Words): number {
  return terms.length === 0 ? 0 : terms.filter((term) => matchOf(term, words) > 0).length / terms.length;
}
