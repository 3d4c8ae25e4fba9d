/** Ends what an execution is waiting for when the execution as a whole is cancelled. */
import type { CancelSignal } from './cancel-signal.ts';

export interface Cancellable {
  cancel(reason: unknown): void;
}

/**
 * However many attempts are under way, the caller's signal gets one listener, and none unless something is waited for.
 */
export class RunCancellation implements Disposable {
  readonly #source: CancelSignal | undefined;
  readonly #waiting = new Set<Cancellable>();
  #neverAborts: CancelSignal | undefined;
  #isListening = false;

  constructor(source: CancelSignal | undefined) {
    this.#source = source;
  }

  get isCancelled(): boolean {
    return this.#source?.aborted ?? false;
  }

  /** Readable cause, for the errors of the actions concerned. */
  get cause(): string {
    const reason: unknown = this.#source?.reason;
    return reason instanceof Error ? reason.message : String(reason);
  }

  /** For dispatchers whose attempt has no deadline of its own. */
  get signal(): CancelSignal {
    return this.#source ?? (this.#neverAborts ??= new AbortController().signal);
  }

  add(waiting: Cancellable): void {
    if (this.#source === undefined) return;
    if (!this.#isListening) {
      this.#isListening = true;
      this.#source.addEventListener('abort', this.#onAbort);
    }
    this.#waiting.add(waiting);
  }

  delete(waiting: Cancellable): void {
    this.#waiting.delete(waiting);
  }

  [Symbol.dispose](): void {
    if (this.#isListening) this.#source?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    for (const waiting of [...this.#waiting]) waiting.cancel(this.#source?.reason);
  };
}
