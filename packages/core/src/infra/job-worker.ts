// A worker thread that does one job after another, for what would hold up the event loop. It is started by the first job,
// ended when it has been idle, and replaced when a job does not come back.
import { Worker, type ResourceLimits } from 'node:worker_threads';

/** A job was refused or went wrong in a way that its caller can be told. */
export class JobError extends Error {
  override readonly name = 'JobError';
}

/** What the thread is sent. `stop` holds one Int32 that becomes 1 when nobody waits any more. */
export interface JobMessage {
  readonly id: number;
  readonly job: unknown;
  readonly stop: SharedArrayBuffer;
}

/** What it answers: a value, a problem the caller is told, or a fault of ours. */
export type JobAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly problem: string }
  | { readonly id: number; readonly fault: string };

export interface JobWorkerOptions {
  /** The module of the thread: it takes `JobMessage`s and answers each with a `JobAnswer`. */
  readonly module: URL;
  readonly name: string;
  /** Time a job may take in the thread, in ms; then the thread is ended. */
  readonly limitMs: number;
  /** Jobs that may wait. One more is refused. */
  readonly maxWaiting: number;
  /** Time without a job after which the thread is ended, in ms. Default 30 000. */
  readonly idleMs?: number;
  readonly resourceLimits?: ResourceLimits;
}

interface Pending {
  readonly id: number;
  readonly job: unknown;
  readonly stop: SharedArrayBuffer;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const defaultIdleMs = 30_000;

export class JobWorker implements AsyncDisposable {
  readonly #options: JobWorkerOptions;
  readonly #waiting: Pending[] = [];
  #running: Pending | undefined;
  #thread: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(options: JobWorkerOptions) {
    this.#options = options;
  }

  /** Jobs that wait or run. */
  get load(): number {
    return this.#waiting.length + (this.#running ? 1 : 0);
  }

  get isStarted(): boolean {
    return this.#thread !== undefined;
  }

  /** Does a job after those before it. Aborting takes a waiting job away and asks a running one to stop. */
  run(job: unknown, signal?: AbortSignal): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new JobError('the daemon is shutting down'));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const { maxWaiting } = this.#options;
    if (this.#waiting.length >= maxWaiting)
      return Promise.reject(new JobError(`${maxWaiting} others wait for the same; try again later`));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const pending = { id: ++this.#lastId, job, stop: new SharedArrayBuffer(4), resolve, reject };
    this.#waiting.push(pending);
    this.#next();
    if (!signal) return promise;
    const abort = (): void => this.#abandon(pending, signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  #next(): void {
    if (this.#running) return;
    const pending = this.#waiting.shift();
    clearTimeout(this.#timer);
    if (!pending) {
      this.#timer = setTimeout(() => void this.#end(), this.#options.idleMs ?? defaultIdleMs).unref();
      this.#thread?.unref();
      return;
    }
    this.#running = pending;
    try {
      this.#thread ??= this.#start();
      this.#thread.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      this.#thread.postMessage({ id: pending.id, job: pending.job, stop: pending.stop } satisfies JobMessage);
    } catch (error) {
      this.#settle((each) => each.reject(error));
      return;
    }
    const { limitMs } = this.#options;
    this.#timer = setTimeout(() => this.#replace(new JobError(`it took longer than ${limitMs / 1_000} s`)), limitMs);
  }

  #start(): Worker {
    const { module, name, resourceLimits = {} } = this.#options;
    // Nothing of the environment or the command line is of use to it.
    const thread = new Worker(module, { name, env: {}, execArgv: [], resourceLimits });
    thread.on('message', (answer: JobAnswer) => this.#answer(thread, answer));
    thread.on('error', (error) => this.#lose(thread, error));
    thread.on('exit', (code) => this.#lose(thread, new Error(`Worker thread ${name} ended (${code})`)));
    return thread;
  }

  #answer(thread: Worker, answer: JobAnswer): void {
    if (thread !== this.#thread || answer.id !== this.#running?.id) return;
    this.#settle((pending) => {
      if ('value' in answer) pending.resolve(answer.value);
      else pending.reject('problem' in answer ? new JobError(answer.problem) : new Error(answer.fault));
    });
  }

  /** The thread ended by itself: the job it had is lost, those that wait are not. */
  #lose(thread: Worker, error: unknown): void {
    if (thread !== this.#thread) return;
    this.#thread = undefined;
    if (this.#running) this.#settle((pending) => pending.reject(error));
  }

  #replace(error: Error): void {
    void this.#end();
    this.#settle((pending) => pending.reject(error));
  }

  #settle(tell: (pending: Pending) => void): void {
    const pending = this.#running as Pending;
    this.#running = undefined;
    tell(pending);
    this.#next();
  }

  /** The job's caller no longer waits. A running one keeps its place until the thread answers: it may be half done. */
  #abandon(pending: Pending, reason: unknown): void {
    const index = this.#waiting.indexOf(pending);
    if (index >= 0) this.#waiting.splice(index, 1);
    else Atomics.store(new Int32Array(pending.stop), 0, 1);
    pending.reject(reason);
  }

  async #end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const error = new JobError('the daemon is shutting down');
    for (const pending of this.#waiting.splice(0)) pending.reject(error);
    this.#running?.reject(error);
    this.#running = undefined;
    await this.#end();
  }
}
