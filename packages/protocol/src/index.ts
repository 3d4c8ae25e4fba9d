import { agentBasics } from './agent-basics.ts';
import { agentEvents, agents } from './agents.ts';
import { approvals } from './approvals.ts';
import { auth } from './auth.ts';
import { budgets } from './budget.ts';
import { agentChatEvents, chat, chatCallbacks, chatEvents, chatNotification, maxGoalIterations } from './chat.ts';
import { webConsole } from './console.ts';
import { desktop } from './desktop.ts';
import { eventLog } from './events.ts';
import { goals } from './goals.ts';
import { external } from './external.ts';
import { host, hostEvents } from './host.ts';
import { memory, memoryEvents } from './memory.ts';
import { memoryBrowse } from './memory-browse.ts';
import { memoryScopes } from './memory-scopes.ts';
import { metrics } from './metrics.ts';
import { agentPermissions, permission } from './permission.ts';
import { policy } from './policy.ts';
import { proactiveMemory } from './proactive-memory.ts';
import { skill } from './skills.ts';
import { proposal } from './proposal.ts';
import { registry } from './registry.ts';
import { runEvents, runs } from './runs.ts';
import { server } from './server.ts';
import { session } from './session.ts';
import { sessions } from './sessions.ts';
import { state } from './state.ts';
import { substrate } from './substrate.ts';
import { supervision, supervisionEvents } from './supervision.ts';
import { verification } from './verification.ts';
import { toolCallbacks, toolChunkNotification, toolEvents, tools } from './tools.ts';

export {
  agentBasics,
  agentPermissions,
  chat,
  chatNotification,
  maxGoalIterations,
  agentEvents,
  agents,
  approvals,
  auth,
  budgets,
  desktop,
  eventLog,
  goals,
  external,
  host,
  hostEvents,
  memory,
  memoryBrowse,
  memoryScopes,
  memoryEvents,
  metrics,
  permission,
  policy,
  proactiveMemory,
  skill,
  proposal,
  registry,
  runEvents,
  runs,
  server,
  session,
  sessions,
  state,
  substrate,
  supervision,
  supervisionEvents,
  toolCallbacks,
  toolChunkNotification,
  toolEvents,
  tools,
  verification,
  webConsole,
};
export {
  agentId,
  agentLimits,
  agentManifest,
  type AgentChange,
  type AgentLogEntry,
  type AgentManifest,
  type DeclarativeListEntry,
  type ManagedAgent,
} from './agents.ts';
export { once } from './once.ts';
export { eventKinds, type AgentCost, type EventKind, type JournalEvent } from './events.ts';
export {
  maxApprovalsPerPage,
  type ApprovalAction,
  type ApprovalKind,
  type ApprovalOutcome,
  type HostApproval,
} from './approvals.ts';
export type { FeedCursor, HostAgent, HostAgentStatus, HostDevice, HostEvent, HostIdentity } from './host.ts';
export { describeValue, escapeHidden, quoteText, visibleText } from './safe-text.ts';
export type {
  AdmissionRefusal,
  AgentPermissionMode,
  AgentPermissionPolicy,
  ApprovalRecord,
  PermissionDecision,
} from './permission.ts';
export type { ProposalResult } from './proposal.ts';
export type { FactRow, MemoryChange } from './memory.ts';
export type { BrowsedFact } from './memory-browse.ts';
export { maxMemoryScopes, type MemoryScope } from './memory-scopes.ts';
export { maxToolsShown, toolDescription, type HostSession } from './sessions.ts';
export type { ProactiveCandidate, ProactiveMemoryRequest, ProactiveTrigger } from './proactive-memory.ts';
export type { MetricsAlert, MetricsSummary } from './metrics.ts';
export type {
  AgentOutcome,
  AgentOutcomeInput,
  RunEnded,
  RunLiveStatus,
  RunRecord,
  RunStarted,
  RunSummary,
  RunTermination,
  RunningPlan,
  RunTurn,
  RunTurnAction,
  RunTurnInput,
} from './runs.ts';
export type { SupervisionIntent } from './supervision.ts';
export { budgetAmounts, budgetDefinition, type Budget, type BudgetAccount, type BudgetAmounts } from './budget.ts';
export { registryEntry, type RegistryEntry, type RegistryEntryInput } from './registry.ts';
export type { ChatEvent, ChatGoal, ImageBlock } from './chat.ts';
export type { ChatGoalState } from './goals.ts';
export type { ExternalAgent, ExternalHealth, ExternalResult } from './external.ts';
export { protocolVersion } from './server.ts';
export {
  callback,
  event,
  method,
  type Access,
  type CallbackDeclaration,
  type CheckedParamsOf,
  type DomainContract,
  type EventDeclaration,
  type MethodDeclaration,
  type Ownership,
  type ParamsOf,
  type ResultOf,
} from './declare.ts';
export { errorTable, fail, toolRejectedCode, type ErrorKind, type FailOptions } from './errors.ts';
export {
  callers,
  roleRowOf,
  ownershipNotes,
  toRoleMatrix,
  type Answer,
  type Caller,
  type RoleRow,
} from './role-matrix.ts';
export { toJsonSchema, toMethodSchema, toOpenRpc } from './openrpc.ts';
export { checkParams } from './check-params.ts';
export type {
  Action,
  ActionProposal,
  ActionResult,
  PolicyDefinition,
  RuntimeScope,
  ToolChunk,
  ToolDefinition,
  ToolSchema,
} from './records.ts';

/** Every method of the daemon, by wire name. */
export const methods = {
  ...auth,
  ...budgets,
  ...server,
  ...webConsole,
  ...session,
  ...sessions,
  ...state,
  ...tools,
  ...policy,
  ...proposal,
  ...permission,
  ...agentPermissions,
  ...runs,
  ...host,
  ...approvals,
  ...desktop,
  ...verification,
  ...agentBasics,
  ...agents,
  ...memory,
  ...memoryBrowse,
  ...memoryScopes,
  ...proactiveMemory,
  ...registry,
  ...chat,
  ...skill,
  ...goals,
  ...external,
  ...substrate,
  ...supervision,
  ...eventLog,
  ...metrics,
};
/** Notifications the daemon sends. */
export const events = {
  ...toolEvents,
  ...runEvents,
  ...hostEvents,
  ...supervisionEvents,
  ...agentEvents,
  ...memoryEvents,
  ...chatEvents,
  ...agentChatEvents,
};
/** Requests the daemon makes of a client. */
export const callbacks = { ...toolCallbacks, ...chatCallbacks };

export type Methods = typeof methods;
export type MethodName = keyof Methods;
export type Events = typeof events;
export type EventName = keyof Events;
