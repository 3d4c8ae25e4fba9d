// A run from its first record to its last, whatever happens to the connection: what is stored is read in pages, then the
// live end is joined; when that is lost, the same again from where it was.
import { rpcCode } from '@car-runtime/rpc';
import type { ClientCore } from './client-core.ts';
import { CarError, ClientClosedError, ConnectionLostError, NotConnectedError } from './errors.ts';
import type { RunFeeds } from './run-feeds.ts';
import type { RunTail, WatchedRecord } from './run-tail.ts';
import type { MethodResult } from './typed-calls.ts';

export interface WatchOptions {
  /** Cursor of the last record that was seen; 0 for `started`. Without it the run is watched from its start. */
  after?: number | undefined;
  /** Ends the watch. */
  signal?: AbortSignal | undefined;
}

/** How soon it is tried again when the daemon or the client has no room for the question, in ms. */
const retryMs = 50;

/** The records of one run, each once and in order. Ends after the run's end, when disposed, when its signal aborts and
 *  when the client closes; throws what the daemon refuses, and what ended the client when nobody asked for that. */
export class RunWatch implements AsyncIterableIterator<WatchedRecord>, AsyncDisposable {
  readonly runId: string;
  readonly #core: ClientCore;
  readonly #feeds: RunFeeds;
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #records: AsyncGenerator<WatchedRecord, undefined>;
  #tail: RunTail | undefined;
  /** Records seen, `started` counted: the offset to read on from. */
  #seen: number;
  #cursor: number | undefined;

  /** Only for the client. */
  constructor(core: ClientCore, feeds: RunFeeds, runId: string, { after, signal }: WatchOptions) {
    this.#core = core;
    this.#feeds = feeds;
    this.runId = runId;
    this.#cursor = after;
    this.#seen = after === undefined ? 0 : after + 1;
    this.#signal = signal;
    this.#records = this.#follow();
    signal?.addEventListener('abort', this.#stop, { once: true });
    if (signal?.aborted) this.#stop();
  }

  /** Of the last record read, for `after` of another watch; nothing before the first. */
  get cursor(): number | undefined {
    return this.#cursor;
  }

  async next(): Promise<IteratorResult<WatchedRecord, undefined>> {
    const result = await this.#records.next();
    if (result.done) this.#stop();
    else this.#cursor = result.value.cursor;
    return result;
  }

  /** Unsubscribes. Records that were not read are dropped. */
  async return(): Promise<IteratorResult<WatchedRecord, undefined>> {
    this.#stop();
    return await this.#records.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  readonly #stop = (): void => {
    this.#signal?.removeEventListener('abort', this.#stop);
    this.#stopping.abort(stopped);
    this.#tail?.[Symbol.dispose]();
  };

  async *#follow(): AsyncGenerator<WatchedRecord, undefined> {
    let isEndMissing = false;
    while (!this.#stopping.signal.aborted) {
      try {
        if (yield* this.#readStored()) return;
        using tail = await this.#feeds.join(this.runId, Math.max(0, this.#seen - 1), this.#stopping.signal);
        this.#tail = tail;
        if (yield* this.#readLive(tail)) return;
        // What came while the subscription was asked for may be stored by now; but not for ever.
        if (tail.isEndMissing && isEndMissing) throw new Error(endMissingText(this.runId));
        isEndMissing = tail.isEndMissing;
        if (!tail.isReset) continue;
        this.#seen = 0;
        yield { kind: 'reset', cursor: 0 };
      } catch (error) {
        if (this.#stopping.signal.aborted || isQuietEnd(error)) return;
        await sleep(retryDelayMs(error), this.#stopping.signal);
      }
    }
  }

  /** Yields what the daemon has stored; true after the run's end. One answer is held at a time. */
  async *#readStored(): AsyncGenerator<WatchedRecord, boolean> {
    for (;;) {
      const answer = (await this.#core.call(
        'runs.get_trace',
        { run_id: this.runId, cursor: this.#seen },
        { signal: this.#stopping.signal, whenDisconnected: 'wait', timeoutMs: Infinity },
      )) as MethodResult<'runs.get_trace'>;
      if ('not_found' in answer) return false; // not stored, or not a run: the subscription knows
      for (const record of answer.records) {
        const cursor = record.record === 'turn' ? record.index + 1 : Math.max(0, this.#seen - 1);
        if (record.record === 'turn' && cursor !== this.#seen) return false;
        this.#seen++;
        yield { kind: record.record, cursor, record } as WatchedRecord;
        if (this.#stopping.signal.aborted || record.record === 'ended') return true;
      }
      if (answer.next_cursor === undefined) return false;
    }
  }

  /** Yields what comes; true after the run's end, or false when something was missed. */
  async *#readLive(tail: RunTail): AsyncGenerator<WatchedRecord, boolean> {
    while (!this.#stopping.signal.aborted) {
      const record = await tail.next();
      if (!record) return this.#stopping.signal.aborted;
      this.#seen = record.cursor + 1;
      yield record;
      if (record.kind === 'ended') return true;
    }
    return true;
  }
}

/** Made once, as a reason costs a stack. */
const stopped = new Error('the watch has ended');

function endMissingText(runId: string): string {
  return `Cannot watch run ${JSON.stringify(runId)} to its end: it has ended, and the daemon cannot read its records`;
}

/** The client was closed by its owner. */
function isQuietEnd(error: unknown): boolean {
  return error instanceof ClientClosedError && error.cause === undefined;
}

/** How long to wait before it is tried again. Throws what trying again does not cure. */
function retryDelayMs(error: unknown): number {
  if (error instanceof ConnectionLostError) return 0;
  if (error instanceof NotConnectedError) return retryMs;
  if (error instanceof CarError && error.reason === 'shutting_down') return retryMs;
  if (error instanceof CarError && error.code === rpcCode.overloaded) {
    const { retry_after_ms: delayMs } = (error.data ?? {}) as { retry_after_ms?: unknown };
    if (typeof delayMs === 'number') return delayMs;
  }
  throw error;
}

function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const timer = setTimeout(resolve, delayMs);
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
}
