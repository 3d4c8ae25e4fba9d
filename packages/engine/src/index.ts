/** Plans as data: checked before anything happens, executed exactly as checked. Pure: no RPC and no I/O of its own. */
export { BoundedCache } from './bounded-cache.ts';
export { toAbortSignal } from './cancel-signal.ts';
export type { CancelSignal } from './cancel-signal.ts';
export { systemClock, toTimestamp } from './clock.ts';
export type { Clock } from './clock.ts';
export { EngineError, PolicyError, ProposalError, StateError, ToolError } from './errors.ts';
export { EventSubjects } from './event-subjects.ts';
export { attemptTimedOut, DEFAULT_MAX_IN_FLIGHT, EventSubject, toldLater } from './execution.ts';
export type {
  Capabilities,
  ExecutionEnv,
  ExecutionEventKind,
  ExecutionOptions,
  ToolAttempt,
  ToolCall,
  ToolChecker,
} from './execution.ts';
export { executeProposal, refuseProposal } from './executor.ts';
export { IdempotencyCache, idempotencyKey } from './idempotency-cache.ts';
export { canonicalJson, isJsonObject, jsonEquals, ownValue, setOwn } from './json-value.ts';
export type { JsonObject } from './json-value.ts';
export type { Meter, MeterRefusal, Reservation } from './meter.ts';
export { createId, MAX_ACTIONS, normalizeProposal } from './normalize-proposal.ts';
export { dependenciesOf, planExecution } from './order.ts';
export type { ExecutionPlan } from './order.ts';
export { MAX_SCHEMA_CHARS } from './parameter-schema.ts';
export type { RegExpEngine } from './parameter-schema.ts';
export { PolicySet } from './policies.ts';
export { createPolicy } from './policy-rules.ts';
export type { Policy, PolicyDefinition, PolicyViolation } from './policy-rules.ts';
export { holds, preconditionFailure } from './preconditions.ts';
export type {
  Action,
  ActionInput,
  ActionResult,
  ActionStatus,
  ActionType,
  Assumption,
  Compensation,
  CostSummary,
  FailureBehavior,
  InvocationMode,
  Precondition,
  PreconditionInput,
  Proposal,
  ProposalInput,
  ProposalResult,
  Reversibility,
} from './proposal.ts';
export { findReferences, hasReference, referencedId, substituteReferences } from './references.ts';
export type { StateLimits } from './state-namespace.ts';
export { StateCheckpoint, StateStore, StateView } from './state-store.ts';
export type { StateReader } from './state-store.ts';
export { ToolRegistry, toToolSchema } from './tool-registry.ts';
export type {
  RateLimit,
  ToolDefinition,
  ToolRegistryOptions,
  ToolSchema,
  ToolSource,
  ToolUsage,
} from './tool-registry.ts';
export { evaluateGoal } from './goals.ts';
export type { Goal, GoalVerdict } from './goals.ts';
export { DEFAULT_SEED, DEFAULT_TRIALS, MAX_MODEL_STEPS, MAX_TRIALS, verifyMonteCarlo } from './monte-carlo.ts';
export type { MonteCarloConfig, MonteCarloOptions, MonteCarloReport } from './monte-carlo.ts';
export type { ActionOutcome, Spread, StateDistribution } from './monte-carlo-tally.ts';
export { optimize } from './optimize.ts';
export type { OptimizeOptions, OptimizeResult } from './optimize.ts';
export { RateLimiter } from './rate-limiter.ts';
export type { RateLimiterOptions } from './rate-limiter.ts';
export { DEFAULT_REPLAN_CONFIG, executeWithReplans } from './replan.ts';
export type { ReplanConfig, ReplanOptions, ReplanProvider, ReplanRequest } from './replan.ts';
export { ResultCache } from './result-cache.ts';
export type { ResultCacheOptions } from './result-cache.ts';
export { equivalent, simulate } from './simulate.ts';
export type {
  EquivalenceOptions,
  EquivalenceResult,
  SimulatedAction,
  SimulationOptions,
  SimulationResult,
} from './simulate.ts';
export { SplitMix64 } from './split-mix64.ts';
export type { RateProvenance, ToolHistory, ToolRate } from './success-rates.ts';
export { transactionCheck } from './transaction-check.ts';
export type { TransactionConflict, TransactionConflictKind, TransactionReport } from './transaction-check.ts';
export { findIssues, verify } from './verify.ts';
export type { FindIssuesOptions, VerifyOptions, VerifyReport } from './verify.ts';
export type { FindingTier, Severity, VerifyCheck, VerifyEvidence, VerifyIssue } from './verify-findings.ts';
export type { WriteConflict } from './verify-structure.ts';
export {
  classifyAction,
  declaredRollbackContract,
  fingerprintOf,
  higherTier,
  isMissingCompensation,
  isWithin,
  lowerTier,
  maxScanned,
  ScanBudget,
  sha256,
  tiers,
  worseReversibility,
} from './tiers/index.ts';
export type { Classification, ProgramUse, Tier } from './tiers/index.ts';
