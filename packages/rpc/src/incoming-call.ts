import { tellAborted, type AbortListener, type CancelSignal } from './cancel-signal.ts';
import type { Deadline } from './deadline.ts';
import { ChannelClosedError, RpcError, rpcCode } from './errors.ts';

/** A result that is JSON text already, for one too large to be encoded at once. */
export class EncodedJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Where a call's answer goes: the peer itself, or the batch it came in. */
export interface ReplySink {
  /** Without a reply the call is over and nothing is sent. */
  settle(call: IncomingCall, reply: string | undefined): void;
  /** Closes the connection once the answers given so far are on their way. */
  closeAfterAnswers(code: number, reason: string): void;
}

/** One request from the other side. Answer it exactly once; a second answer is ignored. As a signal it aborts when the
 *  channel closes or somebody abandons the call. */
export class IncomingCall implements CancelSignal {
  readonly method: string;
  readonly params: unknown;
  /** JSON text of the id: the key while in flight, and what the answer echoes. */
  readonly idText: string;
  /** Of whoever answers, where they have one: an aborted call needs it no more, and it would keep the process alive. */
  deadline: Deadline | undefined;
  readonly #sink: ReplySink;
  #controller: AbortController | undefined;
  #listeners: AbortListener[] | undefined;
  #abortReason: unknown;
  #isAborted = false;
  #isAnswered = false;

  constructor(method: string, params: unknown, idText: string, sink: ReplySink) {
    this.method = method;
    this.params = params;
    this.idText = idText;
    this.#sink = sink;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  get aborted(): boolean {
    return this.#isAborted;
  }

  get reason(): unknown {
    return this.#abortReason;
  }

  throwIfAborted(): void {
    if (this.#isAborted) throw this.#abortReason;
  }

  addEventListener(_type: 'abort', listener: AbortListener): void {
    if (this.#listeners) this.#listeners.push(listener);
    else this.#listeners = [listener];
  }

  removeEventListener(_type: 'abort', listener: AbortListener): void {
    const listeners = this.#listeners;
    if (listeners === undefined) return;
    // Most are the only one, and cutting out of a list makes another list.
    if (listeners.at(-1) === listener) listeners.pop();
    else if (listeners.includes(listener)) listeners.splice(listeners.indexOf(listener), 1);
  }

  /** The call as a real signal, for what takes no other. Made on first use. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown = new ChannelClosedError('Connection closed')): void {
    if (this.#isAborted || this.#isAnswered) return;
    this.#isAborted = true;
    this.#abortReason = reason;
    this.deadline?.cancel();
    this.#controller?.abort(reason);
    for (const listener of this.#listeners?.splice(0) ?? []) tellAborted(listener);
  }

  /** Answers with a result; `undefined` becomes null. */
  resolve(result: unknown): void {
    if (this.#isAnswered) return;
    let text: string | undefined;
    try {
      if (result instanceof EncodedJson) text = result.text;
      else text = result === undefined ? 'null' : JSON.stringify(result);
    } catch (error) {
      this.reject(
        new RpcError(rpcCode.internal, `Cannot encode the result of ${this.method}: ${(error as Error).message}`),
      );
      return;
    }
    this.#answer(`{"jsonrpc":"2.0","id":${this.idText},"result":${text ?? 'null'}}`);
  }

  /** Answers with an error. */
  reject(error: RpcError): void {
    if (this.#isAnswered) return;
    this.#answer(errorText(this.idText, error));
  }

  /** Answers with an error and closes the connection behind the answer, which in a batch leaves with the last one. */
  rejectAndClose(error: RpcError, code: number, reason: string): void {
    this.reject(error);
    this.#sink.closeAfterAnswers(code, reason);
  }

  /** Ends the call without an answer, for one whose caller has said that it no longer waits. */
  drop(): void {
    if (!this.#isAnswered) this.#answer(undefined);
  }

  #answer(text: string | undefined): void {
    this.#isAnswered = true;
    // An answered call aborts no more; what waited for that need not be kept for as long as the call is.
    this.deadline = undefined;
    this.#listeners = undefined;
    this.#sink.settle(this, text);
  }
}

/** An error answer as JSON text. Data that cannot be encoded is left out rather than losing the answer. */
export function errorText(idText: string, error: RpcError): string {
  let data = '';
  if (error.data !== undefined) {
    try {
      data = `,"data":${JSON.stringify(error.data)}`;
    } catch {
      data = '';
    }
  }
  return `{"jsonrpc":"2.0","id":${idText},"error":{"code":${error.code},"message":${JSON.stringify(error.message)}${data}}}`;
}
