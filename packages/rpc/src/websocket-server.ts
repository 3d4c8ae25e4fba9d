// WebSocket channels on the accepting side, over any stream an HTTP upgrade arrived on (TCP or Unix socket).
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Channel, ChannelHandlers } from './channel.ts';
import type { SharedFrame } from './frame.ts';
import { SocketWriter } from './socket-writer.ts';

export interface WebSocketAcceptorOptions {
  /** Largest message taken, in bytes; a larger one closes the connection with 1009. Default 16 MiB. */
  maxFrameBytes?: number;
  /** How long a closing handshake may take before the socket is cut, in ms. Default 2 000. */
  closeTimeoutMs?: number;
}

/** Turns HTTP upgrades into channels. It listens to nothing itself; checks come before `accept`. */
export class WebSocketAcceptor {
  readonly #server: WebSocketServer;

  constructor(options: WebSocketAcceptorOptions = {}) {
    const settings = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxFrameBytes ?? 16 * 1024 * 1024,
      closeTimeout: options.closeTimeoutMs ?? 2_000,
      maxFragments: 1_024,
    };
    this.#server = new WebSocketServer(settings);
  }

  /** Finishes the handshake; `headers` are added to the 101 answer. A malformed upgrade is answered with 400 and
   *  `accepted` is not called. */
  accept(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    options: { transport: 'tcp' | 'unix'; headers?: readonly string[] },
    accepted: (channel: Channel) => void,
  ): void {
    const addHeaders = (headers: string[], upgraded: IncomingMessage): void => {
      if (upgraded === request && options.headers) headers.push(...options.headers);
    };
    if (options.headers) this.#server.on('headers', addHeaders);
    try {
      this.#server.handleUpgrade(request, socket, head, (ws) =>
        accepted(new ServerWebSocketChannel(ws, socket, options.transport)),
      );
    } finally {
      this.#server.off('headers', addHeaders);
    }
  }
}

class ServerWebSocketChannel implements Channel {
  readonly transport: 'tcp' | 'unix';
  readonly #ws: WebSocket;
  readonly #writer: SocketWriter;

  constructor(ws: WebSocket, socket: Duplex, transport: 'tcp' | 'unix') {
    this.#ws = ws;
    this.transport = transport;
    this.#writer = new SocketWriter(socket);
    // `ws` reports its own protocol errors here and then closes; without a listener they would end the process.
    ws.on('error', ignoreError);
  }

  get isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN;
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  start(handlers: ChannelHandlers): void {
    this.#ws.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      if (isBinary) handlers.onBinary(bytes);
      else handlers.onText(bytes.toString());
    });
    this.#ws.once('close', (code, reason) => {
      this.#writer.discard();
      handlers.onClose({ code, reason: reason.toString() });
    });
  }

  send(text: string): void {
    if (this.isOpen) this.#writer.text(text);
  }

  sendFrame(frame: SharedFrame): void {
    if (this.isOpen) this.#writer.frame(frame);
  }

  close(code = 1000, reason = ''): void {
    this.#writer.flush();
    this.#ws.close(code, reason);
  }

  terminate(): void {
    this.#writer.discard();
    this.#ws.terminate();
  }
}

function ignoreError(): void {
  // The close that follows carries the code; there is nobody else to tell.
}
