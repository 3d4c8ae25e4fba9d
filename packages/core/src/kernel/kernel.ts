// Accepts channels, makes connections of them, dispatches what they say and cleans up behind them. Names no domain.
import {
  ChannelClosedError,
  Peer,
  startDeadline,
  type Channel,
  type CloseInfo,
  type PeerOptions,
} from '@car-runtime/rpc';
import type { CredentialState } from './access.ts';
import type { CallGate } from './call-gate.ts';
import { Connection, createClientId, type ConnectionInfo } from './connection.ts';
import { Dispatcher, policyViolation, type MethodCount } from './dispatcher.ts';
import { closePhases, type AnyDomain } from './domain.ts';
import type { Logger } from './logger.ts';

export interface KernelOptions {
  domains: readonly AnyDomain[];
  credentials: CredentialState;
  logger: Logger;
  handlerTimeoutMs: number;
  /** Time a new connection has to authenticate, in ms. */
  authTimeoutMs: number;
  peer?: PeerOptions;
  checksResults?: boolean;
  /** Has a say before a handler runs. */
  gate?: CallGate;
}

export interface AcceptOptions {
  info?: Partial<ConnectionInfo>;
  /** Given by embedders that name their sessions: lower-case letters, digits, `.`, `_` and `-`, at most 64. Must not be
   *  in use. */
  clientId?: string;
  /** The listener has checked a credential of the host role itself, so none is asked for. */
  isHost?: boolean;
  /** Called once when the connection has authenticated (at once when no authentication is required). */
  onAuthenticated?: () => void;
}

/** Time handlers of a closed connection, which were told to stop, have to do so. */
const handlerGraceMs = 1_000;

/** An id is a file name: it stays in its folder and is the same file on every file system. */
const clientIdPattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** WebSocket close code for a daemon that stops (RFC 6455, 7.4.1: going away). */
const goingAway = 1001;

export class Kernel implements AsyncDisposable {
  readonly #options: KernelOptions;
  readonly #dispatcher: Dispatcher;
  readonly #connections = new Map<string, Connection>();
  readonly #cleanups = new Map<string, Promise<void>>();
  #isDraining = false;
  acceptedTotal = 0;

  constructor(options: KernelOptions) {
    this.#options = options;
    this.#dispatcher = new Dispatcher(options.domains, {
      credentials: options.credentials,
      handlerTimeoutMs: options.handlerTimeoutMs,
      logger: options.logger,
      checksResults: options.checksResults ?? false,
      gate: options.gate,
    });
  }

  get connections(): ReadonlyMap<string, Connection> {
    return this.#connections;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  get requestsTotal(): number {
    return this.#dispatcher.requestsTotal;
  }

  counts(): MethodCount[] {
    return this.#dispatcher.counts();
  }

  /** Makes a connection of a channel and begins reading from it. */
  accept(channel: Channel, options: AcceptOptions = {}): Connection {
    if (this.#isDraining) {
      channel.close(goingAway, 'shutting down');
      throw new Error('Cannot accept a connection: the daemon is shutting down');
    }
    const id = options.clientId ?? this.#freshId();
    if (!clientIdPattern.test(id)) {
      throw new Error(`Cannot accept a connection: client id ${JSON.stringify(id)} does not match ${clientIdPattern}`);
    }
    if (this.#connections.has(id) || this.#cleanups.has(id)) {
      throw new Error(`Cannot accept a connection: client id "${id}" is in use`);
    }
    const connection = new Connection(id, { transport: channel.transport, ...options.info });
    const peer = new Peer(
      channel,
      {
        onRequest: (call) => this.#dispatcher.dispatch(connection, call),
        onNotification: (method, params) => this.#dispatcher.notify(connection, method, params),
        onClose: (info) => this.#onClose(connection, info),
      },
      { idPrefix: 'cb-', ...this.#options.peer },
    );
    connection.attach(peer);
    this.#connections.set(id, connection);
    this.acceptedTotal++;
    const refusal = this.#open(connection);
    if (refusal !== undefined) {
      // Nothing of it is read: the peer is never started.
      this.#options.logger.warn({ client_id: id, reason: refusal }, 'connection refused');
      channel.close(policyViolation, closeReason(refusal));
      this.#onClose(connection, { code: policyViolation, reason: refusal });
      return connection;
    }
    if (options.isHost) connection.isHost = true;
    if (this.#options.credentials.isAuthRequired && !options.isHost)
      this.#awaitAuthentication(connection, options.onAuthenticated);
    else {
      connection.markAuthenticated();
      options.onAuthenticated?.();
    }
    peer.start();
    return connection;
  }

  #awaitAuthentication(connection: Connection, authenticated: (() => void) | undefined): void {
    const giveUp = (): void => connection.peer.close(policyViolation, 'authentication timed out');
    connection.awaitAuthentication(startDeadline(this.#options.authTimeoutMs, giveUp), authenticated);
  }

  /** Closes a connection and runs its disconnect steps. Resolves with it once they are done, or with `undefined` when
   *  there is none of that id. */
  async remove(clientId: string): Promise<Connection | undefined> {
    const connection = this.#connections.get(clientId);
    connection?.peer.close(1000);
    if (connection) this.#onClose(connection, { code: 1000, reason: '' });
    await this.#cleanups.get(clientId);
    return connection;
  }

  /** Why a domain refuses the connection, if one does. */
  #open(connection: Connection): string | undefined {
    try {
      for (const domain of this.#options.domains) domain.onOpen?.(connection);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #freshId(): string {
    let id = createClientId();
    while (this.#connections.has(id)) id = createClientId();
    return id;
  }

  #onClose(connection: Connection, info: CloseInfo): void {
    if (connection.isClosed) return;
    connection.markClosed(new ChannelClosedError(`Connection closed (${info.code})`, info.code));
    const cleanup = this.#cleanUp(connection).finally(() => this.#cleanups.delete(connection.id));
    this.#cleanups.set(connection.id, cleanup);
  }

  async #cleanUp(connection: Connection): Promise<void> {
    const failed = (error: unknown, step: string): void =>
      this.#options.logger.error({ err: error, step, client_id: connection.id }, 'disconnect step failed');
    for (const phase of closePhases) {
      if (phase === 'registry') this.#connections.delete(connection.id);
      for (const domain of this.#options.domains) {
        try {
          // Awaited only when there is something to wait for: the early phases run in the turn of the close.
          const step = domain.onClose?.[phase]?.(connection);
          if (step) await step;
        } catch (error) {
          failed(error, `${domain.name}:${phase}`);
        }
      }
    }
    // What a running handler uses, and where it records how it ends, is disposed after it.
    await connection.whenIdle(handlerGraceMs);
    await connection.disposeScope().catch((error: unknown) => failed(error, 'scope'));
  }

  /** Refuses new work, lets running calls finish until the deadline, then closes every connection with 1001 and waits
   *  for their disconnect steps. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    this.#dispatcher.startDraining();
    const until = Date.now() + deadlineMs;
    const isBusy = (): boolean => [...this.#connections.values()].some(({ peer }) => peer.inFlight > 0);
    while (isBusy() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const { peer } of this.#connections.values()) peer.close(goingAway, 'shutting down');
    const closeUntil = Date.now() + 1_000;
    while (this.#connections.size > 0 && Date.now() < closeUntil)
      await new Promise((resolve) => setTimeout(resolve, 10));
    for (const connection of this.#connections.values()) {
      connection.peer.terminate('shutting down');
      // Its channel says so later; the disconnect steps belong before whatever is disposed after this.
      this.#onClose(connection, { code: goingAway, reason: 'shutting down' });
    }
    await Promise.all(this.#cleanups.values());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }
}

/** A close frame carries at most 123 bytes of reason (RFC 6455, 5.5). */
const maxReasonBytes = 123;

function closeReason(text: string): string {
  const bytes = Buffer.from(text);
  // A character cut in half would decode to a longer one.
  return bytes.length <= maxReasonBytes
    ? text
    : bytes
        .subarray(0, maxReasonBytes - 3)
        .toString()
        .replace(/\uFFFD+$/, '') + '…';
}
