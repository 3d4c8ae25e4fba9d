// Our ranking, following a memory graph: every valid node is indexed when it comes and leaves the index when it ends. Each
// tenant has an index of its own, so that no tenant's words weigh in another's order.
import { GraphFollower } from '../follower.ts';
import type { MemoryGraph } from '../graph/graph.ts';
import { isValidKind, layerOf, type MemoryNode, type NodeKind } from '../graph/model.ts';
import type { Ranked, Ranker, RankPlan, RankReason, RankRequest } from '../ranking.ts';
import { byFunctionWords, sharedFunctionWords } from './function-words.ts';
import { triggerPrefix } from '../skills/model.ts';
import { walkOf } from './graph-walk.ts';
import { pathBetween } from './path.ts';
import { RankedIndex, type RankedHit } from './ranked-index.ts';
import { hashOf, SavedIndex, SavedIndexWriter } from './saved-index.ts';

/** Facts of one key that lend each other activation. */
const MAX_GROUP = 64;
/** Edges of a node that activation follows; one with more leads nowhere. */
const MAX_EDGES = 512;
/** Seeds that an explanation names. */
const MAX_EXPLAINED_SEEDS = 5;
/** Least score of a fact that the question reaches, of 1. */
const FAINTEST = 1e-6;
/** Nodes of other kinds that filling up passes over before it gives up. */
const MAX_PASSED_OVER = 20_000;

export function createHybridRanker(graph: MemoryGraph): Ranker {
  return new HybridRanker(graph);
}

class HybridRanker implements Ranker {
  readonly #graph: MemoryGraph;
  /** By number of the tenant. */
  readonly #indexes = new Map<number, RankedIndex>();
  readonly #follower: GraphFollower;
  #saved: SavedIndex | undefined;
  /** By index, its numbers of the saved terms; -1 for those it was not told of. */
  #savedTerms = new Map<RankedIndex, Int32Array>();

  constructor(graph: MemoryGraph) {
    this.#graph = graph;
    this.#follower = new GraphFollower(graph, {
      takes: isRankedKind,
      add: (node) => this.#add(node),
      remove: (node) => this.#remove(node),
      reset: () => this.#indexes.clear(),
    });
  }

  get isHeld(): boolean {
    return this.#follower.isHeld;
  }

  set isHeld(isHeld: boolean) {
    this.#follower.isHeld = isHeld;
  }

  catchUp(maxChars?: number): boolean {
    const isCaughtUp = this.#follower.catchUp(maxChars);
    if (isCaughtUp) this.#forgetSaved();
    return isCaughtUp;
  }

  plan(request: RankRequest): RankPlan {
    return { run: () => this.#rank(request, () => true).map(toRanked) };
  }

  planContext(request: RankRequest): RankPlan {
    return { run: () => this.#filledUp(request, this.#rank(request, isOfFacts).map(toRanked)) };
  }

  explain(request: RankRequest, node: number): RankReason {
    this.catchUp();
    const hits = this.#rank({ ...request, limit: Infinity }, () => true);
    const index = this.#indexOf(request);
    return index ? explain(this.#graph, index, request.text, hits, node) : { seeds: [], path: [], parts: {} };
  }

  save(): Uint8Array {
    this.catchUp();
    const writer = new SavedIndexWriter();
    for (const node of this.#graph.nodes()) {
      const index = this.#indexes.get(this.#graph.tenants.at(node.index));
      if (index && isRankedKind(node.kind))
        writer.add(index, node.index, hashOf(spokenSubject(node), spokenBody(node)));
    }
    return writer.toBytes();
  }

  useSaved(bytes: Uint8Array): boolean {
    this.#forgetSaved();
    this.#saved = SavedIndex.parse(bytes);
    return this.#saved !== undefined;
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]();
    this.#indexes.clear();
    this.#forgetSaved();
  }

  #rank(request: RankRequest, isWanted: (node: MemoryNode) => boolean): RankedHit[] {
    this.catchUp();
    const index = this.#indexOf(request);
    if (!index) return [];
    const query = this.#toQuery(request, isWanted);
    const hits = index.query(query);
    if (hits.length > 0) return hits;
    return byFunctionWords(request.text, { ...query, graph: this.#graph, view: request.view, newest: index.newest() });
  }

  #toQuery({ text, limit, view, nowMs, likeness }: RankRequest, isWanted: (node: MemoryNode) => boolean) {
    const graph = this.#graph;
    return {
      text,
      limit,
      graph: walkOf(graph, { maxGroup: MAX_GROUP, maxEdges: MAX_EDGES }),
      isVisible: (at: number): boolean => {
        const node = graph.node(at);
        return node !== undefined && node.expiresAtMs > nowMs && graph.isVisible(at, view) && isWanted(node);
      },
      ...(likeness && { likeness }),
    };
  }

  /** Scores from 0 to 1, and what the question does not reach after what it does, the newest first, up to the limit. */
  #filledUp(request: RankRequest, hits: readonly Ranked[]): Ranked[] {
    const { limit, view, nowMs } = request;
    const graph = this.#graph;
    const highest = hits[0]?.score ?? 1;
    const ranked = hits.map(({ index, score }) => ({ index, score: Math.max(score / highest, FAINTEST) }));
    const found = new Set(hits.map(({ index }) => index));
    let left = limit + MAX_PASSED_OVER;
    for (const index of this.#indexOf(request)?.newest() ?? []) {
      if (ranked.length >= limit || left-- === 0) break;
      const node = graph.node(index);
      if (!node || found.has(index) || !isOfFacts(node) || node.expiresAtMs <= nowMs) continue;
      if (graph.isVisible(index, view)) ranked.push({ index, score: (FAINTEST * (index + 1)) / (graph.size + 1) });
    }
    return ranked;
  }

  #indexOf({ view }: RankRequest): RankedIndex | undefined {
    return this.#indexes.get(this.#graph.tenantNumber(view.tenant ?? ''));
  }

  #add(node: MemoryNode): void {
    const { index: id, kind, createdAtMs: atMs, partition } = node;
    const tenant = this.#graph.tenants.at(id);
    let index = this.#indexes.get(tenant);
    if (!index) this.#indexes.set(tenant, (index = new RankedIndex()));
    const [subject, body] = [spokenSubject(node), spokenBody(node)];
    const place = { atMs, thread: `${layerOf[kind]}${partition}` };
    const row = this.#saved?.find(hashOf(subject, body));
    if (row) index.addSaved(id, subject, place, row, this.#numbersIn(index));
    else index.add({ id, subject, body, ...place });
  }

  /** Our numbers of the saved terms, which most texts share. */
  #numbersIn(index: RankedIndex): (term: number) => number {
    const { terms = [] } = this.#saved ?? {};
    let numbers = this.#savedTerms.get(index);
    if (!numbers) this.#savedTerms.set(index, (numbers = new Int32Array(terms.length).fill(-1)));
    const known = numbers;
    return (term) => (known[term]! < 0 ? (known[term] = index.numberOf(terms[term]!)) : known[term]!);
  }

  #forgetSaved(): void {
    this.#saved = undefined;
    this.#savedTerms = new Map();
  }

  #remove({ index: id }: MemoryNode): void {
    const tenant = this.#graph.tenants.at(id);
    const index = this.#indexes.get(tenant);
    index?.remove(id);
    if (index?.size === 0) this.#indexes.delete(tenant);
  }
}

/** Skills are found by their triggers, and an identity is always shown. */
function isRankedKind(kind: NodeKind): boolean {
  return isValidKind(kind) && kind !== 'skill' && kind !== 'identity';
}

function isOfFacts({ kind }: MemoryNode): boolean {
  return layerOf[kind] === 2;
}

/** Of a skill's trigger the skill alone: words that all of them share would make each lead to the others. */
function spokenSubject({ key }: MemoryNode): string {
  return key.startsWith(triggerPrefix) ? key.slice(triggerPrefix.length) : key;
}

/** What is said, without the speaker, who is the subject. */
function spokenBody({ kind, key, value }: MemoryNode): string {
  return kind === 'conversation' && value.startsWith(`${key}: `) ? value.slice(key.length + 2) : value;
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
  const termsAt = (id: number): string[] => {
    const terms = index.sharedTerms(id, question);
    return terms.length > 0 ? terms : sharedFunctionWords(question, graph.node(id)!);
  };
  const byWords = hits
    .filter(({ parts }) => parts.words > 0)
    .sort((a, b) => b.parts.words - a.parts.words || a.id - b.id);
  const seeds = byWords
    .slice(0, MAX_EXPLAINED_SEEDS)
    .map(({ id, parts }) => ({ index: id, score: parts.words, terms: termsAt(id) }));
  const parts = hits.find(({ id }) => id === node)?.parts ?? {};
  const start = seeds.some(({ index: seed }) => seed === node) ? node : seeds[0]?.index;
  return { seeds, path: start === undefined ? [] : pathBetween(walkOf(graph), start, node), parts: { ...parts } };
}
