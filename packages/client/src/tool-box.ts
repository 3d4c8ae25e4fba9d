// The tools a client answers: what was registered, and the executions that run.
import type { CheckedParamsOf, ToolChunk, ToolDefinition } from '@car-runtime/protocol';
import { RpcError, type IncomingCall, type Peer } from '@car-runtime/rpc';
import { CarError } from './errors.ts';

type ExecuteParams = CheckedParamsOf<(typeof import('@car-runtime/protocol'))['callbacks']['tools.execute']>;
type CancelParams = CheckedParamsOf<(typeof import('@car-runtime/protocol'))['events']['tools.cancel']>;

/** What a tool's handler is told besides its parameters. */
export interface ToolContext {
  /** Aborts when the daemon gives up on the execution, and when the connection is lost. Its answer is then dropped. */
  readonly signal: AbortSignal;
  /** Id of the action in its proposal; empty for callers without one. */
  readonly actionId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly requestId: string;
  /** The action's own budget, in ms; the daemon enforces it. */
  readonly timeoutMs: number | undefined;
  /** Execution session, where there is one. */
  readonly sessionId: string | undefined;
  /** Whether somebody reads what is said while it runs: the plan started it and went on. */
  readonly isStreaming: boolean;
  /** Says something while it runs. Dropped unless `isStreaming`, and once the daemon gave up. */
  emit(chunk: RunningChunk): void;
}

/** What a running tool may say; how it ended is its answer. */
export type RunningChunk = Exclude<ToolChunk, { kind: 'done' | 'error' }>;

/** Runs a tool. What it returns is the action's output; what it throws becomes the action's error. */
export type ToolHandler<Parameters = Record<string, unknown>> = (
  parameters: Parameters,
  context: ToolContext,
) => unknown;

/** The daemon abandoned the execution; `reason` is what it said. */
export class ToolCancelledError extends Error {
  override readonly name = 'ToolCancelledError';
  readonly reason: string;

  constructor(tool: string, reason: string) {
    super(`Execution of tool "${tool}" was cancelled: ${reason}`);
    this.reason = reason;
  }
}

/** Equal to the contract's own (tested). */
export const toolRejectedCode = -32000;

export interface Tool {
  readonly definition: ToolDefinition;
  readonly handler: ToolHandler;
}

/** Answers a `tools.execute` for which no tool is registered; false leaves it to `unknown tool`. */
export type ToolFallback = (call: IncomingCall) => boolean;

export class ToolBox {
  readonly #tools = new Map<string, Tool>();
  readonly #running = new Map<string, { call: IncomingCall; tool: string }>();
  readonly #fallback: ToolFallback;

  constructor(fallback: ToolFallback) {
    this.#fallback = fallback;
  }

  get definitions(): ToolDefinition[] {
    return Array.from(this.#tools.values(), ({ definition }) => definition);
  }

  /** The same name replaces. */
  add(tool: Tool): void {
    this.#tools.set(tool.definition.name, tool);
  }

  /** Removes a tool, unless another took its name meanwhile. Returns whether it was there. */
  remove(tool: Tool): boolean {
    const { name } = tool.definition;
    return this.#tools.get(name) === tool && this.#tools.delete(name);
  }

  execute(call: IncomingCall, peer: Peer): void {
    // The daemon is trusted to send what the contract says, of which only the tool's name decides anything here.
    const params = (call.params ?? {}) as ExecuteParams;
    const tool = this.#tools.get(params.tool);
    if (tool) void this.#run(tool, params, call, peer);
    else if (!this.#fallback(call)) call.reject(new RpcError(toolRejectedCode, `unknown tool: ${params.tool}`));
  }

  /** The daemon gave up: the handler is told, and its answer is not sent. */
  cancel(params: unknown): void {
    const { request_id: requestId, reason } = (params ?? {}) as CancelParams;
    const running = this.#running.get(requestId);
    if (!running) return;
    this.#running.delete(requestId);
    running.call.abort(new ToolCancelledError(running.tool, reason));
    running.call.drop();
  }

  async #run({ handler }: Tool, params: ExecuteParams, call: IncomingCall, peer: Peer): Promise<void> {
    const entry = { call, tool: params.tool };
    this.#running.set(params.request_id, entry);
    try {
      call.resolve(await handler(params.parameters ?? {}, contextOf(params, call, peer)));
    } catch (error) {
      call.reject(toAnswer(error));
    } finally {
      if (this.#running.get(params.request_id) === entry) this.#running.delete(params.request_id);
    }
  }
}

function contextOf(params: ExecuteParams, call: IncomingCall, peer: Peer): ToolContext {
  let nextSeq = 0;
  return {
    get signal() {
      return call.signal;
    },
    actionId: params.action_id,
    attempt: params.attempt,
    requestId: params.request_id,
    timeoutMs: params.timeout_ms,
    sessionId: params.session_id,
    isStreaming: params.stream === true,
    emit: (chunk) => {
      if (params.stream !== true || call.isAnswered) return;
      peer.notify('tools.chunk', { request_id: params.request_id, seq: nextSeq++, chunk });
    },
  };
}

/** What a handler threw, as the answer to the daemon. An `RpcError` made by the handler is sent as it is; one that came
 *  from a call the handler made is about that call, so only its message goes on. */
export function toAnswer(error: unknown): RpcError {
  if (error instanceof RpcError && !(error instanceof CarError)) return error;
  return new RpcError(toolRejectedCode, messageOf(error), { cause: error });
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return typeof error === 'object' && error !== null ? 'the handler threw an object' : String(error);
}
