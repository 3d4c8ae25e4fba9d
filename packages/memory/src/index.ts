/** The memory graph: what holds, what was superseded, and how it is found again. Pure: no RPC and no files of its own. */
export { createPlainBelief } from './belief.ts';
export type { Belief, BeliefFactory, BeliefRequest, Standing, SupersessionCandidate } from './belief.ts';
export { MemoryEngine } from './engine.ts';
export type { EnvironmentInput, FactInput, Journal, MemoryEngineOptions, TurnInput } from './engine.ts';
export { MemoryError } from './errors.ts';
export { Adjacency, none } from './graph/adjacency.ts';
export type { Edge } from './graph/adjacency.ts';
export { flag, MemoryGraph } from './graph/graph.ts';
export type { GraphListener } from './graph/graph.ts';
export { edgeKinds, isValidKind, layerOf, nodeKinds } from './graph/model.ts';
export type {
  Authority,
  Citation,
  Confidence,
  ContentType,
  CounterName,
  Counters,
  EdgeKind,
  Layer,
  MemoryNode,
  Metadata,
  NodeDraft,
  NodeKind,
  Origin,
  Provenance,
  Trust,
  View,
} from './graph/model.ts';
export { byRank } from './ranking.ts';
export type { Ranked, Ranker, RankerFactory, RankJob, RankPlan, RankReason, RankRequest } from './ranking.ts';
export { formatVersion } from './records.ts';
export type { AddRecord, MemoryRecord, StoredNode } from './records.ts';
export { createClassicRanker } from './retrieval/classic-ranker.ts';
export { createHybridRanker } from './retrieval/graph-ranker.ts';
