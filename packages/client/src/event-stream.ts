// Events as an async iterator: what arrives while the reader is busy waits in a bounded buffer, and what did not fit is
// counted, never silently lost.

/** How much a stream keeps, and when it ends. */
export interface EventStreamOptions {
  /** Events kept for a reader that is behind; then the oldest are dropped. Default 256. */
  bufferSize?: number;
  /** Ends the stream. */
  signal?: AbortSignal;
}

const defaultBufferSize = 256;

/** Ends when it is disposed, when its signal aborts and when the client closes. Subscribed from the moment it is made. */
export class EventStream<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #bufferSize: number;
  readonly #onEnd: (stream: EventStream<T>) => void;
  readonly #signal: AbortSignal | undefined;
  #buffer: T[] = [];
  /** Readers that wait, oldest first; only while the buffer is empty. */
  #readers: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];
  #dropped = 0;
  #isEnded = false;
  #failure: Error | undefined;

  constructor(options: EventStreamOptions, onEnd: (stream: EventStream<T>) => void) {
    this.#bufferSize = Math.max(1, options.bufferSize ?? defaultBufferSize);
    this.#onEnd = onEnd;
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#end, { once: true });
    if (this.#signal?.aborted) this.#end();
  }

  /** Events dropped so far because the reader was behind. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Events that wait for the reader. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /** Only for whoever made the stream. */
  push(event: T): void {
    if (this.#isEnded) return;
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ value: event, done: false });
      return;
    }
    this.#buffer.push(event);
    if (this.#buffer.length <= this.#bufferSize) return;
    this.#buffer.shift();
    this.#dropped++;
  }

  /** Only for whoever made the stream. What is buffered is still read; then the stream ends, or throws `failure`. */
  end(failure?: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#signal?.removeEventListener('abort', this.#end);
    const [first, ...others] = this.#readers;
    this.#readers = [];
    if (first && failure) first.reject(failure);
    else {
      first?.resolve({ value: undefined, done: true });
      this.#failure = failure;
    }
    for (const reader of others) reader.resolve({ value: undefined, done: true });
    this.#onEnd(this);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#buffer.length > 0) return Promise.resolve({ value: this.#buffer.shift() as T, done: false });
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true });
    const reader = Promise.withResolvers<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  /** Unsubscribes; what is buffered is dropped. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#buffer = [];
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  readonly #end = (): void => this.end();
}

/** The streams of a client, by event name. */
export class EventHub {
  readonly #streams = new Map<string, Set<EventStream<unknown>>>();
  readonly #listeners = new Map<string, (event: unknown) => void>();
  #isEnded = false;

  open(name: string, options: EventStreamOptions): EventStream<unknown> {
    const streams = this.#streams.get(name) ?? new Set();
    this.#streams.set(name, streams);
    const stream = new EventStream<unknown>(options, (ended) => {
      streams.delete(ended);
      if (streams.size === 0 && this.#streams.get(name) === streams) this.#streams.delete(name);
    });
    if (this.#isEnded) stream.end();
    else if (!options.signal?.aborted) streams.add(stream);
    return stream;
  }

  /** The client's own listener to an event, called as it arrives. It must not throw. */
  listen(name: string, listener: (event: unknown) => void): void {
    this.#listeners.set(name, listener);
  }

  deliver(name: string, event: unknown): void {
    this.#listeners.get(name)?.(event);
    for (const stream of this.#streams.get(name) ?? []) stream.push(event);
  }

  endAll(failure?: Error): void {
    this.#isEnded = true;
    for (const streams of [...this.#streams.values()]) for (const stream of [...streams]) stream.end(failure);
  }
}
