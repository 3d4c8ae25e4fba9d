// A WebSocket client for load: raw socket, a read buffer that is reused, one write per event-loop turn. It has to cost
// much less than the server it drives, or the ratio of two servers would be that of the client to itself.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FrameCounter, FrameScanner, maskedFrame } from './client-frames.ts';
import type { ServerProcess } from './server-process.ts';

const bufferBytes = 256 * 1024;
/** Of a connection that is there to be counted, not used. */
const idleBufferBytes = 1024;

export interface OpenOptions {
  /** It is there to be counted, not used. */
  isIdle?: boolean;
  /** Params of `session.auth`. Default: the daemon's token. */
  credentials?: object | undefined;
}

export type FrameHandler = (bytes: Buffer, start: number, end: number) => void;

export class LoadConnection implements Disposable {
  readonly #socket: Socket;
  readonly #scanner = new FrameScanner((bytes, start, end) => this.#onFrame(bytes, start, end));
  #counter: FrameCounter | undefined;
  #counted: ((frames: number) => void) | undefined;
  #handler: FrameHandler | undefined;
  #head: string | undefined = '';
  #upgraded: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  #lastId = 0;
  /** Bytes to be written at the end of this turn are `out[outStart..outEnd]`; what is before may still be under way. */
  #out: Buffer;
  #outStart = 0;
  #outEnd = 0;

  private constructor(server: ServerProcess, bytes: number) {
    const { port, hostname } = new URL(server.url);
    this.#out = Buffer.allocUnsafe(bytes);
    const buffer = Buffer.allocUnsafe(bytes);
    const onread = {
      buffer,
      callback: (length: number) => {
        this.#onData(buffer.subarray(0, length));
        return true;
      },
    };
    this.#socket = connect({ port: Number(port), host: hostname, noDelay: true, onread });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('The server closed the connection')));
    this.#socket.write(
      `GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
  }

  /** Connects, upgrades, and authenticates where the server wants a token. */
  static async open(server: ServerProcess, { isIdle = false, credentials }: OpenOptions = {}): Promise<LoadConnection> {
    const connection = new LoadConnection(server, isIdle ? idleBufferBytes : bufferBytes);
    await new Promise<void>((resolve, reject) => {
      connection.#upgraded = resolve;
      connection.#failed = reject;
    });
    if (server.token !== undefined) await connection.request('session.auth', credentials ?? { token: server.token });
    return connection;
  }

  /** One call, its answer parsed. For preparing a measurement, not for load. */
  request(method: string, params: unknown): Promise<unknown> {
    const id = `setup-${++this.#lastId}`;
    return new Promise((resolve, reject) => {
      const restore = this.#handler;
      this.#failed = reject;
      this.#handler = (bytes, start, end) => {
        this.#handler = restore;
        const answer = JSON.parse(bytes.toString('utf8', start, end)) as {
          id: unknown;
          result?: unknown;
          error?: unknown;
        };
        if (answer.id !== id || answer.error !== undefined)
          reject(new Error(`${method} answered ${JSON.stringify(answer)}`));
        else resolve(answer.result);
      };
      this.#socket.write(maskedFrame(JSON.stringify({ jsonrpc: '2.0', id, method, params })));
    });
  }

  /** Hands every frame to `handler` from now on; `failed` hears of a broken connection and of what `handler` throws. */
  drive(handler: FrameHandler, failed: (error: Error) => void): void {
    this.#handler = handler;
    this.#failed = failed;
  }

  /** From now on frames are only counted; `counted` hears how many there are by now. */
  count(counted: (frames: number) => void, failed: (error: Error) => void): void {
    this.#counter = new FrameCounter();
    this.#counted = counted;
    this.#failed = failed;
  }

  /** Ends the counting. */
  stopCounting(): void {
    this.#counter = undefined;
  }

  /** Takes nothing more from the server. */
  wedge(): void {
    this.#socket.pause();
  }

  /** Queues masked bytes for the end of this turn. */
  send(bytes: Buffer): void {
    const target = this.reserve(bytes.length);
    target.buffer.set(bytes, target.offset);
    this.commit(target.offset + bytes.length);
  }

  /** Room for `length` bytes of frames; `commit` says where they ended. */
  reserve(length: number): { buffer: Buffer; offset: number } {
    if (this.#outEnd + length > this.#out.length) {
      this.flush();
      this.#out = Buffer.allocUnsafe(Math.max(bufferBytes, length));
      this.#outStart = this.#outEnd = 0;
    }
    return { buffer: this.#out, offset: this.#outEnd };
  }

  commit(end: number): void {
    if (this.#outEnd === this.#outStart) setImmediate(() => this.flush());
    this.#outEnd = end;
  }

  /** Writes what is queued without waiting for the end of the turn. */
  flush(): void {
    if (this.#outEnd === this.#outStart) return;
    this.#socket.write(this.#out.subarray(this.#outStart, this.#outEnd));
    this.#outStart = this.#outEnd;
  }

  #onData(chunk: Buffer): void {
    try {
      if (this.#counter) {
        this.#counter.push(chunk);
        this.#counted?.(this.#counter.count);
      } else if (this.#head === undefined) this.#scanner.push(chunk);
      else this.#onHead(this.#head + chunk.toString('latin1'));
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #onHead(head: string): void {
    this.#head = head;
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 101'))
      throw new Error(`The upgrade was answered: ${head.slice(0, head.indexOf('\r\n'))}`);
    this.#head = undefined;
    this.#upgraded?.();
    const early = Buffer.from(head.slice(end + 4), 'latin1');
    if (early.length > 0) this.#scanner.push(early);
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    if (!this.#handler) throw new Error(`Unexpected frame: ${bytes.toString('utf8', start, end)}`);
    this.#handler(bytes, start, end);
  }

  #fail(error: Error): void {
    const failed = this.#failed;
    this.#failed = undefined;
    failed?.(error);
    this.#socket.destroy();
  }

  /** Closes without reporting it to anybody. */
  async close(): Promise<void> {
    this.#failed = undefined;
    if (this.#socket.closed) return;
    const closed = once(this.#socket, 'close');
    this.#socket.destroy();
    await closed;
  }

  [Symbol.dispose](): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }
}
