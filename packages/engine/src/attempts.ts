/** Running an action: one attempt, or several with growing pauses between them (Attempts, retries, failure). */
import { assertionFailure } from './action-effects.ts';
import { Failure, PendingAttempt, toCancelled, type AttemptOwner } from './attempt.ts';
import { noDetachedInvocation, toldLater } from './execution.ts';
import { isRefusal, within, type Reservation } from './meter.ts';
import type { ToolCall } from './execution.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action } from './proposal.ts';
import { Cancellable } from './run-cancellation.ts';
import type { RunContext } from './run-context.ts';

const FIRST_PAUSE_MS = 100;

/** Whether a first attempt that ended this way is followed by others. */
export function isRetried({ failure_behavior, max_retries }: Action, outcome: unknown): outcome is Failure {
  return failure_behavior === 'retry' && max_retries >= 1 && outcome instanceof Failure && !outcome.isFinal;
}

/** The other attempts, after the first failed. Resolves with the output or a `Failure`. */
export async function retry(action: Action, first: Failure, run: RunContext): Promise<unknown> {
  let outcome: unknown = first;
  for (let n = 1; n <= action.max_retries; n += 1) {
    if (!(outcome instanceof Failure) || outcome.isFinal || run.cancellation.isCancelled) break;
    const delayMs = FIRST_PAUSE_MS * 2 ** (n - 1);
    run.emit('action_retrying', action, { attempt: n + 1, delay_ms: delayMs, error: outcome.message });
    await pause(delayMs, run);
    // Cancelled while waiting: the failure that was to be retried is the result.
    if (run.cancellation.isCancelled) break;
    const held = action.type === 'tool_call' ? run.env.meter?.reserve(action, n + 1, run.account) : undefined;
    if (held !== undefined && isRefusal(held))
      return new Failure(`${outcome.message}; not tried again: ${held.error}`, true);
    run.cost.retries += 1;
    outcome = await tryAgain(held === undefined ? action : within(action, held), n + 1, held, run);
  }
  return outcome;
}

class Pause extends Cancellable {
  readonly #run: RunContext;
  readonly #resolve: () => void;
  #timer: unknown;

  constructor(run: RunContext, resolve: () => void) {
    super();
    this.#run = run;
    this.#resolve = resolve;
  }

  begin(delayMs: number): void {
    this.#timer = this.#run.clock.setTimeout(() => this.cancel(), delayMs);
    this.#run.cancellation.add(this);
  }

  override cancel(): void {
    this.#run.clock.clearTimeout(this.#timer);
    this.#run.cancellation.delete(this);
    this.#resolve();
  }
}

function pause(delayMs: number, run: RunContext): Promise<void> {
  return new Promise((resolve) => {
    new Pause(run, resolve).begin(delayMs);
  });
}

function tryAgain(action: Action, attempt: number, held: Reservation | undefined, run: RunContext): Promise<unknown> {
  return new Promise((resolve) => {
    const attemptEnded = (outcome: unknown): void => {
      if (held !== undefined) ended(held, outcome);
      resolve(outcome);
    };
    const outcome = tryMetered(action, attempt, held, run, { attemptEnded });
    if (outcome !== toldLater) resolve(outcome);
  });
}

/**
 * One attempt: the output or a `Failure`, or `toldLater`, and then its owner is told. Ends the reservation with what became
 * of an attempt that ends at once; of one that ends later the owner does.
 */
export function tryMetered(
  action: Action,
  attempt: number,
  held: Reservation | undefined,
  run: RunContext,
  owner: AttemptOwner,
): unknown {
  if (held === undefined) return tryOnce(action, attempt, run, owner);
  const sentBefore = run.cost.tool_calls;
  const outcome = tryOnce(action, attempt, run, owner);
  // Counted in the same synchronous block, so nobody else's call is mistaken for this one.
  if (run.cost.tool_calls === sentBefore) held.release();
  else if (outcome !== toldLater) ended(held, outcome);
  return outcome;
}

export function ended(held: Reservation, outcome: unknown): void {
  if (outcome instanceof Failure) held.fail();
  else held.commit(outcome);
}

function tryOnce(action: Action, attempt: number, run: RunContext, owner: AttemptOwner): unknown {
  if (action.type === 'tool_call') return callTool(action, attempt, run, owner);
  if (action.type === 'state_read') return run.state.get(stateKeyOf(action) ?? '');
  if (action.type === 'assertion') {
    const failure = assertionFailure(action, run.state);
    return failure === null || new Failure(failure);
  }
  // Of a state_write, the write itself is part of the commit, with the declared effects.
  return null;
}

function callTool(action: Action, attempt: number, run: RunContext, owner: AttemptOwner): unknown {
  const tool = action.tool ?? '';
  const mode = action.invocation_mode;
  if (mode !== 'one_shot' && run.env.canDetach?.(tool) !== true) {
    return new Failure(noDetachedInvocation(tool), true);
  }
  if (run.cancellation.isCancelled) return toCancelled(run.cancellation);
  run.cost.tool_calls += 1;
  const oneShot = toCall(action, tool, attempt, run.sessionId);
  const call = mode === 'one_shot' ? oneShot : { ...oneShot, mode };
  const pending = new PendingAttempt(owner, run.cancellation, run.clock);
  if (action.timeout_ms !== undefined) pending.limit(action.timeout_ms);
  try {
    const answer = run.env.dispatch(call, pending);
    if (isPromiseLike(answer)) pending.follow(answer);
    else if (answer !== toldLater) pending.answered(answer);
  } catch (error) {
    pending.failed(error);
  }
  return pending.wait();
}

/** Absent members are left out, as on the wire; each shape is written out because spreading costs more than the call. */
function toCall(action: Action, tool: string, attempt: number, session_id: string | undefined): ToolCall {
  const { id: action_id, parameters, timeout_ms } = action;
  if (timeout_ms === undefined) {
    return session_id === undefined
      ? { action_id, tool, parameters, attempt }
      : { action_id, tool, parameters, attempt, session_id };
  }
  return session_id === undefined
    ? { action_id, tool, parameters, timeout_ms, attempt }
    : { action_id, tool, parameters, timeout_ms, attempt, session_id };
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  // A tool may well answer an object with a member called "then"; only a function makes it a promise.
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
