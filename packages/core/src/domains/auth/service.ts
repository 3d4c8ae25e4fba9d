// Who a connection is: the three credentials, and the single claim on an agent id.
import { setTimeout as delay } from 'node:timers/promises';
import { fail } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { Listeners } from '../../kernel/listeners.ts';
import type { CredentialState } from '../../kernel/access.ts';
import { InstallOnce, type Installation } from '../../kernel/install-once.ts';
import type { Logger } from '../../kernel/logger.ts';
import { isSameSecret, type AgentCredentials } from './credentials.ts';
import { FailureThrottle, type CredentialClass } from './failure-throttle.ts';

/** WebSocket close code for a connection whose credential was withdrawn. */
const policyViolation = 1008;

export interface AuthServiceOptions {
  logger: Logger;
  closeConnection: (clientId: string, code: number, reason: string) => void;
  /** Tokens that are good besides those of installed credentials. */
  agentCredentials?: AgentCredentials;
  hasStrictRoles?: boolean;
}

export class AuthService implements CredentialState, Disposable {
  readonly #authToken = new InstallOnce<string>();
  readonly #hostToken = new InstallOnce<string>();
  readonly #agentCredentials = new InstallOnce<AgentCredentials>();
  /** Agent id to client id. Single claim: a second connection of the same agent is refused. */
  readonly #attachments = new Map<string, string>();
  readonly #throttle = new FailureThrottle();
  readonly #options: AuthServiceOptions;
  readonly #revocations = new DisposableStack();
  /** A connection became an agent's. */
  readonly onAttached = new Listeners<[agentId: string, connection: Connection]>();
  /** It is no longer, though it may be open for a moment. */
  readonly onDetached = new Listeners<[agentId: string, clientId: string]>();

  constructor(options: AuthServiceOptions) {
    this.#options = options;
    if (options.agentCredentials) this.#watch(options.agentCredentials);
  }

  get isAuthRequired(): boolean {
    return this.#authToken.value !== undefined;
  }

  /** Only for what hands it on as the operator said. */
  get authToken(): string | undefined {
    return this.#authToken.value;
  }

  /** What no process that the daemon starts is given by accident. */
  get secrets(): readonly string[] {
    return [this.#authToken.value, this.#hostToken.value].filter((token) => token !== undefined);
  }

  get hasHostToken(): boolean {
    return this.#hostToken.value !== undefined;
  }

  get hasStrictRoles(): boolean {
    return this.#options.hasStrictRoles === true && this.hasHostToken;
  }

  /** Agent id to the client id of the connection that claims it. */
  get attachments(): ReadonlyMap<string, string> {
    return this.#attachments;
  }

  /** Turns authentication on. A blank token is an error, a second one is refused. */
  installAuthToken(token: string): Installation<string> {
    return this.#authToken.install(nonBlank(token, 'daemon token'));
  }

  /** Makes the host role available. A blank token is an error, a second one is refused. */
  installHostToken(token: string): Installation<string> {
    return this.#hostToken.install(nonBlank(token, 'host token'));
  }

  installAgentCredentials(credentials: AgentCredentials): Installation<AgentCredentials> {
    const installation = this.#agentCredentials.install(credentials);
    if (installation.installed) this.#watch(credentials);
    return installation;
  }

  #watch(credentials: AgentCredentials): void {
    this.#revocations.use(credentials.onRevoked((agentId) => this.#expel(agentId)));
  }

  async authenticateClient(connection: Connection, token: string): Promise<void> {
    const expected = this.#authToken.value;
    if (expected === undefined || !isSameSecret(token, expected)) await this.#refuse(connection, 'daemon');
    connection.markAuthenticated();
  }

  async authenticateHost(connection: Connection, token: string): Promise<void> {
    const expected = this.#hostToken.value;
    if (expected === undefined || !isSameSecret(token, expected)) await this.#refuse(connection, 'host');
    connection.isHost = true;
    connection.markAuthenticated();
  }

  async authenticateAgent(connection: Connection, agentId: string, token: string): Promise<void> {
    // An unknown agent gets the same answer as a wrong token, so ids cannot be probed.
    const sources = [this.#options.agentCredentials, this.#agentCredentials.value];
    const isRight = sources.filter((credentials) => credentials?.verify(agentId, token)).length > 0;
    if (!isRight) await this.#refuse(connection, 'agent');
    const isNew = this.#attachments.get(agentId) !== connection.id;
    this.#claim(connection, agentId);
    connection.agentId = agentId;
    connection.markAuthenticated();
    if (isNew) this.onAttached.tell(agentId, connection);
  }

  /** One synchronous block: between the check and the entry no other connection can claim the id. */
  #claim(connection: Connection, agentId: string): void {
    if (connection.agentId !== undefined && connection.agentId !== agentId) {
      throw fail('failed', `Cannot attach agent "${agentId}": this connection is agent "${connection.agentId}"`);
    }
    const holder = this.#attachments.get(agentId);
    if (holder !== undefined && holder !== connection.id) {
      throw fail('failed', `agent "${agentId}" is already attached on another connection`, {
        data: { reason: 'already_attached', agent_id: agentId },
      });
    }
    // Checked again after whatever was awaited: the connection may be gone, and its claim would never be released.
    if (connection.isClosed) throw fail('failed', `Cannot attach agent "${agentId}": connection closed`);
    this.#attachments.set(agentId, connection.id);
  }

  /** Gives up the claim of a closing connection, unless another holds it by now. */
  release(connection: Connection): void {
    const { agentId } = connection;
    if (agentId !== undefined && this.#attachments.get(agentId) === connection.id) this.#detach(agentId, connection.id);
  }

  #detach(agentId: string, clientId: string): void {
    this.#attachments.delete(agentId);
    this.onDetached.tell(agentId, clientId);
  }

  async #refuse(connection: Connection, credential: CredentialClass): Promise<never> {
    this.#options.logger.warn(
      { client_id: connection.id, credential, remote: connection.info.remoteAddress },
      'authentication failed',
    );
    const delayMs = this.#throttle.delayOf(credential);
    if (delayMs > 0) await delay(delayMs, undefined, { signal: connection.signal }).catch(() => undefined);
    throw fail('auth_failed', 'auth failed: token mismatch');
  }

  #expel(agentId: string): void {
    const clientId = this.#attachments.get(agentId);
    if (clientId === undefined) return;
    // The claim ends with the credential: whoever has the new one need not wait until the old connection has let go.
    this.#detach(agentId, clientId);
    this.#options.closeConnection(clientId, policyViolation, 'agent token withdrawn');
  }

  [Symbol.dispose](): void {
    this.#revocations.dispose();
  }
}

function nonBlank(token: string, what: string): string {
  if (token.trim() === '') throw new Error(`Cannot install a blank ${what}`);
  return token;
}
