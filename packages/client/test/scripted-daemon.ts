// A daemon that does what a test says, at the other end of an in-memory pair or behind a real listener.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createMemoryPair, Peer, RpcError, type Channel, type IncomingCall } from '@car-runtime/rpc';
import { WebSocketAcceptor } from '@car-runtime/rpc/node';

export interface ScriptedConnection {
  readonly number: number;
  readonly peer: Peer;
  readonly channel: Channel;
}

/** Returns the result, throws an `RpcError`, or returns `hold` to leave the call unanswered. */
export type ScriptedHandler = (params: unknown, connection: ScriptedConnection, call: IncomingCall) => unknown;

export interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

export interface ListenOptions {
  /** A Unix socket instead of a TCP port. */
  path?: string;
  /** Default: a free one. */
  port?: number;
  /** The headers of the upgrade answer. */
  headersOf?: (request: IncomingMessage) => string[];
}

export const hold = Symbol('hold');

export class ScriptedDaemon {
  readonly connections: ScriptedConnection[] = [];
  /** Every call that arrived, in order. */
  readonly calls: { connection: number; method: string; params: unknown }[] = [];
  readonly handlers: Record<string, ScriptedHandler> = {
    'session.auth': () => ({ ok: true, auth_enabled: true }),
    'server.handshake': () => ({ protocol_version: 2, server_version: '9.9.9', client_protocol_version: 2 }),
    'tools.register': (params) => (params as unknown[]).length,
    'tools.unregister': (params) => ({ unregistered: (params as { name: string }).name, removed: 1 }),
    'test.echo': (params) => params,
    'test.hold': () => hold,
  };
  /** Refuses the next in-memory connections. */
  isDown = false;

  /** For `connect({ channel })`. */
  readonly open = (): Channel => {
    if (this.isDown) throw new Error('nobody listens');
    const [near, far] = createMemoryPair();
    this.accept(far);
    return near;
  };

  async listen(options: ListenOptions = {}): Promise<Listening> {
    const { path, headersOf } = options;
    const acceptor = new WebSocketAcceptor();
    const server = createServer();
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const upgrade = { transport: path === undefined ? 'tcp' : 'unix', headers: headersOf?.(request) ?? [] } as const;
      acceptor.accept(request, socket, head, upgrade, (channel) => this.accept(channel));
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    if (path === undefined) server.listen(options.port ?? 0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
    await promise;
    const port = path === undefined ? (server.address() as AddressInfo).port : 0;
    const stop = async (): Promise<void> => {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    };
    return { port, url: `ws://127.0.0.1:${port}/`, [Symbol.asyncDispose]: stop };
  }

  accept(channel: Channel): void {
    const connection: ScriptedConnection = {
      number: this.connections.length + 1,
      channel,
      peer: new Peer(channel, { onRequest: (call) => this.#answer(call, connection) }, { idPrefix: 'cb-' }),
    };
    this.connections.push(connection);
    connection.peer.start();
  }

  get last(): ScriptedConnection {
    const connection = this.connections.at(-1);
    if (!connection) throw new Error('nobody has connected');
    return connection;
  }

  /** Methods called on one connection, in order. */
  methodsOf(number: number): string[] {
    return this.calls.filter(({ connection }) => connection === number).map(({ method }) => method);
  }

  #answer(call: IncomingCall, connection: ScriptedConnection): void {
    this.calls.push({ connection: connection.number, method: call.method, params: call.params });
    const handler = this.handlers[call.method];
    if (!handler) {
      call.reject(new RpcError(-32601, `unknown method: ${call.method}`, { data: { reason: 'method_not_found' } }));
      return;
    }
    Promise.try(handler, call.params, connection, call).then(
      (result) => result === hold || call.resolve(result),
      (error: RpcError) => call.reject(error),
    );
  }
}
