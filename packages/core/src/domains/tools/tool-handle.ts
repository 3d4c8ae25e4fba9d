// One detached invocation: its chunks until somebody polls them, and how it ended (Tool methods, tools.poll).

import type { ToolChunk } from '@car-runtime/protocol';

export type HandleStatus = 'running' | 'succeeded' | 'failed' | 'cancelled';

export interface HandleReport {
  handle: string;
  tool: string;
  action_id: string;
  status: HandleStatus;
  chunks: ToolChunk[];
  dropped_chunks?: number;
  result?: unknown;
  error?: string;
}

/** Chunks kept for polling; the oldest make room. */
export const maxBufferedChunks = 1_024;

export class ToolHandle {
  readonly id: string;
  readonly tool: string;
  readonly actionId: string;
  status: HandleStatus = 'running';
  /** When it ended, by `performance.now()`. */
  endedAt: number | undefined;
  #chunks: ToolChunk[] = [];
  #droppedChunks = 0;
  #result: unknown;
  #error: string | undefined;

  constructor(id: string, tool: string, actionId: string) {
    this.id = id;
    this.tool = tool;
    this.actionId = actionId;
  }

  get isTerminal(): boolean {
    return this.status !== 'running';
  }

  push(chunk: ToolChunk): void {
    this.#chunks.push(chunk);
    if (this.#chunks.length <= maxBufferedChunks) return;
    this.#chunks.shift();
    this.#droppedChunks++;
  }

  /** Ends it, once; a later end is ignored. Returns the last chunk, or nothing when it had ended. */
  end(outcome: { result: unknown } | { error: string } | 'cancelled'): ToolChunk | undefined {
    if (this.isTerminal) return undefined;
    this.endedAt = performance.now();
    if (outcome === 'cancelled') {
      this.status = 'cancelled';
      return undefined;
    }
    const chunk = 'error' in outcome ? this.#fail(outcome.error) : this.#succeed(outcome.result);
    this.push(chunk);
    return chunk;
  }

  #fail(message: string): ToolChunk {
    this.status = 'failed';
    this.#error = message;
    return { kind: 'error', message };
  }

  #succeed(result: unknown): ToolChunk {
    this.status = 'succeeded';
    this.#result = result ?? null;
    return { kind: 'done', result: this.#result };
  }

  /** Takes what was not polled yet. */
  drain(): HandleReport {
    const report: HandleReport = {
      handle: this.id,
      tool: this.tool,
      action_id: this.actionId,
      status: this.status,
      chunks: this.#chunks,
      ...(this.#droppedChunks > 0 && { dropped_chunks: this.#droppedChunks }),
      ...(this.status === 'succeeded' && { result: this.#result }),
      ...(this.#error !== undefined && { error: this.#error }),
    };
    this.#chunks = [];
    this.#droppedChunks = 0;
    return report;
  }
}
