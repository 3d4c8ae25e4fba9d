/** One attempt of a tool call that has not answered yet. */
import type { Clock } from './clock.ts';
import { attemptTimedOut } from './execution.ts';
import type { RunCancellation } from './run-cancellation.ts';

/** How an attempt ended badly. Everything else an attempt yields is the output. */
export class Failure {
  readonly message: string;
  /** Whether another attempt could go differently. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal = false) {
    this.message = message;
    this.isFinal = isFinal;
  }
}

export function toFailure(error: unknown): Failure {
  return new Failure(error instanceof Error ? error.message : String(error));
}

export function toCancelled(run: RunCancellation): Failure {
  return new Failure(`action cancelled: ${run.cause}`, true);
}

/** JSON has no undefined: a tool that answers nothing answers null. */
export function toOutput(answer: unknown): unknown {
  return answer ?? null;
}

/**
 * Settles once, with whichever comes first: the answer, the deadline, the end of the whole execution. A later answer
 * is dropped.
 */
export class PendingAttempt {
  readonly outcome: Promise<unknown>;
  readonly #resolve: (outcome: unknown) => void;
  readonly #run: RunCancellation;
  readonly #clock: Clock;
  #controller: AbortController | undefined;
  #timer: unknown;
  #isSettled = false;

  constructor(run: RunCancellation, clock: Clock) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.outcome = promise;
    this.#resolve = resolve;
    this.#run = run;
    this.#clock = clock;
    run.add(this);
  }

  /** Starts the deadline and answers the signal that tells the dispatcher about it. */
  limit(timeoutMs: number): AbortSignal {
    this.#controller = new AbortController();
    this.#timer = this.#clock.setTimeout(() => {
      this.#giveUp(new Failure(`action timed out after ${timeoutMs}ms`), attemptTimedOut);
    }, timeoutMs);
    return this.#controller.signal;
  }

  follow(answer: PromiseLike<unknown>): void {
    answer.then(
      (output) => {
        this.settle(toOutput(output));
      },
      (error: unknown) => {
        this.settle(toFailure(error));
      },
    );
  }

  settle(outcome: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#run.delete(this);
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#resolve(outcome);
  }

  cancel(reason: unknown): void {
    this.#giveUp(toCancelled(this.#run), reason);
  }

  /** Settles before aborting, so that a dispatcher that rejects on abort does not name the cause instead of us. */
  #giveUp(failure: Failure, reason: unknown): void {
    if (this.#isSettled) return;
    this.settle(failure);
    this.#controller?.abort(reason);
  }
}
