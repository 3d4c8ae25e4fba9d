// Closed loops of load: so many requests are under way on each connection, and each answer sends the next one.
import { AnswerTemplate, byte, idOffset, maskedFrame } from './client-frames.ts';
import type { LoadConnection } from './load-connection.ts';

/** Every so many answers one is parsed and compared as a whole; of the others only the beginning is read. */
const sampleEvery = 1_024;
const maxAnswerFrameBytes = 256;

/** One kind of request: how it reads, and what is wrong with an answer's result, if anything. */
export interface LoopRequest {
  method: string;
  params: unknown;
  checkResult(result: unknown): string | undefined;
}

export interface LoopOptions {
  connection: LoadConnection;
  /** Requests under way at a time; slot `n` repeats `requests[n % requests.length]`. */
  depth: number;
  requests: readonly LoopRequest[];
  /** Output of every tool the server calls back. */
  toolOutput?: unknown;
  onFailure(error: Error): void;
}

export class Loop {
  completed = 0;
  readonly #connection: LoadConnection;
  readonly #requests: readonly LoopRequest[];
  readonly #frames: Buffer[];
  readonly #toolAnswer: AnswerTemplate;
  /** Round trip of each answer in ms, when there is one request at a time. */
  latencies: number[] = [];
  #sentAt = 0;
  #underWay = 0;
  #untilSample = sampleEvery;
  #isStopping = false;
  #stopped: (() => void) | undefined;

  constructor({ connection, depth, requests, toolOutput = null, onFailure }: LoopOptions) {
    this.#connection = connection;
    this.#requests = requests;
    this.#frames = Array.from({ length: depth }, (_, slot) => {
      const { method, params } = this.#requestOf(slot);
      return maskedFrame(JSON.stringify({ jsonrpc: '2.0', id: slot, method, params }));
    });
    this.#toolAnswer = new AnswerTemplate('{"jsonrpc":"2.0","id":', `,"result":${JSON.stringify(toolOutput)}}`);
    connection.drive((bytes, start, end) => this.#onFrame(bytes, start, end), onFailure);
  }

  start(): void {
    this.#isStopping = false;
    this.#underWay = this.#frames.length;
    for (const frame of this.#frames) this.#send(frame);
  }

  /** Forgets the round trips so far. */
  reset(): void {
    this.latencies = [];
  }

  /** Resolves when everything under way is answered. */
  stop(): Promise<void> {
    this.#isStopping = true;
    return new Promise((resolve) => {
      this.#stopped = resolve;
      if (this.#underWay === 0) resolve();
    });
  }

  #requestOf(slot: number): LoopRequest {
    return this.#requests[slot % this.#requests.length] as LoopRequest;
  }

  #send(frame: Buffer): void {
    this.#connection.send(frame);
    if (this.#frames.length > 1) return;
    this.#connection.flush();
    this.#sentAt = performance.now();
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    let at = start + idOffset;
    if (bytes[at] === byte.quote) {
      this.#answerCallback(bytes, at);
      return;
    }
    if (this.#frames.length === 1) this.latencies.push(performance.now() - this.#sentAt);
    let slot = 0;
    for (let digit = bytes[at] as number; digit >= byte.zero && digit <= byte.nine; digit = bytes[++at] as number) {
      slot = slot * 10 + digit - byte.zero;
    }
    if (bytes[at] !== byte.comma || bytes[at + 2] !== byte.result || slot >= this.#frames.length) {
      throw new Error(`Unexpected answer: ${bytes.toString('utf8', start, end)}`);
    }
    if (--this.#untilSample === 0) {
      this.#untilSample = sampleEvery;
      this.#check(slot, bytes.toString('utf8', start, end));
    }
    this.completed++;
    if (!this.#isStopping) this.#send(this.#frames[slot] as Buffer);
    else if (--this.#underWay === 0) this.#stopped?.();
  }

  #check(slot: number, text: string): void {
    const { result } = JSON.parse(text) as { result: unknown };
    const problem = this.#requestOf(slot).checkResult(result);
    if (problem !== undefined) throw new Error(`Wrong answer: ${problem}: ${text}`);
  }

  #answerCallback(bytes: Buffer, idStart: number): void {
    const idEnd = bytes.indexOf(byte.quote, idStart + 1) + 1;
    const { buffer, offset } = this.#connection.reserve(maxAnswerFrameBytes);
    this.#connection.commit(this.#toolAnswer.write(buffer, offset, bytes, idStart, idEnd));
  }
}
