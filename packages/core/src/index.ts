// For programs that have the daemon inside: `ServerState`, its settings, and what both speak of. Programs that run a daemon of
// their own find more in `daemon.ts`; `journal.ts` reads and verifies journals, and loads nothing else.
export type { ReplanProvider, Tier } from '@car-runtime/engine';
export { MemoryEngine } from '@car-runtime/memory';
export type { LogLimits as AgentLogLimits, ManifestRole } from './domains/agents/index.ts';
export type { ApprovalGateConfig, ApprovalRequest, Approvals, Settled } from './domains/approvals/index.ts';
export { InMemoryAgentCredentials, mintToken, type AgentCredentials } from './domains/auth/index.ts';
export { BudgetFileError, LedgerError, type BudgetClock } from './domains/budget/index.ts';
export type { FileSubstrate, SandboxOptions, SandboxProvider, SubstrateProvider } from './domains/builtins/index.ts';
export type { ConsoleTicket } from './domains/console/index.ts';
export type { JournalRetention } from './domains/events/index.ts';
export type { AcpAgentConfig, ExternalAgentsConfig } from './domains/external/index.ts';
export type {
  AgentSource,
  HostEvents,
  HostRegistry,
  NewHostAgent,
  NewHostEvent,
  StatusChange,
} from './domains/host/index.ts';
export type { Attribute, RunRetention, Span, SpanSink } from './domains/runs/index.ts';
export type { SkillModel } from './domains/skills/index.ts';
export type { SupervisionLimits } from './domains/supervision/index.ts';
export type { Connection, ConnectionInfo, Role } from './kernel/connection.ts';
export type { MethodCount } from './kernel/dispatcher.ts';
export type { Installation } from './kernel/install-once.ts';
export type { AcceptOptions } from './kernel/kernel.ts';
export { silentLogger, type Logger } from './kernel/logger.ts';
export { ServerState } from './server-state.ts';
export type { ServerStateConfig } from './server-state-config.ts';
export { version } from './version.ts';
