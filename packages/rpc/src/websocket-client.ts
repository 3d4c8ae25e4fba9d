// WebSocket channels on the connecting side in Node, over TCP or a Unix socket, through `ws`.
import type { IncomingMessage } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { WebSocket } from 'ws';
import type { Channel, ChannelHandlers } from './channel.ts';
import { ChannelClosedError } from './errors.ts';
import type { SharedFrame } from './frame.ts';
import { atEndOfTurn } from './turn.ts';

export interface OpenWebSocketOptions {
  /** `ws://host:port/path`, `wss://…`, or `ws+unix:/path/to.sock:/`. */
  url: string;
  /** Connects to this Unix socket instead of the host of `url`. Any path will do, also one that no URL can carry. */
  socketPath?: string;
  /** Gives up on the connection while it is being made. */
  signal?: AbortSignal;
  maxFrameBytes?: number;
  /** Time for the TCP connection and the upgrade together, in ms. Default 10 000. */
  handshakeTimeoutMs?: number;
  protocols?: string[];
  headers?: Record<string, string>;
  /** Sees the 101 answer before anything is sent; throwing refuses the connection. `key` is the request's
   *  Sec-WebSocket-Key. */
  verifyUpgrade?(response: IncomingMessage, key: string): void;
}

/** Connects and resolves once the upgrade is done. Rejects with `ChannelClosedError` naming the cause. */
export function openWebSocket(options: OpenWebSocketOptions): Promise<Channel> {
  const { url, socketPath, signal } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  let key = '';
  const ws = new WebSocket(url, options.protocols ?? [], {
    perMessageDeflate: false,
    maxPayload: options.maxFrameBytes ?? 64 * 1024 * 1024,
    handshakeTimeout: options.handshakeTimeoutMs ?? 10_000,
    ...(options.headers && { headers: options.headers }),
    ...(socketPath !== undefined && { createConnection: () => connectSocket(socketPath) }),
    // Called before the constructor returns.
    finishRequest: (request) => {
      key = String(request.getHeader('sec-websocket-key') ?? '');
      request.end();
    },
  });
  const isUnix = socketPath !== undefined || url.startsWith('ws+unix:');
  const channel = new ClientWebSocketChannel(ws, isUnix ? 'unix' : 'tcp');
  const { promise, resolve, reject } = Promise.withResolvers<Channel>();
  let refusal: Error | undefined;
  const refuse = (error: Error): void => {
    refusal = error;
    ws.terminate();
  };
  const onAbort = (): void => refuse(signal?.reason as Error);
  signal?.addEventListener('abort', onAbort, { once: true });
  ws.on('upgrade', (response) => {
    try {
      options.verifyUpgrade?.(response, key);
      channel.use(response.socket);
    } catch (error) {
      refuse(error as Error);
    }
  });
  const failed = (why: string, cause?: Error): void => {
    reject(refusal ?? new ChannelClosedError(`Cannot connect to ${socketPath ?? url}: ${why}`, 1006, { cause }));
  };
  ws.once('open', () => resolve(channel));
  // An AggregateError (every address of a name failed) has a code and no message.
  ws.on('error', (cause: NodeJS.ErrnoException) => failed(cause.message || (cause.code ?? cause.name), cause));
  ws.once('close', () => failed('connection closed'));
  return promise.finally(() => signal?.removeEventListener('abort', onAbort));
}

class ClientWebSocketChannel implements Channel {
  readonly transport: 'tcp' | 'unix';
  readonly #ws: WebSocket;
  #socket: IncomingMessage['socket'] | undefined;
  #isCorked = false;
  /** Messages that arrive with the upgrade answer, before `start`, wait here. */
  #early: { data: Buffer; isBinary: boolean }[] | undefined = [];
  #handlers: ChannelHandlers | undefined;

  constructor(ws: WebSocket, transport: 'tcp' | 'unix') {
    this.#ws = ws;
    this.transport = transport;
    ws.on('message', (data, isBinary) => {
      if (this.#handlers) this.#deliver(this.#handlers, data as Buffer, isBinary);
      else this.#early?.push({ data: data as Buffer, isBinary });
    });
  }

  /** The raw socket, for corking; known once the upgrade is answered. */
  use(socket: IncomingMessage['socket']): void {
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  get queuedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const { data, isBinary } of early) this.#deliver(handlers, data, isBinary);
    if (this.#ws.readyState === this.#ws.CLOSED) {
      queueMicrotask(() => handlers.onClose({ code: 1006, reason: '' }));
      return;
    }
    this.#ws.once('close', (code, reason) => handlers.onClose({ code, reason: reason.toString() }));
  }

  #deliver(handlers: ChannelHandlers, data: Buffer, isBinary: boolean): void {
    if (isBinary) handlers.onBinary(data);
    else handlers.onText(data.toString());
  }

  send(text: string): void {
    if (!this.isOpen) return;
    this.#cork();
    this.#ws.send(text);
  }

  sendFrame(frame: SharedFrame): void {
    if (!this.isOpen) return;
    this.#cork();
    const message = frame.text ?? frame.payload;
    if (message !== undefined) this.#ws.send(message);
  }

  /** Client frames are masked, so `ws` builds them; corking still makes one write of a turn's frames. */
  #cork(): void {
    if (this.#isCorked || !this.#socket) return;
    this.#isCorked = true;
    this.#socket.cork();
    atEndOfTurn('network', this);
  }

  endTurn(): void {
    this.#isCorked = false;
    this.#socket?.uncork();
  }

  close(code = 1000, reason = ''): void {
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#ws.terminate();
  }
}
