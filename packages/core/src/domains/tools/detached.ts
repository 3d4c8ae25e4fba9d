// Tools that run on after their action ended: started by a plan, fed by the client's chunks, read by polling
// (Tool dispatch, detached modes; Tool methods).
import { randomUUID } from 'node:crypto';
import { RequestTimeoutError, startDeadline, type Deadline } from '@car-runtime/rpc';
import type { ToolCall } from '@car-runtime/engine';
import type { ToolChunk } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { ToolHandle, type HandleReport } from './tool-handle.ts';

export interface DetachedLimits {
  /** Handles of one connection at a time, those included that ended and wait to be polled. */
  maxHandles: number;
  /** JSON of all chunks of one invocation, in UTF-16 units. */
  maxStreamChars: number;
  /** How long one may run, in ms. */
  maxRunMs: number;
  /** How long one that ended waits to be polled, in ms. */
  reapAfterMs: number;
}

export const defaultDetachedLimits: DetachedLimits = {
  maxHandles: 1_000,
  maxStreamChars: 64 * 1024 * 1024,
  maxRunMs: 24 * 60 * 60 * 1_000,
  reapAfterMs: 15 * 60 * 1_000,
};

interface Running {
  readonly handle: ToolHandle;
  readonly requestId: string;
  readonly controller: AbortController;
  nextSeq: number;
  chars: number;
}

/** What a client sends while it runs a streaming tool. */
export interface ChunkParams {
  request_id: string;
  /** From 0, without gaps. */
  seq: number;
  chunk: ToolChunk;
  chars: number;
}

export class DetachedTools implements Disposable {
  readonly #connection: Connection;
  readonly #limits: DetachedLimits;
  readonly #handles = new Map<string, ToolHandle>();
  readonly #running = new Map<string, Running>();
  readonly #reapers = new Map<string, Deadline>();
  #isSubscribed = false;

  constructor(connection: Connection, limits: DetachedLimits = defaultDetachedLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  get size(): number {
    return this.#handles.size;
  }

  /** Asks the client to run a tool and answers its handle at once. */
  start({ action_id, tool, parameters, timeout_ms, attempt, session_id }: ToolCall): {
    tool_handle: string;
    status: 'running';
  } {
    const { peer } = this.#connection;
    const { maxHandles, maxRunMs } = this.#limits;
    if (this.#handles.size >= maxHandles)
      throw new Error(`tool '${tool}' not started: ${maxHandles} handles are open, the most there may be`);
    const requestId = String(peer.nextRequestId());
    const controller = new AbortController();
    const handle = new ToolHandle(`th-${randomUUID()}`, tool, action_id);
    const running: Running = { handle, requestId, controller, nextSeq: 0, chars: 0 };
    this.#handles.set(handle.id, handle);
    this.#running.set(requestId, running);
    const params = {
      action_id,
      tool,
      parameters,
      timeout_ms,
      attempt,
      request_id: requestId,
      session_id,
      stream: true,
    };
    peer.request('tools.execute', params, { id: requestId, signal: controller.signal, timeoutMs: maxRunMs }).then(
      (result) => this.#end(running, { result }),
      (error: unknown) => this.#fail(running, error),
    );
    return { tool_handle: handle.id, status: 'running' };
  }

  /** Takes a chunk of the client. One that breaks the rules ends its invocation; one nobody waits for is dropped. */
  takeChunk({ request_id, seq, chunk, chars }: ChunkParams): void {
    const running = this.#running.get(request_id);
    if (!running) return;
    running.chars += chars;
    if (seq !== running.nextSeq) {
      this.#abandon(running, `tool '${running.handle.tool}' sent chunk ${seq} where ${running.nextSeq} was due`);
    } else if (running.chars > this.#limits.maxStreamChars) {
      this.#abandon(
        running,
        `tool '${running.handle.tool}' sent more than ${this.#limits.maxStreamChars} characters of chunks`,
      );
    } else {
      running.nextSeq++;
      running.handle.push(chunk);
      this.#announce(running.handle, chunk);
    }
  }

  /** A chunk that cannot be taken at all ends the invocation it names. */
  refuseChunk(params: unknown, problem: string): void {
    const requestId =
      typeof params === 'object' && params !== null && 'request_id' in params ? params.request_id : undefined;
    const running = typeof requestId === 'string' ? this.#running.get(requestId) : undefined;
    if (running) this.#abandon(running, `tool '${running.handle.tool}' sent ${problem}`);
  }

  /** Takes what a handle has to say; null when it is unknown, or its end was seen. */
  poll(id: string): HandleReport | null {
    const handle = this.#handles.get(id);
    if (!handle) return null;
    if (handle.isTerminal) this.#forget(id);
    return handle.drain();
  }

  /** Stops an invocation; false when it is unknown or has ended. */
  cancel(id: string): boolean {
    const running = [...this.#running.values()].find(({ handle }) => handle.id === id);
    if (!running) return false;
    this.#stop(running, 'cancelled by the client');
    running.handle.end('cancelled');
    this.#keepForReaping(running.handle);
    return true;
  }

  /** Sends every further chunk as `tools.stream.event`, best effort. */
  subscribe(): void {
    this.#isSubscribed = true;
  }

  [Symbol.dispose](): void {
    for (const reaper of this.#reapers.values()) reaper.cancel();
    this.#reapers.clear();
    this.#handles.clear();
    this.#running.clear();
  }

  #fail(running: Running, error: unknown): void {
    const { tool } = running.handle;
    if (error instanceof RequestTimeoutError) {
      this.#abandon(running, `tool '${tool}' ran longer than ${Math.floor(this.#limits.maxRunMs / 1000)}s`);
    } else this.#end(running, { error: error instanceof Error ? error.message : String(error) });
  }

  #abandon(running: Running, reason: string): void {
    this.#stop(running, reason);
    this.#end(running, { error: reason });
  }

  /** Takes the invocation out first, so that exactly one `tools.cancel` is sent and its late answer is dropped. */
  #stop(running: Running, reason: string): void {
    if (!this.#running.delete(running.requestId)) return;
    running.controller.abort(new Error(reason));
    this.#connection.peer.notify('tools.cancel', {
      request_id: running.requestId,
      action_id: running.handle.actionId,
      reason,
    });
  }

  #end(running: Running, outcome: { result: unknown } | { error: string }): void {
    this.#running.delete(running.requestId);
    const chunk = running.handle.end(outcome);
    if (!chunk) return;
    this.#announce(running.handle, chunk);
    this.#keepForReaping(running.handle);
  }

  #announce(handle: ToolHandle, chunk: ToolChunk): void {
    if (!this.#isSubscribed) return;
    this.#connection.peer.notify('tools.stream.event', { handle: handle.id, chunk }, { isBestEffort: true });
  }

  #keepForReaping({ id }: ToolHandle): void {
    // The connection may have closed meanwhile, and with it everything that would cancel the deadline.
    if (!this.#handles.has(id)) return;
    this.#reapers.set(
      id,
      startDeadline(this.#limits.reapAfterMs, () => this.#forget(id)),
    );
  }

  #forget(id: string): void {
    this.#handles.delete(id);
    this.#reapers.get(id)?.cancel();
    this.#reapers.delete(id);
  }
}
