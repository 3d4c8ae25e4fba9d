// What every part of the daemon stands on: settings, paths, who is connected, and who may govern.
import { SupervisorCredentials, type Attachments } from '../domains/agents/index.ts';
import { AuthService } from '../domains/auth/index.ts';
import type { Connection } from '../kernel/connection.ts';
import type { Health } from '../kernel/health.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { silentLogger, type Logger } from '../kernel/logger.ts';
import type { ServerStateConfig } from '../server-state-config.ts';
import { stateFilesOf, type StateFiles } from './state-files.ts';

export class Ground {
  readonly config: ServerStateConfig;
  readonly files: StateFiles;
  readonly health: Health;
  readonly logger: Logger;
  readonly auth: AuthService;
  /** Tokens of supervised agents. */
  readonly agentTokens = new SupervisorCredentials();
  readonly attachments: Attachments;
  /** What parts opened, closed in reverse. */
  readonly opened = new AsyncDisposableStack();
  #kernel: Kernel | undefined;

  constructor(config: ServerStateConfig, health: Health) {
    this.config = config;
    this.files = stateFilesOf(config);
    this.health = health;
    this.logger = config.logger ?? silentLogger;
    const auth = this.opened.use(
      new AuthService({
        logger: this.logger,
        agentCredentials: this.agentTokens,
        hasStrictRoles: config.strictRoles ?? false,
        closeConnection: (clientId, code, reason) => this.connectionOf(clientId)?.peer.close(code, reason),
      }),
    );
    if (config.agentCredentials) auth.installAgentCredentials(config.agentCredentials);
    this.auth = auth;
    this.attachments = {
      holderOf: (agentId) => auth.attachments.get(agentId),
      connectionOf: (agentId) => this.connectionOf(auth.attachments.get(agentId) ?? ''),
      onAttached: (listener) => auth.onAttached.add(listener),
      onDetached: (listener) => auth.onDetached.add(listener),
    };
  }

  /** Made last: before that nobody is connected, and no part asks. */
  get kernel(): Kernel {
    if (!this.#kernel) throw new Error('Cannot use the kernel: it is not built yet');
    return this.#kernel;
  }

  set kernel(kernel: Kernel) {
    this.#kernel = kernel;
  }

  connectionOf(clientId: string): Connection | undefined {
    return this.kernel.connections.get(clientId);
  }

  readonly isStopping = (): boolean => this.kernel.isDraining;

  /** Whether only hosts name folders and commands of this machine. */
  readonly hasStrictRoles = (): boolean => this.config.strictRoles === true && this.auth.hasHostToken;

  /** Whether a connection may give agents more than they have. */
  readonly mayGovern = (connection: Connection): boolean =>
    connection.isHost || (!this.auth.hasHostToken && connection.role !== 'agent');
}
