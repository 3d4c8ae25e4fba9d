// The seam between the graph and what ranks it. A ranker follows the graph's changes and never reads all of it for a query.
import type { MemoryGraph } from './graph/graph.ts';
import type { View } from './graph/model.ts';

export interface RankRequest {
  readonly text: string;
  /** At most so many results. */
  readonly limit: number;
  readonly view: View;
  readonly nowMs: number;
  /** Where an embedder is configured: how much nodes are like the text, 0 to 1, by index. */
  readonly likeness?: ReadonlyMap<number, number>;
}

export interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** Why a node was found. */
export interface RankReason {
  /** Where the activation came from, the strongest first. */
  readonly seeds: readonly { readonly index: number; readonly score: number; readonly terms: readonly string[] }[];
  /** Nodes from a seed to the one asked about, both included; empty where none leads to it. */
  readonly path: readonly number[];
  /** What its score is made of, by name. */
  readonly parts: Readonly<Record<string, number>>;
}

/** A query that was prepared on the thread of the caller. */
export interface RankPlan {
  /** Cells it will read, roughly: what decides whether it runs on this thread. Absent where a bound on them is promised. */
  readonly cost?: number;
  run(): Ranked[];
  /** The same work for a worker thread, with columns that do not change any more (`MemoryGraph.snapshot`, `Column.copy`). */
  job?(): RankJob;
}

export interface RankJob {
  /** Names the function of `runRankJob` that does it. */
  readonly ranker: string;
  readonly input: unknown;
}

/**
 * Order is by score, the highest first; of equal scores the lower index. Only valid, visible nodes. The same graph and the same
 * request give the same result, bit for bit.
 */
export interface Ranker extends Disposable {
  /** For `query`. */
  plan(request: RankRequest): RankPlan;
  /** For the facts of a context, whose scores stand beside each other; `limit` is what the budget can hold at most. */
  planContext(request: RankRequest): RankPlan;
  explain(request: RankRequest, index: number): RankReason;
  /** While it is held it leaves new nodes to `catchUp`: for filling a memory from a file. */
  isHeld: boolean;
  /** Takes on nodes it does not know yet, of about so many characters; whether it knows all. A query does the rest first. */
  catchUp(maxChars?: number): boolean;
  /** What it read out of the texts, for `useSaved`; nothing where that would save no time. */
  save?(): Uint8Array;
  /** Spares it reading texts again that were saved. False for what is damaged or of another version: it reads them then. */
  useSaved?(bytes: Uint8Array): boolean;
}

/** Begins to follow a graph. */
export type RankerFactory = (graph: MemoryGraph) => Ranker;

/** Higher scores first, then older nodes. */
export function byRank(left: Ranked, right: Ranked): number {
  return right.score - left.score || left.index - right.index;
}
