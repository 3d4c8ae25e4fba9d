import { agents } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Exit } from './agent-process.ts';
import type { SupervisorCredentials } from './credentials.ts';
import type { LogLimits } from './log-file.ts';
import { agentMethods } from './methods.ts';
import { AgentService } from './service.ts';

export { defaultLogLimits, type LogLimits } from './log-file.ts';
export type { ManifestRole } from './service.ts';
export { SupervisorCredentials } from './credentials.ts';
export { AgentService };

/** Which connection is which agent's. An agent has one at a time. */
export interface Attachments {
  /** Client id of the connection. */
  holderOf(agentId: string): string | undefined;
  connectionOf(agentId: string): Connection | undefined;
  onAttached(listener: (agentId: string, connection: Connection) => void): Disposable;
  onDetached(listener: (agentId: string, clientId: string) => void): Disposable;
}

/** What other domains are given of supervised agents: who they are connected as, and when their process is gone. */
export interface AgentLinks extends Attachments {
  onEnded(listener: (agentId: string, exit: Exit) => void): Disposable;
}

export interface AgentsOptions {
  /** Where the specs are; its lock is beside it. */
  manifestPath: string;
  /** Folder of `logs/`, `run/` and `publishers/`. */
  stateRoot: string;
  attachments: Attachments;
  /** Filled with the tokens of the agents, for whoever authenticates them. */
  credentials: SupervisorCredentials;
  daemonToken(): string | undefined;
  /** Whether only hosts name commands of this machine. */
  hasStrictRoles(): boolean;
  logLimits: LogLimits;
  /** Time an agent has between SIGTERM and SIGKILL, in ms. */
  stopGraceMs: number;
  health: Health;
  logger: Logger;
}

/** `agents.*` of the lifecycle: processes that the daemon keeps running. */
export function agentsDomain(service: AgentService, hasStrictRoles: () => boolean): Domain<typeof agents> {
  return {
    name: 'agents',
    contract: agents,
    methods: agentMethods(service, hasStrictRoles),
    deadlines: {
      'agents.wait': ({ timeout_secs }, defaultMs) => Math.max(defaultMs, (timeout_secs ?? 0) * 1_000 + slackMs),
      'agents.drain': ({ timeout_secs }, defaultMs) => Math.max(defaultMs, (timeout_secs ?? 0) * 1_000 + slackMs),
    },
    onClose: {
      registry: (connection) => {
        service.feed.unwatch(connection);
        service.logs.connectionClosed(connection);
      },
    },
  };
}

/** Between a time limit of the caller and the daemon's own. */
const slackMs = 60_000;
