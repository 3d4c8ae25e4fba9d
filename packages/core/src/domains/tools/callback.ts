// Calling a tool that the client answers: `tools.execute`, its wait, and the `tools.cancel` of whoever gives up first
// (Tool callback).
import { ChannelClosedError, OutgoingRequest, RequestTimeoutError, RpcError } from '@car-runtime/rpc';
import { toldLater, type CancelSignal, type ToolCall } from '@car-runtime/engine';
import type { Connection } from '../../kernel/connection.ts';
import type { CallbackSlots } from './callback-slots.ts';

/** How a client says that it has no such tool (Tool dispatch precedence). */
const unknownTool = 'unknown tool';

/** Added to an action's own budget, so that the engine's deadline fires first. */
const graceMs = 5_000;

type WhenUnknown = (connection: Connection, call: ToolCall, signal: CancelSignal | undefined) => unknown;

/** Who is told the output, or why there is none: one of the two, once. */
export interface AnswerTaker {
  answered(output: unknown): void;
  failed(error: unknown): void;
}

export interface CallbackOptions {
  defaultTimeoutMs: number;
  signal: CancelSignal | undefined;
  /** Runs a tool that the client does not know. */
  whenUnknown: WhenUnknown;
  /** Where the call waits for its turn before it is sent. */
  slots?: CallbackSlots | undefined;
}

/**
 * Asks the client to run a tool and resolves with its output. The message of every rejection is what the action
 * reports. Giving up (own wait, or `signal`) removes the pending request first, so exactly one `tools.cancel` is sent
 * and never after an answer was taken.
 */
export function callTool(connection: Connection, call: ToolCall, options: CallbackOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    start(new ToolCallback(connection, call, options, { answered: resolve, failed: reject }));
  });
}

/** The same, told to `taker` instead of a promise: every call of every plan passes here. */
export function tellTool(
  connection: Connection,
  call: ToolCall,
  options: CallbackOptions,
  taker: AnswerTaker,
): typeof toldLater {
  start(new ToolCallback(connection, call, options, taker));
  return toldLater;
}

function start(callback: ToolCallback): void {
  const turn = callback.acquireSlot();
  if (turn === undefined) callback.send();
  else
    turn.then(
      () => callback.send(),
      (error: unknown) => callback.taker.failed(error),
    );
}

const nobody: AnswerTaker = { answered: () => undefined, failed: () => undefined };
const noCall: ToolCall = { action_id: '', tool: '', parameters: {}, attempt: 0 };
const noOptions: CallbackOptions = { defaultTimeoutMs: 0, signal: undefined, whenUnknown: () => undefined };

class ToolCallback extends OutgoingRequest {
  taker: AnswerTaker;
  readonly #connection: Connection;
  #call: ToolCall;
  #options: CallbackOptions;
  readonly #waitMs: number;
  #isListening = false;

  constructor(connection: Connection, call: ToolCall, options: CallbackOptions, taker: AnswerTaker) {
    super();
    this.#connection = connection;
    this.#call = call;
    this.#options = options;
    this.taker = taker;
    this.#waitMs = call.timeout_ms === undefined ? options.defaultTimeoutMs : call.timeout_ms + graceMs;
  }

  /** Nothing when there is one at once, or none is needed. */
  acquireSlot(): Promise<void> | undefined {
    const { slots, signal } = this.#options;
    // What was given up on takes no slot from anybody.
    return signal?.aborted === true ? Promise.reject(signal.reason) : slots?.acquire(signal);
  }

  send(): void {
    const { signal } = this.#options;
    // Nothing was sent yet, so there is nothing to cancel.
    if (signal?.aborted) return this.#end(signal.reason);
    const { peer } = this.#connection;
    const { action_id, tool, parameters, timeout_ms, attempt, session_id } = this.#call;
    const request_id = String(peer.nextRequestId());
    const params = { action_id, tool, parameters, timeout_ms, attempt, request_id, session_id };
    try {
      peer.call(this, request_id, 'tools.execute', params, this.#waitMs);
    } catch (error) {
      return this.failed(error);
    }
    if (!signal) return;
    this.#isListening = true;
    signal.addEventListener('abort', this);
  }

  /** The signal aborted. */
  handleEvent(): void {
    const reason: unknown = this.#options.signal?.reason;
    if (this.forget()) this.#giveUp(messageOf(reason), reason);
  }

  override answered(output: unknown): void {
    this.#release().answered(output);
  }

  override failed(error: unknown): void {
    const { tool } = this.#call;
    if (error instanceof RpcError && error.message.startsWith(unknownTool)) return this.#callElsewhere();
    if (error instanceof ChannelClosedError)
      return this.#end(new Error(`tool '${tool}' callback channel closed`, { cause: error }));
    if (error instanceof RequestTimeoutError) {
      const reason = `tool '${tool}' callback timed out (${Math.floor(this.#waitMs / 1000)}s)`;
      return this.#giveUp(reason, new Error(reason, { cause: error }));
    }
    if (error instanceof TypeError || error instanceof RangeError)
      return this.#end(new Error(`failed to send tool callback: ${error.message}`, { cause: error }));
    this.#end(error);
  }

  override timedOut(): RequestTimeoutError {
    return new RequestTimeoutError('tools.execute', this.#waitMs);
  }

  #giveUp(reason: string, error: unknown): void {
    const { action_id } = this.#call;
    this.#connection.peer.notify('tools.cancel', { request_id: this.id, action_id, reason });
    this.#end(error);
  }

  #callElsewhere(): void {
    const { signal, whenUnknown } = this.#options;
    // The slot is kept for as long as the call takes, wherever it runs.
    Promise.try(whenUnknown, this.#connection, this.#call, signal).then(
      (output) => this.answered(output),
      (error: unknown) => this.#end(error),
    );
  }

  #end(error: unknown): void {
    this.#release().failed(error);
  }

  /** Gives its slot back, lets go of what it held, and answers who is to be told. An entry of a table may be remembered for
   *  long after it was deleted (`TransientMap`), and with it everything it refers to. */
  #release(): AnswerTaker {
    const { signal, slots } = this.#options;
    if (this.#isListening) signal?.removeEventListener('abort', this);
    slots?.release();
    const { taker } = this;
    this.taker = nobody;
    this.#call = noCall;
    this.#options = noOptions;
    return taker;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
