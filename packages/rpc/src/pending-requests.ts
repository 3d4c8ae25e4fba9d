// Requests this side made and has no answer to yet. Whoever removes an entry decides its fate, so an answer, a
// timeout, an abort and a close can never all claim the same request.
import type { CancelSignal } from './cancel-signal.ts';
import { startDeadline, type Deadline } from './deadline.ts';
import { RequestTimeoutError, RpcError, rpcCode, type ChannelClosedError } from './errors.ts';
import { TransientMap } from './transient-map.ts';

export interface RequestOptions {
  /** An id reserved with `nextRequestId`. */
  id?: string | number;
  /** Rejects with the signal's reason when it aborts. */
  signal?: CancelSignal | undefined;
  /** Rejects with `RequestTimeoutError` after so many ms. Default: waits for an answer or the close. */
  timeoutMs?: number | undefined;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
  deadline: Deadline | undefined;
  signal: CancelSignal | undefined;
  onAbort: (() => void) | undefined;
}

export class PendingRequests {
  readonly #prefix: string | undefined;
  readonly #entries = new TransientMap<string | number, Pending>();
  #lastId = 0;

  constructor(prefix: string | undefined) {
    this.#prefix = prefix;
  }

  get size(): number {
    return this.#entries.size;
  }

  nextId(): string | number {
    const id = ++this.#lastId;
    return this.#prefix === undefined ? id : this.#prefix + id;
  }

  add(id: string | number, method: string, { signal, timeoutMs }: RequestOptions): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const entry: Pending = { resolve, reject, deadline: undefined, signal, onAbort: undefined };
    if (timeoutMs !== undefined) {
      entry.deadline = startDeadline(timeoutMs, () =>
        this.#take(id)?.reject(new RequestTimeoutError(method, timeoutMs)),
      );
    }
    if (signal) {
      entry.onAbort = () => this.#take(id)?.reject(signal.reason);
      signal.addEventListener('abort', entry.onAbort);
    }
    this.#entries.set(id, entry);
    return promise;
  }

  /** Takes an answer from the other side; one nobody waits for is dropped. */
  settle(message: { id?: unknown; result?: unknown; error?: unknown }): void {
    const entry = this.#take(message.id as string | number);
    if (!entry) return;
    if (message.error === undefined || message.error === null) entry.resolve(message.result ?? null);
    else entry.reject(toRpcError(message.error));
  }

  /** Ends a request whose answer cannot be taken. */
  refuse(id: unknown, why: string): void {
    this.#take(id as string | number)?.reject(new RpcError(rpcCode.invalidRequest, `Cannot take the answer: ${why}`));
  }

  rejectAll(error: ChannelClosedError): void {
    for (const id of [...this.#entries.keys()]) this.#take(id)?.reject(error);
  }

  #take(id: string | number): Pending | undefined {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    this.#entries.delete(id);
    entry.deadline?.cancel();
    if (entry.onAbort) entry.signal?.removeEventListener('abort', entry.onAbort);
    return entry;
  }
}

/** Clients answer errors of every shape; a bare string is the oldest of them. */
function toRpcError(error: unknown): RpcError {
  if (typeof error !== 'object' || error === null) return new RpcError(-32000, String(error));
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown };
  return new RpcError(
    typeof code === 'number' ? code : -32000,
    typeof message === 'string' ? message : 'unknown error',
    { data },
  );
}
