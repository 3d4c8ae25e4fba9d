/** The memory graph: what holds, what was superseded, and how it is found again. Pure: no RPC and no files of its own. */
export { createPlainBelief } from './belief.ts';
export type { Belief, BeliefFactory, BeliefRequest, Standing, SupersessionCandidate } from './belief.ts';
export { createBelief } from './beliefs/graph-belief.ts';
export { isNeighborCursor, listNodes, neighborsOf } from './browse.ts';
export type { ListOptions, Neighbor, NeighborPage, NodePage } from './browse.ts';
export { createClassicRanker } from './classic/ranker.ts';
export { spreadActivation } from './classic/spread.ts';
export type { SpreadOptions } from './classic/spread.ts';
export type { ContextExtras } from './context/assemble.ts';
export { contextBudget, estimateTokens, layerBudget } from './context/budget.ts';
export { toBoundedLine, toLine } from './context/data-text.ts';
export { clampUtility } from './context/fact-score.ts';
export type { Utility } from './context/fact-score.ts';
export { contextSections, renderContext } from './context/pieces.ts';
export type { ContextPiece, ContextSection } from './context/pieces.ts';
export { maxDimensions } from './embedding/embedder.ts';
export type { Embedder } from './embedding/embedder.ts';
export { maxConstraintChars, maxKeyChars, maxValueChars, MemoryEngine } from './engine.ts';
export type { EnvironmentInput, FactInput, Journal, MemoryEngineOptions, TurnInput } from './engine.ts';
export { consolidate } from './consolidate.ts';
export type { ConsolidationCounts } from './consolidate.ts';
export { MemoryError } from './errors.ts';
export { factKindOf, ingestRow, ingestRows, isRow, parseRow, parseRows, toRow, toRows } from './flat-rows.ts';
export type { FlatRow } from './flat-rows.ts';
export { compactRecords, headRecord, isCorruptLine, parseRecord, replayLines } from './log.ts';
export type { CorruptLine } from './log.ts';
export { parseMarkdown, toMarkdown } from './markdown.ts';
export { evaluate } from './proactive/evaluate.ts';
export type { EvaluationCase, EvaluationMode, ModeReport } from './proactive/evaluate.ts';
export { entriesOf, findCandidates, injectThreshold } from './proactive/select.ts';
export type { Bank, Candidate, ProactiveRequest, Trigger } from './proactive/select.ts';
export { timelineOf } from './timeline.ts';
export type { TimelineEntry } from './timeline.ts';
export { Adjacency, none } from './graph/adjacency.ts';
export type { Edge } from './graph/adjacency.ts';
export { flag, MemoryGraph } from './graph/graph.ts';
export type { GraphListener, WalkColumns, WalkView } from './graph/graph.ts';
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
export { runRankJob } from './rank-job.ts';
export { byRank } from './ranking.ts';
export type { Ranked, Ranker, RankerFactory, RankJob, RankPlan, RankReason, RankRequest } from './ranking.ts';
export type { ContextOptions, Hit, MemoryReader, QueryOptions, ReaderOptions } from './reader.ts';
export { formatVersion } from './records.ts';
export type { AddRecord, MemoryRecord, StoredNode } from './records.ts';
export { createHybridRanker } from './retrieval/graph-ranker.ts';
export { minTrialSamples, SkillBook, skillsOf } from './skills/book.ts';
export type { GateOutcome, SkillInput, SkillOutcome } from './skills/book.ts';
export { decideDeployment, enforceDeployment } from './skills/governance.ts';
export type { DeploymentDecision, Enforcement, SkillProvenance, SkillTrust, Verdict } from './skills/governance.ts';
export { wilsonLowerBound } from './skills/matching.ts';
export type { SkillHit, SkillQuery } from './skills/matching.ts';
export { candidateSuffix, toScope } from './skills/model.ts';
export type { Skill, SkillScope, SkillStats, SkillTrigger } from './skills/model.ts';
