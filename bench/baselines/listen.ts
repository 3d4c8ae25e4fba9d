// What both bare servers share: a `ws` server on a free port that says where it is, as the daemon does.
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface Message {
  id?: number | string | undefined;
  method?: string;
  params?: unknown;
  result?: unknown;
}

/** `connected` returns what takes the connection's messages. */
export function listen(connected: (socket: WebSocket) => (message: Message) => void): void {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket) => {
    const onMessage = connected(socket);
    // eslint-disable-next-line typescript/no-base-to-string -- always a Buffer here
    socket.on('message', (data) => onMessage(JSON.parse(data.toString()) as Message));
  });
  server.on('listening', () => {
    const { port } = server.address() as AddressInfo;
    console.log(JSON.stringify({ ready: true, ws: `ws://127.0.0.1:${port}` }));
  });
  process.on('SIGTERM', () => process.exit(0));
}
