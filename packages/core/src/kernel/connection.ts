import { randomInt } from 'node:crypto';
import type { ChannelClosedError, Deadline, Peer } from '@car-runtime/rpc';

/** Where a connection came from, as its listener saw it. */
export interface ConnectionInfo {
  transport: 'tcp' | 'unix' | 'memory' | 'web';
  remoteAddress?: string;
}

export type Role = 'none' | 'agent' | 'client' | 'host';

const idAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
const idLength = 12;

/** A server-assigned client id: 12 characters that are safe as a file name on any file system. */
export function createClientId(): string {
  let id = '';
  for (let index = 0; index < idLength; index++) id += idAlphabet[randomInt(idAlphabet.length)];
  return id;
}

/** One connected client: who it is, its peer, and a scope that owns what domains keep for it. */
export class Connection {
  readonly id: string;
  readonly info: ConnectionInfo;
  readonly #connectedAtMs = Date.now();
  isAuthenticated = false;
  isHost = false;
  agentId: string | undefined;
  memoryNamespace: string | undefined;
  isProtocolNegotiated = false;
  #peer: Peer | undefined;
  #scope: AsyncDisposableStack | undefined;
  #controller: AbortController | undefined;
  #closed: ChannelClosedError | undefined;
  /** What waits for it to authenticate. */
  #waiting: { readonly deadline: Deadline; readonly authenticated: (() => void) | undefined } | undefined;
  /** Handlers that have not ended, those whose answer was given up on included. */
  #running = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(id: string, info: ConnectionInfo) {
    this.id = id;
    this.info = info;
  }

  /** Only for the kernel, which builds both. */
  attach(peer: Peer): void {
    this.#peer = peer;
  }

  /** Only for the kernel: the connection has until the deadline to authenticate. */
  awaitAuthentication(deadline: Deadline, authenticated: (() => void) | undefined): void {
    this.#waiting = { deadline, authenticated };
  }

  get connectedAt(): Date {
    return new Date(this.#connectedAtMs);
  }

  get peer(): Peer {
    if (!this.#peer) throw new Error('Connection has no peer yet');
    return this.#peer;
  }

  /** What its credentials say. Nothing a client claims about itself changes it. */
  get role(): Role {
    if (this.isHost) return 'host';
    if (!this.isAuthenticated) return 'none';
    return this.agentId === undefined ? 'client' : 'agent';
  }

  /** Owns what domains keep for this connection; disposed after the disconnect phases, last opened first. */
  get scope(): AsyncDisposableStack {
    this.#scope ??= new AsyncDisposableStack();
    return this.#scope;
  }

  /** Aborts when the connection closes. Made on first use. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#closed) this.#controller.abort(this.#closed);
    }
    return this.#controller.signal;
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  markAuthenticated(): void {
    if (this.isAuthenticated) return;
    this.isAuthenticated = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.deadline.cancel();
    waiting?.authenticated?.();
  }

  /** Only for the kernel, when the channel closed. */
  markClosed(error: ChannelClosedError): void {
    this.#closed = error;
    this.#waiting?.deadline.cancel();
    this.#waiting = undefined;
    this.#controller?.abort(error);
  }

  /** Only for the dispatcher: a handler began to wait for something. */
  handlerStarted(): void {
    this.#running++;
  }

  /** Only for the dispatcher: it has ended. */
  handlerEnded(): void {
    this.#running--;
    if (this.#running === 0) this.#idle?.resolve();
  }

  /** Resolves when no handler runs any more, or after `graceMs` for one that does not end. */
  async whenIdle(graceMs: number): Promise<void> {
    if (this.#running === 0) return;
    this.#idle ??= Promise.withResolvers();
    const timer = setTimeout(this.#idle.resolve, graceMs);
    await this.#idle.promise;
    clearTimeout(timer);
  }

  async disposeScope(): Promise<void> {
    await this.#scope?.disposeAsync();
  }
}

/** One `T` per connection, made on first use and disposed with the connection when it can be. */
export function perConnection<T extends object>(create: (connection: Connection) => T): (connection: Connection) => T {
  const values = new WeakMap<Connection, T>();
  return (connection) => {
    let value = values.get(connection);
    if (value === undefined) {
      value = create(connection);
      values.set(connection, value);
      if (Symbol.asyncDispose in value) connection.scope.use(value as T & AsyncDisposable);
      else if (Symbol.dispose in value) connection.scope.use(value as T & Disposable);
    }
    return value;
  };
}
