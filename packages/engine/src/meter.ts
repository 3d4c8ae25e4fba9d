/** What calls of tools may use, and what they used. */
import type { JsonObject } from './json-value.ts';
import type { Action } from './proposal.ts';

/** Room set aside for one attempt at a call. Ended once, with what became of it. */
export interface Reservation {
  /** The longest the attempt may take, where that is less than the action says. */
  readonly timeoutMs: number | undefined;
  /** It answered. */
  commit(output: unknown): void;
  /** It was sent and did not answer as it should: it may have used all of what it was given. */
  fail(): void;
  /** It was never sent. */
  release(): void;
}

/** Why an attempt may not be made. */
export interface MeterRefusal {
  readonly error: string;
  /** The same for programs, with a stable `reason`. */
  readonly data: JsonObject;
}

export interface Meter {
  /** Asked before each attempt of a tool call, with the account the execution is booked on. Nothing where nothing is
   *  metered. Reserving is one synchronous block: no other attempt comes between the check and the booking. */
  reserve(action: Action, attempt: number, account: string | undefined): Reservation | MeterRefusal | undefined;
}

export function isRefusal(answer: Reservation | MeterRefusal): answer is MeterRefusal {
  return 'error' in answer;
}

/** The action with the time it was given. */
export function within(action: Action, { timeoutMs }: Reservation): Action {
  if (timeoutMs === undefined || (action.timeout_ms !== undefined && action.timeout_ms <= timeoutMs)) return action;
  return { ...action, timeout_ms: timeoutMs };
}
