// Requests this side made and has no answer to yet. Whoever removes an entry decides its fate, so an answer, a
// timeout, an abort and a close can never all claim the same request.
import type { CancelSignal } from './cancel-signal.ts';
import { Expiring } from './deadline.ts';
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

/** A request of this side under way, which is told once how it ended. An entry of the table and a link of the wheel of
 *  deadlines at the same time: tool callbacks come by the thousand, and a promise, closures and records for each cost more
 *  than all else about them. */
export abstract class OutgoingRequest extends Expiring {
  /** Set when it is sent. */
  id: string | number = 0;
  table: PendingRequests | undefined = undefined;

  abstract answered(result: unknown): void;
  /** With `RpcError` (the answer of the other side), `RequestTimeoutError` or `ChannelClosedError`. */
  abstract failed(error: unknown): void;
  /** What its `RequestTimeoutError` says. */
  abstract timedOut(): RequestTimeoutError;

  override expire(): void {
    if (this.forget()) this.failed(this.timedOut());
  }

  /** Gives up on the answer: a late one is dropped. False when it has ended already. */
  forget(): boolean {
    return this.table?.take(this.id) !== undefined;
  }
}

class PromisedRequest extends OutgoingRequest {
  readonly #method: string;
  readonly #timeoutMs: number | undefined;
  readonly #signal: CancelSignal | undefined;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onAbort: (() => void) | undefined;

  constructor(
    method: string,
    { signal, timeoutMs }: RequestOptions,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.#method = method;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    if (!signal) return;
    this.#onAbort = () => {
      if (this.forget()) this.failed(signal.reason);
    };
    signal.addEventListener('abort', this.#onAbort);
  }

  override answered(result: unknown): void {
    this.#stopListening();
    this.#resolve(result);
  }

  override failed(error: unknown): void {
    this.#stopListening();
    this.#reject(error);
  }

  override timedOut(): RequestTimeoutError {
    return new RequestTimeoutError(this.#method, this.#timeoutMs ?? 0);
  }

  #stopListening(): void {
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

export class PendingRequests {
  readonly #prefix: string | undefined;
  readonly #entries = new TransientMap<string | number, OutgoingRequest>();
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

  promise(id: string | number, method: string, options: RequestOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.add(id, new PromisedRequest(method, options, resolve, reject), options.timeoutMs);
    });
  }

  add(id: string | number, request: OutgoingRequest, timeoutMs: number | undefined): void {
    request.id = id;
    request.table = this;
    this.#entries.set(id, request);
    if (timeoutMs !== undefined) request.startDeadline(timeoutMs);
  }

  /** Takes an answer from the other side; one nobody waits for is dropped. */
  settle(message: { id?: unknown; result?: unknown; error?: unknown }): void {
    const request = this.take(message.id as string | number);
    if (!request) return;
    if (message.error === undefined || message.error === null) request.answered(message.result ?? null);
    else request.failed(toRpcError(message.error));
  }

  /** Ends a request whose answer cannot be taken. */
  refuse(id: unknown, why: string): void {
    this.take(id as string | number)?.failed(new RpcError(rpcCode.invalidRequest, `Cannot take the answer: ${why}`));
  }

  rejectAll(error: ChannelClosedError): void {
    for (const id of [...this.#entries.keys()]) this.take(id)?.failed(error);
  }

  take(id: string | number): OutgoingRequest | undefined {
    const request = this.#entries.get(id);
    if (!request) return undefined;
    this.#entries.delete(id);
    request.cancel();
    return request;
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
