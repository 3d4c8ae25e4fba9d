// A WebSocket client made of bytes: broken frames go out as they are, and what comes back is read frame by frame.
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { Inbox } from './inbox.ts';

export type RawAddress = { port: number; host?: string } | { path: string };

export interface ClientFrameOptions {
  /** Default 1, text. */
  opcode?: number;
  /** Default true. */
  fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  rsv?: number;
  /** Default a fixed one; `null` sends the frame unmasked, which a client must not do. */
  mask?: Uint8Array | null;
  /** What the header says, when it is not the truth. */
  claimedLength?: bigint;
}

const fixedMask = Uint8Array.of(0x12, 0x34, 0x56, 0x78);
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A client-to-server frame (RFC 6455, 5.2). */
export function clientFrame(payload: string | Uint8Array, options: ClientFrameOptions = {}): Buffer {
  const body = Buffer.from(payload);
  const { opcode = 1, fin = true, rsv = 0, mask = fixedMask } = options;
  const length = options.claimedLength ?? BigInt(body.length);
  const extended = length > 0xffffn ? 8 : length > 125n ? 2 : 0;
  const header = Buffer.alloc(2 + extended);
  header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  header[1] = (mask ? 0x80 : 0) | (extended === 8 ? 127 : extended === 2 ? 126 : Number(length));
  if (extended === 8) header.writeBigUInt64BE(length, 2);
  else if (extended === 2) header.writeUInt16BE(Number(length), 2);
  if (!mask) return Buffer.concat([header, body]);
  for (let index = 0; index < body.length; index++) body[index] = (body[index] as number) ^ (mask[index & 3] as number);
  return Buffer.concat([header, mask, body]);
}

export interface ServerFrame {
  fin: boolean;
  rsv: number;
  opcode: number;
  isMasked: boolean;
  /** 2, 4 or 10 bytes. */
  headerLength: number;
  payload: Buffer;
}

/** The first whole frame of `bytes` and what is left, or `undefined` when it is not all there. */
export function readServerFrame(bytes: Buffer): { frame: ServerFrame; rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes[0] as number, bytes[1] as number];
  const short = second & 0x7f;
  const headerLength = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < headerLength) return undefined;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < headerLength + length) return undefined;
  const frame = {
    fin: (first & 0x80) !== 0,
    rsv: (first >> 4) & 7,
    opcode: first & 0x0f,
    isMasked: (second & 0x80) !== 0,
    headerLength,
    payload: bytes.subarray(headerLength, headerLength + length),
  };
  return { frame, rest: bytes.subarray(headerLength + length) };
}

export class RawSocket implements AsyncDisposable {
  readonly socket: Socket;
  /** Resolves once the connection is gone, politely or not. */
  readonly closed: Promise<void>;
  readonly #frames = new Inbox<ServerFrame>('frame');
  readonly #head = Promise.withResolvers<string>();
  #isUpgraded = false;
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes the next whole frame needs at least; joining sooner would copy the same bytes over and over. */
  #needed = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    socket.on('data', (chunk) => this.#onData(chunk));
    // A cut connection ends in 'close' too.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      const error = new Error('Connection closed');
      this.#frames.end(error);
      this.#head.reject(error);
      closed.resolve();
    });
    // Nobody may be waiting for an answer to the upgrade.
    this.#head.promise.catch(() => undefined);
  }

  static open(address: RawAddress): Promise<RawSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<RawSocket>();
    const socket = connect('path' in address ? address : { host: '127.0.0.1', ...address });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setNoDelay(true);
      resolve(new RawSocket(socket));
    });
    return promise;
  }

  /** Opens and upgrades. */
  static async upgraded(address: RawAddress): Promise<RawSocket> {
    const raw = await RawSocket.open(address);
    const head = await raw.upgrade('port' in address ? `127.0.0.1:${address.port}` : 'localhost');
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`Not upgraded: ${head}`);
    return raw;
  }

  /** Sends the upgrade request and answers the head of the response. */
  async upgrade(host: string): Promise<string> {
    const key = randomBytes(16).toString('base64');
    this.write(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    const head = await this.#head.promise;
    const accept = createHash('sha1')
      .update(key + webSocketGuid)
      .digest('base64');
    if (head.startsWith('HTTP/1.1 101 ') && !head.includes(accept)) throw new Error(`Wrong accept key: ${head}`);
    return head;
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  /** Answers whether the socket took it all, as `Socket.write` does. */
  write(bytes: string | Uint8Array): boolean {
    return this.socket.writable && this.socket.write(bytes);
  }

  sendText(text: string): boolean {
    return this.write(clientFrame(text));
  }

  nextFrame(): Promise<ServerFrame> {
    return this.#frames.next();
  }

  /** The next frame, which must be text. */
  async nextText(): Promise<string> {
    const { opcode, payload } = await this.nextFrame();
    if (opcode !== 1) throw new Error(`A text frame, not opcode ${opcode}`);
    return payload.toString();
  }

  /** The code of the close frame, which must be the next but for pongs and text. */
  async closeCode(): Promise<number> {
    for (;;) {
      const { opcode, payload } = await this.nextFrame();
      if (opcode === 8) return payload.length === 0 ? 1005 : payload.readUInt16BE(0);
    }
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return;
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    if (!this.#isUpgraded) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end >= 0) {
        this.#isUpgraded = true;
        this.#head.resolve(bytes.toString('latin1', 0, end));
        bytes = bytes.subarray(end + 4);
      }
    }
    if (this.#isUpgraded) {
      for (let read = readServerFrame(bytes); read; read = readServerFrame(bytes)) {
        this.#frames.push(read.frame);
        bytes = read.rest;
      }
    }
    this.#chunks = [bytes];
    this.#size = bytes.length;
    this.#needed = this.#isUpgraded ? neededFor(bytes) : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }
}

function neededFor(bytes: Buffer): number {
  if (bytes.length < 10) return 0;
  const short = (bytes[1] as number) & 0x7f;
  return short === 127 ? 10 + Number(bytes.readBigUInt64BE(2)) : 0;
}
