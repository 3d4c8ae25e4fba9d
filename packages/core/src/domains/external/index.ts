import { join } from 'node:path';
import { external } from '@car-runtime/protocol';
import type { ChildRecords } from '../../infra/child-records.ts';
import type { Domain } from '../../kernel/domain.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { acpTool, type AcpAgentConfig } from './acp.ts';
import { AuditFile, auditNames } from './audit.ts';
import { claudeCode } from './claude-code.ts';
import { cliTool } from './cli-tool.ts';
import { codex } from './codex.ts';
import { gemini } from './gemini.ts';
import { externalMethods } from './methods.ts';
import { ExternalService, timeoutSecsOf, type ExternalChats } from './service.ts';
import type { ApprovalDesk } from './permission-desk.ts';
import type { Surroundings } from './tool.ts';

export type { AcpAgentConfig } from './acp.ts';
export type { ExternalService } from './service.ts';

const defaultPermissionTimeoutMs = 120_000;
const slackMs = 60_000;
const defaultProbeTimeoutMs = 2_000;
const defaultHealthTimeoutMs = 5_000;

/** What an operator or an embedder says of external agents. */
export interface ExternalAgentsConfig {
  /** Where they are looked for and what they are run with. Default: the daemon's own. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Time a program has to say its version, in ms. Default 2 000. */
  probeTimeoutMs?: number;
  /** Time it has to say whether it is logged in, in ms. Default 5 000. */
  healthTimeoutMs?: number;
  /** This daemon's own MCP endpoint, which agents are told of unless their task says otherwise. */
  mcpUrl?: () => string | undefined;
  /** Agents that speak the Agent Client Protocol, by the id they are called. */
  acp?: Readonly<Record<string, AcpAgentConfig>>;
  /** Time a person has to decide what such an agent asks for, in ms. Default 120 000. */
  permissionTimeoutMs?: number;
  now?: () => number;
}

export interface ExternalOptions extends ExternalAgentsConfig {
  /** Folder of `external-agents.jsonl`. */
  stateRoot: string;
  chats: ExternalChats;
  approvals: ApprovalDesk;
  /** Credentials of the daemon, which no agent is given. */
  secrets(): readonly string[];
  children: ChildRecords;
  health: Health;
  logger: Logger;
}

/** The record of what external agents did, and what was moved aside of it. */
export function auditPaths(stateRoot: string): string[] {
  return auditNames.map((name) => join(stateRoot, name));
}

export function createExternal(options: ExternalOptions): ExternalService {
  const surroundings: Surroundings = {
    env: options.env ?? process.env,
    secrets: () => options.secrets(),
    children: options.children,
    probeTimeoutMs: options.probeTimeoutMs ?? defaultProbeTimeoutMs,
    healthTimeoutMs: options.healthTimeoutMs ?? defaultHealthTimeoutMs,
  };
  const { approvals, permissionTimeoutMs = defaultPermissionTimeoutMs } = options;
  const cli = [claudeCode, codex, gemini].map((dialect) => cliTool(dialect, surroundings));
  const acp = Object.entries(options.acp ?? {}).map(([id, config]) =>
    acpTool(id, config, { surroundings, approvals, permissionTimeoutMs }),
  );
  const taken = acp.find(({ id }) => cli.some((tool) => tool.id === id));
  if (taken) throw new Error(`Cannot call an agent ${JSON.stringify(taken.id)}: that is another agent's id`);
  return new ExternalService({
    tools: [...cli, ...acp],
    chats: options.chats,
    audit: new AuditFile(join(options.stateRoot, auditNames[0]), { health: options.health }),
    mcpUrl: options.mcpUrl ?? (() => undefined),
    logger: options.logger,
    now: options.now ?? Date.now,
  });
}

/** `agents.*_external`: coding agents that are installed on this machine. */
export function externalDomain(service: ExternalService): Domain<typeof external> {
  return {
    name: 'external',
    contract: external,
    methods: externalMethods(service),
    deadlines: {
      'agents.invoke_external': ({ timeout_secs }, defaultMs) =>
        Math.max(defaultMs, timeoutSecsOf(timeout_secs) * 1_000 + slackMs),
    },
  };
}
