// A channel over the WebSocket that browsers (and Node, Deno, Bun) provide.
import type { Channel, ChannelHandlers, CloseInfo } from './channel.ts';
import { ChannelClosedError } from './errors.ts';
import type { SharedFrame } from './frame.ts';

/** Connects with the platform's own WebSocket and resolves once it is open. */
export function openWebChannel(url: string, protocols: string[] = []): Promise<Channel> {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = 'arraybuffer';
  const { promise, resolve, reject } = Promise.withResolvers<Channel>();
  // Browsers tell a page nothing more than that it failed.
  const failed = (): void => reject(new ChannelClosedError(`Cannot connect to ${url}`));
  socket.addEventListener('error', failed);
  socket.addEventListener('close', failed);
  socket.addEventListener('open', () => {
    socket.removeEventListener('error', failed);
    socket.removeEventListener('close', failed);
    resolve(new WebChannel(socket));
  });
  return promise;
}

class WebChannel implements Channel {
  readonly transport = 'web';
  readonly #socket: WebSocket;
  #report: ((info: CloseInfo) => void) | undefined;
  #isReported = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN && !this.#isReported;
  }

  get queuedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  start(handlers: ChannelHandlers): void {
    const close = (info: CloseInfo): void => {
      if (this.#isReported) return;
      this.#isReported = true;
      handlers.onClose(info);
    };
    this.#report = close;
    this.#socket.addEventListener('message', (event) => {
      if (this.#isReported) return;
      const data: unknown = event.data;
      if (typeof data === 'string') handlers.onText(data);
      else handlers.onBinary(new Uint8Array(data as ArrayBuffer));
    });
    this.#socket.addEventListener('close', ({ code, reason }) => close({ code, reason }));
    if (this.#socket.readyState === WebSocket.CLOSED) queueMicrotask(() => close({ code: 1006, reason: '' }));
  }

  send(text: string): void {
    if (this.isOpen) this.#socket.send(text);
  }

  sendFrame(frame: SharedFrame): void {
    for (const { text, payload } of frame.messages) {
      const message = text ?? payload;
      if (this.isOpen && message !== undefined) this.#socket.send(message);
    }
  }

  close(code = 1000, reason = ''): void {
    this.#socket.close(code, reason);
  }

  /** The platform offers only the polite way, which waits for the other side: the end is reported without it. */
  terminate(reason = ''): void {
    this.#socket.close();
    queueMicrotask(() => this.#report?.({ code: 1006, reason }));
  }
}
