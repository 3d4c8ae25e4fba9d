/** Ends what an execution is waiting for when the execution as a whole is cancelled. */
import type { CancelSignal } from './cancel-signal.ts';

/** Something waited for. It is a link of the list of those: every attempt of every action comes and goes here. */
export abstract class Cancellable {
  previous: Cancellable | undefined = undefined;
  next: Cancellable | undefined = undefined;

  abstract cancel(reason: unknown): void;
}

/**
 * However many attempts are under way, the caller's signal gets one listener, and none unless something is waited for.
 */
export class RunCancellation implements Disposable {
  readonly #source: CancelSignal | undefined;
  #first: Cancellable | undefined = undefined;
  #last: Cancellable | undefined = undefined;
  #isListening = false;

  constructor(source: CancelSignal | undefined) {
    this.#source = source;
  }

  get isCancelled(): boolean {
    return this.#source?.aborted ?? false;
  }

  get reason(): unknown {
    return this.#source?.reason;
  }

  /** Readable cause, for the errors of the actions concerned. */
  get cause(): string {
    const reason: unknown = this.#source?.reason;
    return reason instanceof Error ? reason.message : String(reason);
  }

  add(waiting: Cancellable): void {
    if (this.#source === undefined) return;
    if (!this.#isListening) {
      this.#isListening = true;
      this.#source.addEventListener('abort', this);
    }
    waiting.previous = this.#last;
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
  }

  /** One that was not added, or was deleted before, is none of the list. */
  delete(waiting: Cancellable): void {
    const { previous, next } = waiting;
    if (previous !== undefined) previous.next = next;
    else if (this.#first === waiting) this.#first = next;
    else return;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiting.previous = waiting.next = undefined;
  }

  [Symbol.dispose](): void {
    if (this.#isListening) this.#source?.removeEventListener('abort', this);
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    const all: Cancellable[] = [];
    for (let each = this.#first; each !== undefined; each = each.next) all.push(each);
    for (const waiting of all) waiting.cancel(this.#source?.reason);
  }
}
