// Reading a memory: queries, contexts and explanations. Changes nothing. Heavy work goes to another thread where there is one.
import type { Belief, BeliefFactory, BeliefRequest } from './belief.ts';
import { createBelief } from './beliefs/graph-belief.ts';
import { createClassicRanker } from './classic/ranker.ts';
import { assembleContext, type ContextExtras } from './context/assemble.ts';
import { contextBudget, layerBudget } from './context/budget.ts';
import { noUtility, scoreFacts, type Utility } from './context/fact-score.ts';
import { statementOf } from './context/fact-lines.ts';
import type { ContextPiece } from './context/pieces.ts';
import type { Embedder } from './embedding/embedder.ts';
import { Embeddings } from './embedding/embeddings.ts';
import type { MemoryGraph } from './graph/graph.ts';
import type { MemoryNode, View } from './graph/model.ts';
import { createHybridRanker } from './retrieval/graph-ranker.ts';
import type { Ranked, Ranker, RankerFactory, RankJob, RankPlan, RankReason } from './ranking.ts';

export interface ReaderOptions {
  /** Besides `hybrid` and `classic`, or in their place. */
  rankers?: Readonly<Record<string, RankerFactory>>;
  /** The ranking of those who name none. Default hybrid. */
  defaultRanking?: string;
  belief?: BeliefFactory;
  extras?: ContextExtras;
  /** Does a query on another thread. */
  rankElsewhere?: (job: RankJob) => Promise<Ranked[]>;
  /** Improves what is ranked off the loop. Without one, and while it fails, ranking goes by words and the graph alone. */
  embedder?: Embedder;
  onEmbedderProblem?: (error: unknown) => void;
  /** Lets others have the thread between two slices of work. Default: the event loop goes round once. */
  pause?: () => Promise<void>;
  /** Cells a query may read on this thread when there is another. Default 200 000: a few milliseconds. */
  maxCellsHere?: number;
}

export interface QueryOptions extends View {
  /** At most so many. Default 5. */
  readonly limit?: number;
  readonly ranking?: string;
}

export interface ContextOptions extends View {
  /** Tokens of the model's window. */
  readonly window?: number | undefined;
  /** No ranking, skills, repairs, outdated facts or unknowns; facts in order of creation. */
  readonly isFast?: boolean;
  readonly ranking?: string;
  readonly nowMs?: number;
  readonly actor?: BeliefRequest['actor'];
}

export interface Hit {
  readonly node: MemoryNode;
  readonly score: number;
}

type Likeness = ReadonlyMap<number, number>;

const builtIn: Readonly<Record<string, RankerFactory>> = { hybrid: createHybridRanker, classic: createClassicRanker };
const defaultLimit = 5;
const defaultMaxCellsHere = 200_000;
/** Characters of the nodes that are indexed without a pause: some milliseconds. */
const sliceChars = 65_536;
/** Fewest tokens that a line of a fact takes: so many lines can a budget hold. */
const minLineTokens = 4;

export class MemoryReader implements Disposable {
  readonly #graph: MemoryGraph;
  readonly #now: () => number;
  readonly #options: ReaderOptions;
  readonly #newestTurn: (tenant: string) => MemoryNode | undefined;
  /** The default one from the beginning, so that it follows what is written; the others when they are first asked for. */
  readonly #rankers = new Map<string, Ranker>();
  readonly belief: Belief;
  readonly #embeddings: Embeddings | undefined;
  #isHeld = false;
  utility: Utility = noUtility;

  constructor(
    graph: MemoryGraph,
    now: () => number,
    newestTurn: (tenant: string) => MemoryNode | undefined,
    options: ReaderOptions,
  ) {
    this.#graph = graph;
    this.#now = now;
    this.#newestTurn = newestTurn;
    this.#options = options;
    this.belief = (options.belief ?? createBelief)(graph);
    this.#ranker();
    const { embedder, onEmbedderProblem: onProblem, pause = nextTurn } = options;
    if (embedder) this.#embeddings = new Embeddings(graph, { embedder, onProblem, pause });
  }

  /** Resolves when the embedder has seen all there is, or failed. Queries do not wait for it. */
  async embedded(): Promise<void> {
    await this.#embeddings?.settled();
  }

  /** While a memory is filled from a file its indexes wait: `prepare` makes them afterwards, from what was saved or anew. */
  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    for (const ranker of this.#rankers.values()) ranker.isHeld = isHeld;
  }

  /** Indexes what is not indexed yet, of about so many characters; whether nothing is left. */
  catchUp(maxChars = sliceChars, ranking?: string): boolean {
    return this.#ranker(ranking).catchUp(maxChars);
  }

  /** Indexes what is not indexed yet, in slices of some milliseconds. Queries off the loop begin with it. */
  async prepare(ranking?: string): Promise<void> {
    const { pause = nextTurn } = this.#options;
    while (!this.catchUp(sliceChars, ranking)) await pause();
  }

  /** What the index of the default ranking knows, for a file beside the memory's. Reads all: for a worker thread. */
  saveIndex(): Uint8Array | undefined {
    return this.#ranker().save?.();
  }

  /**
   * Before `prepare`: takes what was saved of texts that are in the memory. False for a file that is damaged or of another
   * version; then, and for texts it does not know, the index is made as without it, and is the same.
   */
  useIndex(bytes: Uint8Array): boolean {
    return this.#ranker().useSaved?.(bytes) ?? false;
  }

  query(text: string, options: QueryOptions = {}): Hit[] {
    return this.#hits(this.#queryPlan(text, options).run(), text, options);
  }

  /** The same; what is heavy is done on another thread. */
  async queryOffLoop(text: string, options: QueryOptions = {}): Promise<Hit[]> {
    const likeness = await this.#embeddings?.likenessTo(text, options);
    await this.prepare(options.ranking);
    return this.#hits(await this.#run(this.#queryPlan(text, options, likeness)), text, options);
  }

  context(text: string, options: ContextOptions = {}): ContextPiece[] {
    return this.#assemble(text, options, options.isFast ? undefined : this.#contextPlan(text, options).run());
  }

  async contextOffLoop(text: string, options: ContextOptions = {}): Promise<ContextPiece[]> {
    if (options.isFast) return this.context(text, options);
    const likeness = await this.#embeddings?.likenessTo(text, options);
    await this.prepare(options.ranking);
    // Skills are found by the default ranking, whatever the facts are ranked by.
    if (options.ranking !== undefined) await this.prepare();
    const ranked = await this.#run(this.#contextPlan(text, options, likeness));
    return this.#assemble(text, options, ranked);
  }

  explain(text: string, index: number, options: QueryOptions = {}): RankReason {
    return this.#ranker(options.ranking).explain(this.#rankRequest(text, options, defaultLimit), index);
  }

  /** One line that reminds of a node; what is not to be trusted stands in quotes. */
  reminderOf(node: MemoryNode, maxChars: number): string {
    return statementOf(node, maxChars);
  }

  /** Why a node would not be shown as current; `undefined` when it would. */
  notCurrent(node: MemoryNode, text: string, view: View): string | undefined {
    if (node.endedAtMs !== Infinity) return node.kind;
    const standing = this.belief.standingOf(node, { nowMs: this.#now(), view, text });
    return standing.isCurrent ? undefined : standing.reason;
  }

  [Symbol.dispose](): void {
    for (const ranker of this.#rankers.values()) ranker[Symbol.dispose]();
    this.#rankers.clear();
    this.belief[Symbol.dispose]();
    this.#embeddings?.[Symbol.dispose]();
  }

  #queryPlan(text: string, options: QueryOptions, likeness?: Likeness): RankPlan {
    // More than asked for: what cannot be relied on is left out afterwards.
    const limit = (options.limit ?? defaultLimit) * 2 + 8;
    return this.#ranker(options.ranking).plan({
      ...this.#rankRequest(text, options, limit),
      ...(likeness && { likeness }),
    });
  }

  #contextPlan(text: string, options: ContextOptions, likeness?: Likeness): RankPlan {
    const limit = Math.ceil(layerBudget(contextBudget(options.window), 2) / minLineTokens);
    return this.#ranker(options.ranking).planContext({
      ...this.#rankRequest(text, options, limit),
      ...(likeness && { likeness }),
    });
  }

  #rankRequest(text: string, options: QueryOptions | ContextOptions, limit: number) {
    const nowMs = ('nowMs' in options ? options.nowMs : undefined) ?? this.#now();
    return { text, limit, view: options, nowMs };
  }

  async #run(plan: RankPlan): Promise<Ranked[]> {
    const { rankElsewhere, maxCellsHere = defaultMaxCellsHere } = this.#options;
    if (!rankElsewhere || !plan.job || (plan.cost ?? 0) <= maxCellsHere) return plan.run();
    return await rankElsewhere(plan.job());
  }

  /** What changed while another thread ranked is looked at again. */
  #hits(ranked: readonly Ranked[], text: string, view: QueryOptions): Hit[] {
    const request = { nowMs: this.#now(), view, text };
    const hits: Hit[] = [];
    for (const { index, score } of ranked) {
      const node = this.#graph.node(index);
      if (node?.endedAtMs !== Infinity || node.expiresAtMs <= request.nowMs) continue;
      if (!this.#graph.isVisible(index, view) || !this.belief.mayShow(node, request)) continue;
      hits.push({ node, score });
      if (hits.length >= (view.limit ?? defaultLimit)) break;
    }
    return hits;
  }

  #assemble(text: string, options: ContextOptions, ranked: readonly Ranked[] | undefined): ContextPiece[] {
    const { nowMs = this.#now(), window, actor, tenant = '' } = options;
    return assembleContext({
      graph: this.#graph,
      belief: this.belief,
      request: { nowMs, view: options, text, ...(actor && { actor }) },
      budget: contextBudget(window),
      ...(ranked && { ranked: scoreFacts(this.#graph, text, ranked, this.utility) }),
      newestTurn: this.#newestTurn(tenant),
      extras: this.#options.extras ?? {},
    });
  }

  #ranker(name = this.#options.defaultRanking ?? 'hybrid'): Ranker {
    let ranker = this.#rankers.get(name);
    if (!ranker) {
      const create = this.#options.rankers?.[name] ?? (Object.hasOwn(builtIn, name) ? builtIn[name] : undefined);
      if (!create) throw new RangeError(`There is no ranking "${name}"`);
      ranker = create(this.#graph);
      ranker.isHeld = this.#isHeld;
      this.#rankers.set(name, ranker);
    }
    return ranker;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
