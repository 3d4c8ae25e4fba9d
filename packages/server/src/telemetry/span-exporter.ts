// Spans on their way to a collector. Whatever becomes of it, the daemon goes on as if there were none: the queue is bounded,
// one request is under way at a time, and what finds no room or no taker is counted and forgotten.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger, Span, SpanSink } from '@car-runtime/core';
import { createEncoding, type SpanEncoding } from './encoding.ts';
import { postSpans, type PostOutcome } from './post.ts';
import type { TelemetrySettings } from './settings.ts';

/** Of what waits, whatever the number of spans. */
const maxQueuedBytes = 16 * 1024 * 1024;
/** Of one request; collectors refuse large ones. A single span may be larger. */
const maxBatchBytes = 2 * 1024 * 1024;
const maxAttempts = 5;
/** Before the second attempt; it doubles. */
const firstBackoffMs = 1_000;
/** How long the end of the daemon waits for what is left. */
const flushMs = 2_000;

export interface SpanCounts {
  exported: number;
  /** No room in the queue. */
  queueFull: number;
  /** The collector took the request, but not these. */
  rejected: number;
  /** The collector could not be reached, or refused. */
  failed: number;
}

export class SpanExporter implements SpanSink, AsyncDisposable {
  readonly hasContent: boolean;
  readonly counts: SpanCounts = { exported: 0, queueFull: 0, rejected: 0, failed: 0 };
  readonly #settings: TelemetrySettings;
  readonly #logger: Logger;
  readonly #encoding: SpanEncoding;
  readonly #flushMs: number;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isFailing = false;
  /** No more attempts, only the ones that are under way. */
  readonly #closing = new AbortController();
  /** Not even those. */
  readonly #closed = new AbortController();

  constructor(settings: TelemetrySettings, logger: Logger, options: { flushMs?: number } = {}) {
    this.#settings = settings;
    this.#logger = logger;
    this.#flushMs = options.flushMs ?? flushMs;
    this.hasContent = settings.hasContent;
    this.#encoding = createEncoding(settings.protocol, settings.resource);
  }

  add(span: Span): void {
    const { maxQueuedSpans, maxBatchSpans, delayMs } = this.#settings;
    if (this.#queue.length >= maxQueuedSpans || this.#queuedBytes >= maxQueuedBytes || this.#closed.signal.aborted) {
      this.counts.queueFull++;
      return;
    }
    const bytes = this.#encoding.encodeSpan(span);
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queue.length >= maxBatchSpans) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), delayMs).unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closed.signal.aborted) await this.#send(this.#takeBatch());
  }

  #takeBatch(): Buffer[] {
    let bytes = 0;
    let count = 0;
    for (const span of this.#queue.slice(0, this.#settings.maxBatchSpans)) {
      bytes += span.length;
      if (count > 0 && bytes > maxBatchBytes) break;
      count++;
    }
    const batch = this.#queue.splice(0, count);
    for (const span of batch) this.#queuedBytes -= span.length;
    return batch;
  }

  async #send(batch: readonly Buffer[]): Promise<void> {
    const { exportTimeoutMs } = this.#settings;
    const body = this.#encoding.encodeBatch(batch);
    const expired = AbortSignal.timeout(exportTimeoutMs);
    const stop = AbortSignal.any([expired, this.#closed.signal]);
    for (let attempt = 1; ; attempt++) {
      const outcome = await postSpans(this.#settings, this.#encoding.contentType, body, stop);
      if (outcome.isTaken) {
        this.#onTaken(batch.length, outcome.rejected);
        return;
      }
      const mayRetry = outcome.canRetry && attempt < maxAttempts && !stop.aborted && !this.#closing.signal.aborted;
      if (!mayRetry || !(await this.#waitBefore(attempt, outcome, stop))) {
        this.#onFailed(batch.length, outcome.why);
        return;
      }
    }
  }

  /** Answers whether there is time for another attempt. Jittered, so that many daemons do not come back together. */
  async #waitBefore(attempt: number, { retryAfterMs }: PostOutcome & { isTaken: false }, stop: AbortSignal) {
    const backoffMs = firstBackoffMs * 2 ** (attempt - 1) * (0.8 + Math.random() * 0.4);
    try {
      const signal = AbortSignal.any([stop, this.#closing.signal]);
      await delay(Math.max(backoffMs, retryAfterMs ?? 0), undefined, { signal, ref: false });
    } catch {
      // One last attempt when the daemon ends; none when the time of the batch is over.
    }
    return !stop.aborted;
  }

  #onTaken(spans: number, rejected: number): void {
    const lost = Math.min(spans, rejected);
    this.counts.exported += spans - lost;
    this.counts.rejected += lost;
    if (lost > 0) this.#logger.warn({ spans: lost }, 'spans rejected by the collector');
    if (this.#isFailing) this.#logger.info({}, 'spans are exported again');
    this.#isFailing = false;
  }

  /** Said once until it works again. */
  #onFailed(spans: number, why: string): void {
    this.counts.failed += spans;
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#logger.warn(
      { collector: `${this.#settings.url.origin}${this.#settings.url.pathname}`, why },
      'spans not exported',
    );
  }

  /** Sends what is left, for a moment at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    const timer = setTimeout(() => this.#closed.abort(), this.#flushMs);
    await this.#sending;
    await this.#sendAll();
    clearTimeout(timer);
    this.#closed.abort();
    this.counts.failed += this.#queue.length;
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}
