// Results compared with their declarations on the way to a client, where the daemon was not built to do it itself.
import { methods, type MethodDeclaration } from '@car-runtime/protocol';
import type { Channel, ChannelHandlers, SharedFrame } from '@car-runtime/rpc';

const declarations: Readonly<Record<string, MethodDeclaration>> = methods;

/** The same channel; each result that differs from what its method declares is handed to `onDifference`. */
export function withCheckedResults(channel: Channel, onDifference: (what: string) => void): Channel {
  return new CheckedChannel(channel, onDifference);
}

class CheckedChannel implements Channel {
  readonly #inner: Channel;
  readonly #onDifference: (what: string) => void;
  /** Methods of the calls that wait, by id. */
  readonly #waiting = new Map<unknown, string>();

  constructor(inner: Channel, onDifference: (what: string) => void) {
    this.#inner = inner;
    this.#onDifference = onDifference;
  }

  get transport(): Channel['transport'] {
    return this.#inner.transport;
  }

  get isOpen(): boolean {
    return this.#inner.isOpen;
  }

  get queuedBytes(): number {
    return this.#inner.queuedBytes;
  }

  start(handlers: ChannelHandlers): void {
    this.#inner.start({
      onText: (text) => {
        this.#check(text);
        handlers.onText(text);
      },
      onBinary: (bytes) => handlers.onBinary(bytes),
      onClose: (info) => handlers.onClose(info),
    });
  }

  send(text: string): void {
    const { id, method } = JSON.parse(text) as { id?: unknown; method?: string };
    if (method !== undefined && id !== undefined) this.#waiting.set(id, method);
    this.#inner.send(text);
  }

  sendFrame(frame: SharedFrame): void {
    this.#inner.sendFrame(frame);
  }

  close(code?: number, reason?: string): void {
    this.#inner.close(code, reason);
  }

  terminate(reason?: string): void {
    this.#inner.terminate(reason);
  }

  #check(text: string): void {
    const reply = JSON.parse(text) as { id?: unknown; result?: unknown };
    const name = this.#waiting.get(reply.id);
    if (name === undefined || !Object.hasOwn(reply, 'result')) return;
    this.#waiting.delete(reply.id);
    const checked = declarations[name]?.result.safeParse(reply.result);
    if (checked?.error) this.#onDifference(`Result of ${name} differs from its declaration: ${checked.error.message}`);
  }
}
