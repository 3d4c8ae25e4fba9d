// The one writer of a server-side WebSocket connection: frames queue up during an event-loop turn and leave in one
// write at its end. `ws` keeps the handshake, parsing, limits and close; it writes to the same socket only whole
// frames (pongs, close), so the two never interleave inside one.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { frameHeaderLength, opcode, SharedFrame, writeFrameHeader } from './frame.ts';
import { atEndOfTurn, settleStorage } from './turn.ts';

/** Above this the queue is handed on before the turn ends, so one turn cannot hold unbounded copies. */
const flushThresholdBytes = 256 * 1024;

export class SocketWriter {
  readonly #socket: Duplex | Socket;
  /** A queued text, with its UTF-8 length at the same index of `#lengths`, or a ready frame. */
  #queue: (string | SharedFrame)[] = [];
  #lengths: number[] = [];
  #pendingBytes = 0;
  /** How many of the queue are texts. */
  #texts = 0;
  #isEnlisted = false;

  constructor(socket: Duplex | Socket) {
    this.#socket = socket;
  }

  get queuedBytes(): number {
    return this.#pendingBytes + this.#socket.writableLength;
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.#texts++;
    this.#push(text, length, frameHeaderLength(length) + length);
  }

  frame(frame: SharedFrame): void {
    const length = frame.bytes.length;
    this.#push(frame, length, length);
  }

  #push(entry: string | SharedFrame, length: number, bytes: number): void {
    this.#queue.push(entry);
    this.#lengths.push(length);
    this.#pendingBytes += bytes;
    if (this.#isEnlisted) {
      if (this.#pendingBytes > flushThresholdBytes) this.flush();
      return;
    }
    this.#isEnlisted = true;
    atEndOfTurn('network', this);
  }

  endTurn(): void {
    this.#isEnlisted = false;
    this.flush();
  }

  /** Hands everything queued to the socket in one write, behind what it may acknowledge. */
  flush(): void {
    const queue = this.#queue;
    if (queue.length === 0) return;
    settleStorage();
    const bytes = this.#texts === 0 ? SharedFrame.join(queue as SharedFrame[]) : this.#join();
    this.discard();
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(bytes);
  }

  discard(): void {
    this.#queue = [];
    this.#lengths = [];
    this.#pendingBytes = 0;
    this.#texts = 0;
  }

  #join(): Buffer {
    const out = Buffer.allocUnsafe(this.#pendingBytes);
    let offset = 0;
    for (let index = 0; index < this.#queue.length; index++) {
      const entry = this.#queue[index] as string | SharedFrame;
      const length = this.#lengths[index] as number;
      if (typeof entry === 'string') {
        offset = writeFrameHeader(out, offset, opcode.text, length);
        // As many bytes as UTF-16 units means ASCII, which the one-byte encoder copies fastest.
        offset += out.write(entry, offset, length, entry.length === length ? 'latin1' : 'utf8');
      } else {
        out.set(entry.bytes, offset);
        offset += length;
      }
    }
    return out;
  }
}
