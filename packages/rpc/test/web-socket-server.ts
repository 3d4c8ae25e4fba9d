// A listener of the kind the daemon has, with nothing behind it but what a test says.
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Inbox, type RawAddress, TempFolder } from '@car-runtime/testkit/wire';
import type { Channel } from '../src/channel.ts';
import { WebSocketAcceptor, type WebSocketAcceptorOptions } from '../src/websocket-server.ts';

export interface Accepted {
  channel: Channel;
  /** The socket below the channel. */
  socket: Socket;
  /** Sizes of the writes the socket was given, in bytes. */
  writes: number[];
}

export interface WebSocketServerOptions extends WebSocketAcceptorOptions {
  transport?: 'tcp' | 'unix';
  headers?: readonly string[];
}

export class TestWebSocketServer implements AsyncDisposable {
  readonly #opened = new AsyncDisposableStack();
  readonly #accepted = new Inbox<Accepted>('connection');
  #address: RawAddress = { port: 0 };

  static async listen(options: WebSocketServerOptions = {}): Promise<TestWebSocketServer> {
    const { transport = 'tcp', headers, ...limits } = options;
    const test = new TestWebSocketServer();
    const acceptor = new WebSocketAcceptor(limits);
    const server = createServer();
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket));
    server.on('upgrade', (request, socket: Socket, head) => {
      const writes = countWrites(socket);
      acceptor.accept(request, socket, head, { transport, ...(headers && { headers }) }, (channel) =>
        test.#accepted.push({ channel, socket, writes }),
      );
    });
    test.#opened.defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    });
    if (transport === 'unix') test.#address = { path: test.#opened.use(new TempFolder()).join('s') };
    const listening = Promise.withResolvers<void>();
    server.once('error', listening.reject);
    server.listen('path' in test.#address ? test.#address : { port: 0, host: '127.0.0.1' }, () => listening.resolve());
    await listening.promise;
    if (transport === 'tcp') test.#address = { port: (server.address() as AddressInfo).port };
    return test;
  }

  get address(): RawAddress {
    return this.#address;
  }

  /** For `openWebSocket`. */
  get target(): { url: string; socketPath?: string } {
    return 'path' in this.#address
      ? { url: 'ws://localhost/', socketPath: this.#address.path }
      : { url: `ws://127.0.0.1:${this.#address.port}` };
  }

  /** The next connection that was accepted. Its channel has not been started. */
  accepted(): Promise<Accepted> {
    return this.#accepted.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

function countWrites(socket: Socket): number[] {
  const writes: number[] = [];
  const write = socket.write.bind(socket) as (chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
  socket.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    writes.push(chunk.length);
    return write(chunk, ...rest);
  };
  return writes;
}
