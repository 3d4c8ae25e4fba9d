export { digestOf, type ApprovalGateConfig } from './domains/approvals/index.ts';
export {
  defaultLogLimits as defaultAgentLogLimits,
  type LogLimits as AgentLogLimits,
  type ManifestRole,
} from './domains/agents/index.ts';
export { InMemoryAgentCredentials, mintToken, type AgentCredentials } from './domains/auth/index.ts';
export type { ConsoleTicket } from './domains/console/index.ts';
export type { FileSubstrate, SandboxOptions, SandboxProvider, SubstrateProvider } from './domains/builtins/index.ts';
export { BudgetFileError, LedgerError } from './domains/budget/index.ts';
export { MemoryEngine } from '@car-runtime/memory';
export { builtinTools } from './domains/builtins/definitions.ts';
export type { AcpAgentConfig } from './domains/external/index.ts';
export type { JournalRetention } from './domains/events/index.ts';
export {
  defaultResource,
  defaultRunRetention,
  toTraceRequest,
  type Attribute,
  type RunRetention,
  type Span,
  type SpanSink,
  type TraceRequest,
} from './domains/runs/index.ts';
export { takeFileLock, type FileLock } from './infra/file-lock.ts';
export { linearRegExp } from './infra/linear-reg-exp.ts';
export { formatJournalLine, formatJournalReport, readJournal, type JournalLine } from './journal/show-journal.ts';
export type { JournalProblem, ProblemKind } from './journal/verifier.ts';
export { verifyJournal, type JournalReport, type VerifyJournalOptions } from './journal/verify-journal.ts';
export type { Connection, ConnectionInfo, Role } from './kernel/connection.ts';
export type { MethodCount } from './kernel/dispatcher.ts';
export type { Installation } from './kernel/install-once.ts';
export type { AcceptOptions } from './kernel/kernel.ts';
export { silentLogger, type Logger } from './kernel/logger.ts';
export type { SupervisionLimits } from './domains/supervision/index.ts';
export { ServerState } from './server-state.ts';
export { defaultAgentStopGraceMs, defaultToolTimeoutMs, type ServerStateConfig } from './server-state-config.ts';
export { version } from './version.ts';
