/** One attempt of a tool call that has not answered yet. */
import { tellAborted, type AbortListener } from './cancel-signal.ts';
import type { Clock } from './clock.ts';
import { attemptTimedOut, toldLater } from './execution.ts';
import type { ToolAttempt } from './execution.ts';
import { Cancellable, type RunCancellation } from './run-cancellation.ts';

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

/** Who waits for an attempt. */
export interface AttemptOwner {
  /** Called once, when the attempt was left to end later. */
  attemptEnded(outcome: unknown): void;
}

/**
 * Settles once, with whichever comes first: the answer, the deadline, the end of the whole execution. A later answer
 * is dropped. One object for all of it: every call of every tool makes one, and promises, closures and an abort
 * controller in its place cost more than the rest of a call.
 */
export class PendingAttempt extends Cancellable implements ToolAttempt {
  aborted = false;
  reason: unknown = undefined;
  /** Let go of when it has been told. */
  #owner: AttemptOwner | undefined;
  readonly #run: RunCancellation;
  readonly #clock: Clock;
  #timer: unknown = undefined;
  #isSettled = false;
  /** Whether the owner is told; before that the outcome is kept for `wait`. */
  #isLeft = false;
  #outcome: unknown = undefined;
  #listeners: AbortListener[] | undefined = undefined;

  constructor(owner: AttemptOwner, run: RunCancellation, clock: Clock) {
    super();
    this.#owner = owner;
    this.#run = run;
    this.#clock = clock;
  }

  /** Starts the deadline. */
  limit(timeoutMs: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#giveUp(new Failure(`action timed out after ${timeoutMs}ms`), attemptTimedOut);
    }, timeoutMs);
  }

  follow(answer: PromiseLike<unknown>): void {
    answer.then(
      (output) => {
        this.answered(output);
      },
      (error: unknown) => {
        this.failed(error);
      },
    );
  }

  answered(output: unknown): void {
    this.settle(toOutput(output));
  }

  failed(error: unknown): void {
    this.settle(toFailure(error));
  }

  settle(outcome: unknown): void {
    if (this.#isSettled) return;
    this.#close();
    this.#tell(outcome);
  }

  #close(): void {
    this.#isSettled = true;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    if (this.#isLeft) this.#run.delete(this);
  }

  #tell(outcome: unknown): void {
    const owner = this.#owner;
    this.#owner = undefined;
    if (this.#isLeft) owner?.attemptEnded(outcome);
    else this.#outcome = outcome;
  }

  /** The outcome if there is one by now, else `toldLater`: then the owner is told. */
  wait(): unknown {
    if (this.#run.isCancelled) this.cancel(this.#run.reason);
    if (this.#isSettled) return this.#outcome;
    this.#isLeft = true;
    this.#run.add(this);
    return toldLater;
  }

  override cancel(reason: unknown): void {
    this.#giveUp(toCancelled(this.#run), reason);
  }

  /** Closed before its listeners hear of it, so that a dispatcher that fails on abort does not name the cause instead of
   *  us; and the tool is told to stop before the plan goes on. */
  #giveUp(failure: Failure, reason: unknown): void {
    if (this.#isSettled) return;
    this.#close();
    this.aborted = true;
    this.reason = reason;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) tellAborted(listener);
    this.#tell(failure);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: AbortListener): void {
    if (this.#listeners === undefined) this.#listeners = [listener];
    else this.#listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: AbortListener): void {
    const listeners = this.#listeners;
    if (listeners === undefined) return;
    // Most are the only one, and cutting out of a list makes another list.
    if (listeners.at(-1) === listener) listeners.pop();
    else if (listeners.includes(listener)) listeners.splice(listeners.indexOf(listener), 1);
  }
}
