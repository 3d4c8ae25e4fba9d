/** Plans as data: checked before anything happens, executed exactly as checked. Pure: no RPC and no I/O of its own. */
export { BoundedCache } from './bounded-cache.ts';
export { systemClock, toTimestamp } from './clock.ts';
export type { Clock } from './clock.ts';
export { EngineError, PolicyError, ProposalError, ToolError } from './errors.ts';
export { attemptTimedOut, DEFAULT_MAX_IN_FLIGHT } from './execution.ts';
export type {
  Capabilities,
  ExecutionEnv,
  ExecutionEvent,
  ExecutionEventKind,
  ExecutionOptions,
  ToolCall,
} from './execution.ts';
export { executeProposal, refuseProposal } from './executor.ts';
export { IdempotencyCache, idempotencyKey } from './idempotency-cache.ts';
export { canonicalJson, isJsonObject, jsonEquals, ownValue, setOwn } from './json-value.ts';
export type { JsonObject } from './json-value.ts';
export { createId, MAX_ACTIONS, normalizeProposal } from './normalize-proposal.ts';
export { planExecution } from './order.ts';
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
export { findReferences, referencedId, substituteReferences } from './references.ts';
export { StateCheckpoint, StateStore, StateView } from './state-store.ts';
export type { StateReader } from './state-store.ts';
export { ToolRegistry, toToolSchema } from './tool-registry.ts';
export type { RateLimit, ToolDefinition, ToolRegistryOptions, ToolSchema, ToolSource } from './tool-registry.ts';
