// The life of a client's connection: made, greeted, used, lost, made again. Calls, tools and events hang on it.
import {
  ChannelClosedError,
  Peer,
  RequestTimeoutError,
  RpcError,
  rpcCode,
  type CloseInfo,
  type IncomingCall,
  type PeerOptions,
} from '@car-runtime/rpc';
import { Backoff, type ReconnectOptions } from './backoff.ts';
import {
  AuthenticationError,
  CarError,
  ClientClosedError,
  ConnectionLostError,
  InsecureEndpointError,
  NotConnectedError,
  ProtocolMismatchError,
  UnprovenServerError,
} from './errors.ts';
import { EventHub, type EventStream, type EventStreamOptions } from './event-stream.ts';
import { needsHeartbeat, startHeartbeat } from './heartbeat.ts';
import { ask, greet, type Greeting, type Link, type LinkSource } from './link.ts';
import { toAnswer, ToolBox, type Tool } from './tool-box.ts';
import type { CallOptions } from './typed-calls.ts';
import { timerMs, WaitingCalls } from './waiting-calls.ts';

/** How a client lives with its connection. */
export interface ClientOptions {
  /** Whether and how a lost connection is made again. Default: yes. */
  reconnect?: boolean | ReconnectOptions;
  /** What calls do while there is no connection: wait for one (the default), or reject. */
  whenDisconnected?: 'wait' | 'reject';
  /** Time limit of every call that has none of its own, in ms. Default: none, since a plan may run for long. */
  timeoutMs?: number;
  /** Time for one attempt to connect, greeting included, in ms. Default 10 000. */
  connectTimeoutMs?: number;
  /** How often the daemon is asked whether it is still there, and how long it may take to answer, in ms; `false` for
   *  never. Default: 30 000 across a network, never on one machine. */
  heartbeatMs?: number | false;
  /** Most calls that wait for a connection; more are rejected. Default 1 000. */
  maxWaitingCalls?: number;
  /** Limits of the JSON-RPC peer. */
  peer?: PeerOptions;
}

/** `disconnected` is the moment of the loss, `reconnecting` each attempt after it, `closed` the end of the client. */
export type ConnectionState = 'connected' | 'disconnected' | 'reconnecting' | 'closed';

/** One change of the connection's state, in the order they happen. */
export interface ConnectionChange {
  readonly state: ConnectionState;
  /** Where it is connected to; for `connected`. */
  readonly endpoint?: string;
  /** Attempts since the connection was lost; for `reconnecting`. */
  readonly attempt?: number;
  /** Wait before that attempt, in ms; for `reconnecting`. */
  readonly delayMs?: number;
  /** Why: the cut, or what the last attempt failed of. */
  readonly error?: Error;
}

/** The connection as it is now. */
export interface ConnectionInfo {
  readonly state: ConnectionState;
  readonly endpoint: string;
  readonly transport: string;
  /** Version the daemon gave in the handshake; absent for one without it. */
  readonly serverVersion: string | undefined;
  /** What `session.auth` answered; absent when no credential was sent. */
  readonly auth: Greeting['auth'];
  /** Connections made so far. */
  readonly connections: number;
}

/** What a callback's handler is told besides the params. */
export interface CallbackContext {
  /** Aborts when the connection is lost. */
  readonly signal: AbortSignal;
  readonly method: string;
  /** JSON text of the request's id. */
  readonly requestId: string;
}

/** Answers a request of the daemon, params unchecked. What it throws goes back as an error. */
export type CallbackHandler = (params: unknown, context: CallbackContext) => unknown;

const closeGraceMs = 2_000;
const defaultConnectTimeoutMs = 10_000;
const defaultMaxWaitingCalls = 1_000;
const networkHeartbeatMs = 30_000;
/** Attempts with a refused credential, or against an unproven server, while the credential may still change. */
const maxRefusals = 5;
const normalClosure = 1000;
const changeEvent = 'change';

export class ClientCore {
  readonly #source: LinkSource;
  readonly #options: ClientOptions;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  readonly #tools: ToolBox;
  readonly #callbacks = new Map<string, CallbackHandler>();
  readonly #events = new EventHub();
  readonly #changes = new EventHub();
  readonly #waiting: WaitingCalls;
  #state: ConnectionState = 'disconnected';
  #peer: Peer | undefined;
  #link: Link | undefined;
  #greeting: Greeting | undefined;
  #heartbeat: Disposable | undefined;
  #connectedAt = 0;
  #connections = 0;
  /** Set once the client is closed; what every later call rejects with. */
  #ending: ClientClosedError | undefined;
  #peerClosed = Promise.withResolvers<void>();

  constructor(source: LinkSource, options: ClientOptions) {
    this.#source = source;
    this.#options = options;
    this.#backoff = new Backoff(typeof options.reconnect === 'object' ? options.reconnect : {});
    this.#waiting = new WaitingCalls(options.maxWaitingCalls ?? defaultMaxWaitingCalls);
    this.#tools = new ToolBox((call) => this.#runCallback(call));
  }

  /** The first connection. Its failure is the caller's to see, so it is not repeated. */
  async open(): Promise<void> {
    try {
      await this.#establish();
    } catch (error) {
      this.#end(new ClientClosedError('the connection could not be made', { cause: error }));
      throw error;
    }
  }

  get info(): ConnectionInfo {
    return {
      state: this.#state,
      endpoint: this.#link?.endpoint ?? '',
      transport: this.#link?.channel.transport ?? '',
      serverVersion: this.#greeting?.handshake?.server_version,
      auth: this.#greeting?.auth,
      connections: this.#connections,
    };
  }

  // --- calls ---

  call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    if (this.#peer?.channel.isOpen) return this.#send(this.#peer, method, params, { ...options, timeoutMs });
    if (this.#ending) return Promise.reject(closedError(method, this.#ending));
    if ((options.whenDisconnected ?? this.#options.whenDisconnected) === 'reject') {
      return Promise.reject(new NotConnectedError(method, 'there is no connection'));
    }
    return this.#waiting.add(method, { ...options, timeoutMs }, (left) => this.call(method, params, left));
  }

  /** Whether it was handed to the connection; notifications do not wait for one. */
  notify(method: string, params: unknown): boolean {
    return this.#peer?.notify(method, params) ?? false;
  }

  async #send(peer: Peer, method: string, params: unknown, { signal, timeoutMs }: CallOptions): Promise<unknown> {
    try {
      return await peer.request(method, params, { signal, timeoutMs: timerMs(timeoutMs) });
    } catch (error) {
      if (error instanceof RpcError) throw new CarError(method, error);
      if (error instanceof ChannelClosedError) throw new ConnectionLostError(method, { cause: error });
      throw error;
    }
  }

  // --- what the daemon asks and tells ---

  /** Registers with the daemon, and again after every reconnect. Resolves once the daemon has it. */
  async registerTool(tool: Tool): Promise<void> {
    this.#tools.add(tool);
    for (;;) {
      try {
        await this.call('tools.register', [tool.definition], { whenDisconnected: 'wait' });
        return;
      } catch (error) {
        // Registering again is harmless, so this one call is repeated.
        if (error instanceof ConnectionLostError && !this.#ending) continue;
        this.#tools.remove(tool);
        throw error;
      }
    }
  }

  /** The daemon forgets a session's tools with its connection, so a lost connection has done the work. */
  async unregisterTool(tool: Tool): Promise<void> {
    if (!this.#tools.remove(tool) || this.#ending) return;
    try {
      await this.call('tools.unregister', { name: tool.definition.name }, { whenDisconnected: 'wait' });
    } catch (error) {
      if (!(error instanceof ConnectionLostError || this.#ending)) throw error;
    }
  }

  onCallback(method: string, handler: CallbackHandler): Disposable {
    if (this.#callbacks.has(method)) throw new Error(`Cannot handle ${method}: it has a handler already`);
    this.#callbacks.set(method, handler);
    return {
      [Symbol.dispose]: () => {
        if (this.#callbacks.get(method) === handler) this.#callbacks.delete(method);
      },
    };
  }

  events(name: string, options: EventStreamOptions = {}): EventStream<unknown> {
    return this.#events.open(name, options);
  }

  changes(options: EventStreamOptions = {}): EventStream<ConnectionChange> {
    // Only changes are pushed into this hub.
    return this.#changes.open(changeEvent, options) as EventStream<ConnectionChange>;
  }

  /** For the parts of the client that keep something by connection: told in the moment it happens. */
  listen(name: string, onEvent: (event: unknown) => void, onLost: () => void): void {
    this.#events.listen(name, onEvent);
    this.#changes.listen(changeEvent, (change) => {
      if ((change as ConnectionChange).state === 'disconnected') onLost();
    });
  }

  #onRequest(call: IncomingCall, peer: Peer): void {
    if (call.method === 'tools.execute') this.#tools.execute(call, peer);
    else if (!this.#runCallback(call))
      call.reject(new RpcError(rpcCode.methodNotFound, `unknown method: ${call.method}`));
  }

  #onNotification(method: string, params: unknown): void {
    if (method === 'tools.cancel') this.#tools.cancel(params);
    this.#events.deliver(method, params);
  }

  #runCallback(call: IncomingCall): boolean {
    const handler = this.#callbacks.get(call.method);
    if (!handler) return false;
    const context: CallbackContext = {
      get signal() {
        return call.signal;
      },
      method: call.method,
      requestId: call.idText,
    };
    void Promise.try(handler, call.params, context).then(
      (result) => call.resolve(result),
      (error) => call.reject(toAnswer(error)),
    );
    return true;
  }

  // --- the connection ---

  async #establish(): Promise<void> {
    using attempt = startAttempt(this.#options.connectTimeoutMs ?? defaultConnectTimeoutMs, this.#closing.signal);
    const link = await openLink(this.#source, attempt.signal);
    const peer: Peer = new Peer(
      link.channel,
      {
        onRequest: (call) => this.#onRequest(call, peer),
        onNotification: (method, params) => this.#onNotification(method, params),
        onClose: (info) => this.#onClose(peer, info),
      },
      this.#options.peer,
    );
    peer.start();
    try {
      const greeting = await greet(peer, link.credential, attempt.signal);
      const tools = this.#tools.definitions;
      if (tools.length > 0) await ask(peer, 'tools.register', tools, attempt.signal);
      attempt.signal.throwIfAborted();
      if (peer.isClosed) throw new ChannelClosedError(`${link.endpoint} closed the connection`);
      this.#adopt(peer, link, greeting);
    } catch (error) {
      peer.close(normalClosure);
      throw error;
    }
  }

  /** One synchronous block: tools are registered, and what waited goes out before anything called from now on. */
  #adopt(peer: Peer, link: Link, greeting: Greeting): void {
    this.#peer = peer;
    this.#peerClosed = Promise.withResolvers();
    this.#link = link;
    this.#greeting = greeting;
    this.#connectedAt = performance.now();
    this.#connections++;
    const heartbeatMs = this.#options.heartbeatMs ?? (needsHeartbeat(link.endpoint) && networkHeartbeatMs);
    this.#heartbeat = heartbeatMs === false ? undefined : startHeartbeat(peer, heartbeatMs);
    this.#change({ state: 'connected', endpoint: link.endpoint });
    this.#waiting.releaseAll();
  }

  #onClose(peer: Peer, { code, reason }: CloseInfo): void {
    if (peer !== this.#peer) return;
    this.#peer = undefined;
    this.#heartbeat?.[Symbol.dispose]();
    this.#peerClosed.resolve();
    if (this.#ending) return;
    this.#backoff.connectionLasted(performance.now() - this.#connectedAt);
    const error = new ChannelClosedError(
      `Connection to ${this.#link?.endpoint} lost (${code}${reason ? `: ${reason}` : ''})`,
      code,
    );
    this.#change({ state: 'disconnected', error });
    if (this.#options.reconnect === false) this.#end(new ClientClosedError(error.message, { cause: error }));
    else void this.#reconnect(error); // reports its failure by ending the client
  }

  async #reconnect(lost: Error): Promise<void> {
    const maxAttempts =
      (typeof this.#options.reconnect === 'object' ? this.#options.reconnect.maxAttempts : undefined) ?? Infinity;
    let error = lost;
    let refusals = 0;
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const delayMs = this.#backoff.next(retryAfterMs(error));
      this.#change({ state: 'reconnecting', attempt, delayMs, error });
      await sleep(delayMs, this.#closing.signal);
      if (this.#ending) return;
      try {
        await this.#establish();
        return;
      } catch (failure) {
        if (this.#ending) return;
        error = toError(failure);
        refusals = isRefusal(error) ? refusals + 1 : 0;
        if (isHopeless(error) || (refusals > 0 && (refusals >= maxRefusals || !this.#source.isCredentialRenewable)))
          break;
      }
    }
    this.#end(new ClientClosedError(`gave up reconnecting: ${error.message}`, { cause: error }));
  }

  /** Closes the connection after what was sent, and resolves once it is closed. */
  async close(): Promise<void> {
    const peer = this.#peer;
    this.#end(new ClientClosedError('the client is closed'));
    if (!peer) return;
    peer.close(normalClosure);
    const cut = setTimeout(() => peer.channel.terminate('the other side did not finish closing'), closeGraceMs);
    await this.#peerClosed.promise;
    clearTimeout(cut);
  }

  /** Ends everything that waits. Whether somebody asked for it decides only what the event streams end with. */
  #end(ending: ClientClosedError): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#closing.abort(ending);
    const failure = ending.cause instanceof Error ? ending : undefined;
    this.#waiting.rejectAll((method) => closedError(method, ending));
    this.#events.endAll(failure);
    this.#change({ state: 'closed', ...(failure && { error: failure }) });
    this.#changes.endAll();
  }

  #change(change: ConnectionChange): void {
    this.#state = change.state;
    this.#changes.deliver(changeEvent, change);
  }
}

/** The time one attempt has, and the client's end, as one signal. */
function startAttempt(timeoutMs: number, closing: AbortSignal): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new RequestTimeoutError('connect', timeoutMs)), timeoutMs);
  const onClosing = (): void => controller.abort(closing.reason);
  if (closing.aborted) onClosing();
  closing.addEventListener('abort', onClosing, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      closing.removeEventListener('abort', onClosing);
    },
  };
}

/** A source need not look at the signal; what it opens too late is cut. */
async function openLink(source: LinkSource, signal: AbortSignal): Promise<Link> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const opening = source.open(signal);
  try {
    return await Promise.race([opening, aborted.promise]);
  } catch (error) {
    opening.then(
      (late) => late.channel.terminate('nobody waits for this connection'),
      () => undefined, // the attempt failed already, and this is why or a consequence
    );
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Resolves after the delay, or at once when the signal aborts. */
function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const timer = setTimeout(resolve, delayMs);
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

function closedError(method: string, { message, cause }: ClientClosedError): ClientClosedError {
  return new ClientClosedError(`Cannot call ${method}: ${message}`, { cause });
}

function isHopeless(error: Error): boolean {
  return error instanceof ProtocolMismatchError || error instanceof InsecureEndpointError;
}

/** Errors that another credential could cure. */
function isRefusal(error: Error): boolean {
  return error instanceof AuthenticationError || error instanceof UnprovenServerError;
}

function retryAfterMs(error: Error): number {
  if (!(error instanceof CarError) || error.code !== rpcCode.overloaded) return 0;
  const { retry_after_ms: delayMs } = (error.data ?? {}) as { retry_after_ms?: unknown };
  return typeof delayMs === 'number' ? delayMs : 0;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
