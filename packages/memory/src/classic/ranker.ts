// The classic ranking of a graph: one lexical index for each tenant, so that no tenant's words weigh in another's order.
import { GraphFollower } from '../follower.ts';
import type { MemoryGraph } from '../graph/graph.ts';
import { isValidKind, type MemoryNode } from '../graph/model.ts';
import type { Ranker, RankPlan, RankReason, RankRequest } from '../ranking.ts';
import { findPath } from '../path.ts';
import { LexicalIndex } from './lexical-index.ts';
import { runClassic, seedsOf, type ClassicInput } from './run.ts';
import { pageRank } from './page-rank.ts';

/** Cells of the walk for each seed, roughly. */
const walkCost = 2_000;

export function createClassicRanker(graph: MemoryGraph): Ranker {
  return new ClassicRanker(graph);
}

class ClassicRanker implements Ranker {
  readonly #graph: MemoryGraph;
  readonly #indexes = new Map<string, LexicalIndex>();
  readonly #follower: GraphFollower;

  constructor(graph: MemoryGraph) {
    this.#graph = graph;
    this.#follower = new GraphFollower(graph, {
      takes: isValidKind,
      add: (node) => this.#indexOf(node.tenant).add(node),
      remove: (node) => this.#drop(node),
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
    return this.#follower.catchUp(maxChars);
  }

  plan(request: RankRequest): RankPlan {
    return this.#plan(request, false);
  }

  planContext(request: RankRequest): RankPlan {
    return this.#plan(request, true);
  }

  explain(request: RankRequest, index: number): RankReason {
    const { input } = this.#inputOf(request, true);
    const seeds = seedsOf(input);
    const { columns, view } = input;
    const activation = pageRank(columns, view, seeds).find((each) => each.index === index)?.score ?? 0;
    const match = runClassic({ ...input, limit: columns.size }).find((each) => each.index === index);
    return {
      seeds: seeds.map(({ index: seed, score }) => ({ index: seed, score, terms: this.#sharedTerms(input, seed) })),
      path: findPath(columns, view, seeds, index),
      parts: { activation, context: match?.score ?? 0 },
    };
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]();
    this.#indexes.clear();
  }

  #plan(request: RankRequest, isForContext: boolean): RankPlan {
    const { input, cost } = this.#inputOf(request, isForContext);
    return {
      cost,
      run: () => runClassic(input).filter(({ index }) => this.#isUnexpired(index, request.nowMs)),
      job: () => {
        const postings = this.#indexOf(request.view.tenant ?? '').snapshot();
        return { ranker: 'classic', input: { ...input, columns: this.#graph.snapshot(), postings } };
      },
    };
  }

  #isUnexpired(index: number, nowMs: number): boolean {
    return (this.#graph.node(index)?.expiresAtMs ?? 0) > nowMs;
  }

  #inputOf(request: RankRequest, isForContext: boolean): { input: ClassicInput; cost: number } {
    this.catchUp();
    const index = this.#indexOf(request.view.tenant ?? '');
    const terms = index.termsOf(request.text);
    const input = {
      columns: this.#graph.walkColumns(),
      view: this.#graph.toWalkView(request.view),
      postings: index.columns,
      terms,
      limit: request.limit,
      isForContext,
    };
    return { input, cost: walkCost + index.costOf(terms) };
  }

  /** The terms of the query that brought a seed in. */
  #sharedTerms(input: ClassicInput, seed: number): string[] {
    const found = (term: ClassicInput['terms'][number]): boolean =>
      seedsOf({ ...input, terms: [term], view: input.view }).some(({ index }) => index === seed);
    return input.terms.filter((term) => found(term)).map(({ text }) => text);
  }

  #indexOf(tenant: string): LexicalIndex {
    let index = this.#indexes.get(tenant);
    if (!index) this.#indexes.set(tenant, (index = new LexicalIndex()));
    return index;
  }

  #drop(node: MemoryNode): void {
    const index = this.#indexOf(node.tenant);
    index.remove(node);
    if (index.nodeCount === 0) this.#indexes.delete(node.tenant);
    else if (index.isWorn) this.#renew(node.tenant);
  }

  #renew(tenant: string): void {
    const index = new LexicalIndex();
    for (const node of this.#graph.nodes()) {
      if (node.index >= this.#follower.reached) break;
      if (node.tenant === tenant && isValidKind(node.kind)) index.add(node);
    }
    this.#indexes.set(tenant, index);
  }
}
