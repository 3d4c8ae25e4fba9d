// A daemon that does what a test says, at the other end of an in-memory pair.
import {
  createMemoryPair,
  Peer,
  RpcError,
  type Channel,
  type IncomingCall,
  type MemoryChannel,
} from '@car-runtime/rpc';

export interface ScriptedConnection {
  readonly number: number;
  readonly peer: Peer;
  readonly channel: MemoryChannel;
}

/** Returns the result, throws an `RpcError`, or returns `hold` to leave the call unanswered. */
export type ScriptedHandler = (params: unknown, connection: ScriptedConnection, call: IncomingCall) => unknown;

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
  /** Refuses the next connections. */
  isDown = false;

  /** For `connect({ channel })`. */
  readonly open = (): Channel => {
    if (this.isDown) throw new Error('nobody listens');
    const [near, far] = createMemoryPair();
    const connection: ScriptedConnection = {
      number: this.connections.length + 1,
      channel: far,
      peer: this.#serve(far, () => connection),
    };
    this.connections.push(connection);
    connection.peer.start();
    return near;
  };

  get last(): ScriptedConnection {
    const connection = this.connections.at(-1);
    if (!connection) throw new Error('nobody has connected');
    return connection;
  }

  /** Methods called on one connection, in order. */
  methodsOf(number: number): string[] {
    return this.calls.filter(({ connection }) => connection === number).map(({ method }) => method);
  }

  #serve(channel: MemoryChannel, connectionOf: () => ScriptedConnection): Peer {
    return new Peer(channel, { onRequest: (call) => this.#answer(call, connectionOf()) }, { idPrefix: 'cb-' });
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
