// A listener for WebSocket clients, on TCP or a Unix socket: guard, limits, upgrade, session.
import { createHmac } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ServerState } from '@car-runtime/core';
import type { Channel } from '@car-runtime/rpc';
import type { WebSocketAcceptor } from '@car-runtime/rpc/node';
import { refuseUpgrade, sendAnswer, textAnswer, type Answer } from './http-answers.ts';
import { createServer } from './node-http.ts';
import type { RefusalCounts } from './refusal-counts.ts';
import { refusalOf, refusalTexts, type GuardRules } from './request-guard.ts';
import { UnauthenticatedSockets, type UnauthenticatedLimits, type WatchedSocket } from './unauthenticated-sockets.ts';

const maxHeaderBytes = 8 * 1024;
const keepAliveDelayMs = 30_000;
/** Nothing that speaks to this daemon for the first time is refused by it, and nothing that floods it gets past. */
const backlog = 1_024;

export interface WebSocketListenerOptions {
  transport: 'tcp' | 'unix';
  state: ServerState;
  acceptor: WebSocketAcceptor;
  limits: UnauthenticatedLimits & { maxConnections: number };
  refusals: RefusalCounts;
  /** With it the upgrade is answered with a proof that this daemon knows the token. */
  proofToken?: string | undefined;
}

export class WebSocketListener {
  readonly server: Server;
  readonly #options: WebSocketListenerOptions;
  readonly #strangers: UnauthenticatedSockets;
  readonly #watched = new WeakMap<Socket, WatchedSocket>();
  readonly #pending = new Set<Socket>();
  /** Known once the ports are. Until then every request is refused. */
  rules: GuardRules = { hosts: new Set(), origins: new Set() };

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
    const { limits, refusals } = options;
    this.#strangers = new UnauthenticatedSockets(limits, (reason) => refusals.count(reason));
    this.server = createServer({
      maxHeaderSize: maxHeaderBytes,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelayMs,
      // The guard's answer to a missing Host is the same as to a wrong one.
      requireHostHeader: false,
      // Every socket has its own deadline until it is upgraded; Node's would only be checked now and then.
      headersTimeout: 0,
      requestTimeout: 0,
    });
    this.server.maxConnections = limits.maxConnections;
    this.server.on('connection', (socket) => this.#onConnection(socket));
    this.server.on('drop', () => refusals.count('too-many-connections'));
    this.server.on('request', (request, response) => sendAnswer(request, response, this.#answerPlain(request)));
    this.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#onUpgrade(request, socket, head),
    );
  }

  static readonly backlog = backlog;

  get unauthenticated(): number {
    return this.#strangers.size;
  }

  /** Stops accepting and drops what has not become a session; sessions are the kernel's to close. */
  stop(): void {
    this.server.close();
    for (const socket of this.#pending) socket.destroy();
  }

  #onConnection(socket: Socket): void {
    const watched = this.#strangers.admit(socket);
    if (!watched) return;
    this.#watched.set(socket, watched);
    this.#pending.add(socket);
    socket.once('close', () => this.#pending.delete(socket));
  }

  #refusal(request: IncomingMessage): Answer | undefined {
    const refusal = refusalOf(request, this.rules);
    if (refusal === undefined) return undefined;
    this.#options.refusals.count(refusal);
    return textAnswer(403, refusalTexts[refusal]);
  }

  #answerPlain(request: IncomingMessage): Answer {
    return (
      this.#refusal(request) ??
      textAnswer(426, 'This is the WebSocket port of car-server; its HTTP port is the next one', {
        upgrade: 'websocket',
      })
    );
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { state, acceptor, transport } = this.#options;
    const refusal =
      this.#refusal(request) ?? (state.isDraining ? textAnswer(503, 'The daemon is shutting down') : undefined);
    if (refusal) {
      refuseUpgrade(socket, refusal);
      return;
    }
    acceptor.accept(request, socket, head, { transport, headers: this.#proofHeaders(request) }, (channel) =>
      this.#open(channel, socket),
    );
  }

  #open(channel: Channel, socket: Socket): void {
    const watched = this.#watched.get(socket);
    watched?.markUpgraded();
    this.#pending.delete(socket);
    this.#options.state.createSession(channel, {
      info: {
        transport: this.#options.transport,
        ...(socket.remoteAddress !== undefined && { remoteAddress: socket.remoteAddress }),
      },
      onAuthenticated: () => watched?.release(),
    });
  }

  /** Lets a client tell this daemon from a stranger on its port before it sends a token (Tokens and files). */
  #proofHeaders(request: IncomingMessage): string[] {
    const { proofToken } = this.#options;
    const key = request.headers['sec-websocket-key'];
    if (proofToken === undefined || key === undefined) return [];
    return [`car-proof: ${createHmac('sha256', proofToken).update(key).digest('base64url')}`];
  }
}
