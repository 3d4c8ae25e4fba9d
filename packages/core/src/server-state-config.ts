// What an embedder, or the program, tells the core.
import type { ReplanProvider, Tier } from '@car-runtime/engine';
import type { MemoryEngine } from '@car-runtime/memory';
import type { PeerOptions } from '@car-runtime/rpc';
import type { LogLimits } from './domains/agents/index.ts';
import type { ApprovalGateConfig } from './domains/approvals/index.ts';
import type { AgentCredentials } from './domains/auth/index.ts';
import type { BudgetClock } from './domains/budget/index.ts';
import type { SandboxProvider, SubstrateProvider } from './domains/builtins/index.ts';
import type { ChatOptions } from './domains/chat/index.ts';
import type { ConsoleTicket } from './domains/console/index.ts';
import type { JournalRetention } from './domains/events/index.ts';
import type { ExternalAgentsConfig } from './domains/external/index.ts';
import type { RunRetention, SpanSink } from './domains/runs/index.ts';
import type { SkillModel } from './domains/skills/index.ts';
import type { SupervisionLimits } from './domains/supervision/index.ts';
import type { Logger } from './kernel/logger.ts';

/** Time an agent has between SIGTERM and SIGKILL, in ms. */
export const defaultAgentStopGraceMs = 5_000;
/** How long the core waits for a client to answer `tools.execute` when the action has no time of its own, in ms. */
export const defaultToolTimeoutMs = 300_000;

export interface ServerStateConfig {
  /** Folder of the event journals, one file per connection. */
  journalDir: string;
  /** Folder of what the daemon keeps besides: agents, their logs and run files. Default: the parent of the journals. */
  stateRoot?: string;
  /** Specs of supervised agents. Default `agents.json` in the state root. */
  agentsManifest?: string;
  /** What is kept of the output of agents. */
  agentLogLimits?: Partial<LogLimits>;
  /** Time an agent has between SIGTERM and SIGKILL, in ms. Default 5 000. */
  agentStopGraceMs?: number;
  /** Folder of the operator's policy files. Default `policies` beside the journals. */
  policyDir?: string;
  /** One memory for all sessions that are bound to no other; whoever passes it keeps it. */
  sharedMemory?: MemoryEngine;
  /** Makes such a memory and keeps it in `shared.jsonl`. Without either, each session has one of its own. */
  keepsSharedMemory?: boolean;
  /** Folder of the memories that are kept. Default `memory` in the state root. */
  memoryDir?: string;
  /** How much the order of facts follows how they were rated, in the memories that are made here. Default: not at all. */
  memoryUtility?: { weight: number; exploration: number };
  agentCredentials?: AgentCredentials;
  logger?: Logger;
  /** Time a handler has to answer, in ms. Default 30 min. */
  handlerTimeoutMs?: number;
  /** Wait for a tool callback whose action has no `timeout_ms`, in ms. Default 300 000. */
  toolTimeoutMs?: number;
  /** Time a new connection has to authenticate, in ms. Default 5 000. */
  authTimeoutMs?: number;
  /** Makes a new plan when one was aborted, as far as `replan.set_config` allows. */
  replanProvider?: ReplanProvider;
  /** Folder that the built-in file tools of every session work in, unless it names its own. Default: none. */
  toolRoot?: string;
  /** Files and folders that no built-in tool touches, besides the journals, the policies and the keys. */
  privatePaths?: readonly string[];
  /** The operator's budgets and prices. Default `budgets.toml` beside the journals. */
  budgetFile?: string;
  /** What budgets have been used for. Default `budget-ledger.jsonl` beside the journals. */
  budgetLedger?: string;
  /** Another daemon keeps that file: here whatever needs a budget is refused. */
  isBudgetLedgerForeign?: boolean;
  /** What budgets take for the time; for tests. */
  budgetClock?: BudgetClock;
  /** Of `supervision.*`: the time to decide, and how many plans may wait. */
  supervisionLimits?: Partial<SupervisionLimits>;
  /** Lets only hosts name folders of this machine, once a host token is installed. Default false. */
  strictRoles?: boolean;
  /** Connectors that sessions can bind their file tools to. */
  substrateProvider?: SubstrateProvider;
  /** What runs the sandboxes that sessions can bind their file tools to. */
  sandboxProvider?: SandboxProvider;
  /** Limits of every connection's peer. */
  peer?: PeerOptions;
  journalRetention?: JournalRetention;
  /** Ended runs kept at boot. Default: the newest 50 of each agent, for 30 days. */
  runRetention?: RunRetention;
  /** When a run's records count as stored: once the operating system has them (`buffered`, the default), which a crash of
   *  the daemon cannot undo, or once the medium has them (`fsync`), which a loss of power cannot undo. */
  runDurability?: 'buffered' | 'fsync';
  /** The agent of runs that name none, on connections that are none. Default: the variable `CAR_AGENT_ID`. */
  defaultAgentId?: string;
  /** Takes the spans of runs while they happen. Default: nobody does. */
  spanSink?: SpanSink;
  /** Folder of the key pair that signs the checkpoints of chained journals, made when it is first needed. Default: the
   *  parent of the journals. */
  keyDir?: string;
  /** The tier a skill is deployed at, which caps what plans run for it may do; nothing for one that is not known. */
  skillTierOf?: (skill: string) => Tier | undefined;
  /** Ed25519 keys in base64: packs of skills signed by one of them are official. Default: none. */
  trustedSkillSigners?: readonly string[];
  /** What skills of the community, scanned and signed by nobody, may do at most; `null` for nothing. Default `read_only`. */
  communitySkillCeiling?: Tier | null;
  /** What distils, evolves and repairs skills. Without it nothing is distilled or repaired, and evolving is refused. */
  skillModel?: SkillModel;
  /** Which methods a person is asked about before they run. Default: those declared so, for 60 s. */
  approvalGate?: ApprovalGateConfig;
  /** File of the approvals; `null` keeps them in memory, for a daemon that shares its folder with another. Default
   *  `host-approvals.jsonl` beside the journals. */
  approvalsFile?: string | null;
  /** Time the check of a goal has, in ms. Default 5 min. */
  goalCheckTimeoutMs?: number;
  /** File of the goals of chats; `null` keeps them in memory, for a daemon that shares its folder with another. Default
   *  `chat-goals.json` beside the journals. */
  goalsFile?: string | null;
  /** Refuses `host.subscribe` before `server.handshake`. Default false. */
  requireHandshake?: boolean;
  /** 99th percentile of the event loop's delay, in ms, where the program measures it. */
  loopDelayP99Ms?: () => number;
  /** How long an agent has to acknowledge a prompt, how long a chat that can be resumed waits for its host, and whether one
   *  whose agent went quiet ends. */
  chat?: Pick<ChatOptions, 'ackTimeoutMs' | 'resumeGraceMs' | 'staleAfterMs'>;
  /** Coding agents of this machine: where they are looked for, and what they are told. */
  externalAgents?: ExternalAgentsConfig;
  /** Mints the links that `host.console_ticket` answers. Without it there is no web console. */
  consoleTicket?: () => ConsoleTicket;
  /** Checks every result against its declaration; for tests. */
  checksResults?: boolean;
}
