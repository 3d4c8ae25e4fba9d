// Two channels joined in memory: the transport of embedders and of most tests. Messages keep order and arrive on a
// later turn, as they would over a socket.
import type { Channel, ChannelHandlers, CloseInfo } from './channel.ts';
import type { SharedFrame } from './frame.ts';
import { atEndOfTurn } from './turn.ts';

/** Returns the two ends of a new connection. */
export function createMemoryPair(): [MemoryChannel, MemoryChannel] {
  const left = new MemoryChannel();
  const right = new MemoryChannel();
  left.join(right);
  right.join(left);
  return [left, right];
}

export class MemoryChannel implements Channel {
  readonly transport = 'memory';
  #other: MemoryChannel | undefined;
  #handlers: ChannelHandlers | undefined;
  /** What the other end sent and this end has not delivered yet. */
  #inbox: (string | Uint8Array)[] = [];
  #inboxBytes = 0;
  /** Set when either end closed; reported once the inbox is empty. */
  #ending: CloseInfo | undefined;
  #isClosed = false;
  #isPaused = false;
  #isEnlisted = false;

  /** Only for `createMemoryPair`. */
  join(other: MemoryChannel): void {
    this.#other = other;
  }

  get isOpen(): boolean {
    return !this.#ending;
  }

  get queuedBytes(): number {
    return this.#other?.inboxBytes ?? 0;
  }

  get inboxBytes(): number {
    return this.#inboxBytes;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    this.#enlist();
  }

  /** Stops delivery to this end, as a reader that never reads would. It still learns that it was cut off. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#enlist();
  }

  send(text: string): void {
    if (this.isOpen) this.#other?.receive(text);
  }

  sendFrame(frame: SharedFrame): void {
    for (const { text, payload } of frame.messages) {
      const message = text ?? payload;
      if (this.isOpen && message !== undefined) this.#other?.receive(message);
    }
  }

  close(code = 1000, reason = ''): void {
    if (!this.isOpen) return;
    const info = { code, reason };
    this.#other?.end(info);
    this.end(info);
  }

  terminate(reason = ''): void {
    this.discard();
    this.#other?.discard();
    this.close(1006, reason);
  }

  /** Only for the other end: drops what it sent and this end has not delivered. */
  discard(): void {
    this.#inbox = [];
    this.#inboxBytes = 0;
  }

  /** Only for the other end. */
  receive(message: string | Uint8Array): void {
    if (this.#ending) return;
    this.#inbox.push(message);
    this.#inboxBytes += message.length;
    this.#enlist();
  }

  /** Only for the other end. */
  end(info: CloseInfo): void {
    this.#ending ??= info;
    this.#enlist();
  }

  endTurn(): void {
    this.#isEnlisted = false;
    const handlers = this.#handlers;
    if (!handlers || this.#isClosed) return;
    const batch = this.#inbox;
    this.#inbox = [];
    let next = 0;
    for (; next < batch.length && !this.#isPaused; next++) this.#deliver(batch[next] as string | Uint8Array, handlers);
    if (next < batch.length) this.#inbox = [...batch.slice(next), ...this.#inbox];
    if (this.#ending && (this.#isPaused || this.#inbox.length === 0)) {
      this.#isClosed = true;
      this.#inbox = [];
      this.#inboxBytes = 0;
      handlers.onClose(this.#ending);
    } else this.#enlist();
  }

  #deliver(message: string | Uint8Array, handlers: ChannelHandlers): void {
    this.#inboxBytes -= message.length;
    if (typeof message === 'string') handlers.onText(message);
    else handlers.onBinary(message);
  }

  #enlist(): void {
    const hasWork = this.#ending !== undefined || (this.#inbox.length > 0 && !this.#isPaused);
    if (this.#isEnlisted || !this.#handlers || this.#isClosed || !hasWork) return;
    this.#isEnlisted = true;
    atEndOfTurn('network', this);
  }
}
