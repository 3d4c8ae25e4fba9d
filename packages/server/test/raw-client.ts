// Clients that say exactly what a test wants said: bytes on a socket, and JSON-RPC without a library's good manners.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { openWebSocket } from '@car-runtime/rpc/node';
import type { Channel } from '@car-runtime/rpc';

export function openSocket(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname.replaceAll(/[[\]]/g, '')).on('error', () => undefined);
}

/** Resolves when the socket is closed, by an error or without one. */
export function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Sends the bytes and returns everything that comes back until the other side closes. */
export async function exchange(url: string, request: string): Promise<string> {
  const socket = openSocket(url);
  socket.write(request);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => (answer += text));
  await closeOf(socket);
  return answer;
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
}

/** An upgrade request; `headers` replace or, with `undefined`, remove the ones a client sends. */
export function upgradeRequest(
  url: string,
  headers: Readonly<Record<string, string | undefined>> = {},
  target = '/',
): string {
  const all: Record<string, string | undefined> = {
    Host: new URL(url).host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return [`GET ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

/** Upgrades on a raw socket; what comes after the upgrade is the test's. */
export async function upgrade(url: string): Promise<{ socket: Socket; answer: string }> {
  const socket = openSocket(url);
  socket.write(upgradeRequest(url));
  const [answer] = await once(socket, 'data');
  return { socket, answer: String(answer) };
}

/** A masked client frame; its header may promise more than `payload` holds. */
export function frame(opcode: number, payload: Buffer, { isFinal = true, length = payload.length } = {}): Buffer {
  const head = Buffer.alloc(14);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]); // a mask of zeros
}

export interface RpcAnswer {
  id: number;
  result?: unknown;
  error?: { code: number; message: string };
}

/** JSON-RPC over a WebSocket, one call after the other. */
export async function openRpc(url: string) {
  const channel: Channel = await openWebSocket({ url });
  const waiting = new Map<number, (answer: RpcAnswer) => void>();
  const { promise: closed, resolve: onClose } = Promise.withResolvers<{ code: number; reason: string }>();
  channel.start({
    onText: (text) => {
      const answer: RpcAnswer = JSON.parse(text);
      waiting.get(answer.id)?.(answer);
    },
    onBinary: () => undefined,
    onClose,
  });
  let lastId = 0;
  return {
    closed,
    call(method: string, params: object = {}): Promise<RpcAnswer> {
      const id = ++lastId;
      channel.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      const gone = closed.then(({ code }) => {
        throw new Error(`Connection closed (${code}) before ${method} was answered`);
      });
      return Promise.race([new Promise<RpcAnswer>((resolve) => waiting.set(id, resolve)), gone]);
    },
    close: () => channel.close(),
    [Symbol.dispose]: () => channel.terminate(),
  };
}
