/** Running an action: one attempt, or several with growing pauses between them (Attempts, retries, failure). */
import { assertionFailure } from './action-effects.ts';
import { Failure, PendingAttempt, toCancelled, toFailure, toOutput } from './attempt.ts';
import { noDetachedInvocation } from './execution.ts';
import { isRefusal, within, type Reservation } from './meter.ts';
import type { ToolCall } from './execution.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action } from './proposal.ts';
import type { RunContext } from './run-context.ts';

const FIRST_PAUSE_MS = 100;

/** The output or a `Failure`; a promise only when something has to be waited for. */
export function runAttempts(action: Action, held: Reservation | undefined, run: RunContext): unknown {
  const outcome = tryMetered(action, 1, held, run);
  if (action.failure_behavior !== 'retry' || action.max_retries < 1) return outcome;
  if (outcome instanceof Promise) return outcome.then((first: unknown) => retryIfFailed(action, first, run));
  return retryIfFailed(action, outcome, run);
}

function retryIfFailed(action: Action, outcome: unknown, run: RunContext): unknown {
  return outcome instanceof Failure && !outcome.isFinal ? retry(action, outcome, run) : outcome;
}

async function retry(action: Action, first: Failure, run: RunContext): Promise<unknown> {
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
    outcome = await tryMetered(held === undefined ? action : within(action, held), n + 1, held, run);
  }
  return outcome;
}

function pause(delayMs: number, { clock, cancellation }: RunContext): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiting = {
    cancel: (): void => {
      clock.clearTimeout(timer);
      cancellation.delete(waiting);
      resolve();
    },
  };
  const timer = clock.setTimeout(waiting.cancel, delayMs);
  cancellation.add(waiting);
  return promise;
}

/** Ends the reservation with what became of the attempt. */
function tryMetered(action: Action, attempt: number, held: Reservation | undefined, run: RunContext): unknown {
  if (held === undefined) return tryOnce(action, attempt, run);
  const sentBefore = run.cost.tool_calls;
  const outcome = tryOnce(action, attempt, run);
  // Counted in the same synchronous block, so nobody else's call is mistaken for this one.
  if (run.cost.tool_calls === sentBefore) held.release();
  else if (outcome instanceof Promise) return outcome.then((settled: unknown) => ended(held, settled));
  else ended(held, outcome);
  return outcome;
}

function ended(held: Reservation, outcome: unknown): unknown {
  if (outcome instanceof Failure) held.fail();
  else held.commit(outcome);
  return outcome;
}

function tryOnce(action: Action, attempt: number, run: RunContext): unknown {
  if (action.type === 'tool_call') return callTool(action, attempt, run);
  if (action.type === 'state_read') return run.state.get(stateKeyOf(action) ?? '');
  if (action.type === 'assertion') {
    const failure = assertionFailure(action, run.state);
    return failure === null || new Failure(failure);
  }
  // Of a state_write, the write itself is part of the commit, with the declared effects.
  return null;
}

function callTool(action: Action, attempt: number, run: RunContext): unknown {
  const tool = action.tool ?? '';
  const mode = action.invocation_mode;
  if (mode !== 'one_shot' && run.env.canDetach?.(tool) !== true) {
    return new Failure(noDetachedInvocation(tool), true);
  }
  if (run.cancellation.isCancelled) return toCancelled(run.cancellation);
  run.cost.tool_calls += 1;
  const oneShot = toCall(action, tool, attempt, run.sessionId);
  const call = mode === 'one_shot' ? oneShot : { ...oneShot, mode };
  if (action.timeout_ms !== undefined) return callWithin(action.timeout_ms, call, run);
  let answer: unknown;
  try {
    answer = run.env.dispatch(call, run.cancellation.signal);
  } catch (error) {
    return toFailure(error);
  }
  if (!isPromiseLike(answer)) return toOutput(answer);
  // Nothing can end the wait but the answer: no need for an object that watches over it.
  if (!run.isCancellable) return Promise.resolve(answer).then(toOutput, toFailure);
  const pending = new PendingAttempt(run.cancellation, run.clock);
  pending.follow(answer);
  if (run.cancellation.isCancelled) pending.cancel(run.cancellation.signal.reason);
  return pending.outcome;
}

function callWithin(timeoutMs: number, call: ToolCall, run: RunContext): unknown {
  const pending = new PendingAttempt(run.cancellation, run.clock);
  try {
    const answer = run.env.dispatch(call, pending.limit(timeoutMs));
    if (isPromiseLike(answer)) pending.follow(answer);
    else pending.settle(toOutput(answer));
  } catch (error) {
    pending.settle(toFailure(error));
  }
  if (run.cancellation.isCancelled) pending.cancel(run.cancellation.signal.reason);
  return pending.outcome;
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
