// What a peer needs of a connection, whatever carries it.
import type { SharedFrame } from './frame.ts';

/** Why and how a channel ended. `code` is the WebSocket close code, 1006 when there was none. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

export interface ChannelHandlers {
  onText(text: string): void;
  onBinary(bytes: Uint8Array): void;
  /** Called exactly once, after which nothing else is. */
  onClose(info: CloseInfo): void;
}

/** An ordered, message-framed, two-way connection. Whoever opened it closes it. */
export interface Channel {
  readonly transport: 'tcp' | 'unix' | 'memory' | 'web';
  readonly isOpen: boolean;
  /** Bytes accepted by `send` that the other side's machine has not taken yet. */
  readonly queuedBytes: number;
  /** Begins delivery. Nothing is delivered before; called once. */
  start(handlers: ChannelHandlers): void;
  /** Queues one text frame; it is written at the end of the event-loop turn, in order. A closed channel drops it. */
  send(text: string): void;
  /** Queues a frame that was encoded once and may be shared by many channels. */
  sendFrame(frame: SharedFrame): void;
  /** Writes what is queued, then closes politely. */
  close(code?: number, reason?: string): void;
  /** Drops what is queued and cuts the connection. */
  terminate(reason?: string): void;
}
