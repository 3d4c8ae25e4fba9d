/** What executing a proposal needs from outside, and what it tells. */
import type { CancelSignal } from './cancel-signal.ts';
import type { Clock } from './clock.ts';
import type { EventSubjects } from './event-subjects.ts';
import type { IdempotencyCache } from './idempotency-cache.ts';
import type { JsonObject } from './json-value.ts';
import type { Meter } from './meter.ts';
import type { PolicySet } from './policies.ts';
import type { Action } from './proposal.ts';
import type { StateStore } from './state-store.ts';

/** The kinds of journal events that execution and replanning emit (Events and metrics). */
export type ExecutionEventKind =
  | 'proposal_received'
  | 'action_validated'
  | 'action_rejected'
  | 'action_executing'
  | 'action_succeeded'
  | 'action_failed'
  | 'action_skipped'
  | 'action_retrying'
  | 'action_deduplicated'
  | 'policy_violation'
  | 'state_changed'
  | 'state_snapshot'
  | 'state_rollback'
  | 'replan_attempted'
  | 'replan_proposal_received'
  | 'replan_rejected'
  | 'replan_exhausted';

/**
 * What events are about. Those of one action share it, so that whoever writes them down encodes it once. Nobody changes
 * what it says.
 */
export class EventSubject {
  readonly action_id: string | null;
  readonly proposal_id: string;
  readonly data: JsonObject;
  /** Left to whoever takes the events. */
  encoded: string | undefined;

  constructor(action_id: string | null, proposal_id: string, data: JsonObject) {
    this.action_id = action_id;
    this.proposal_id = proposal_id;
    this.data = data;
    this.encoded = undefined;
  }
}

export interface ToolCall {
  readonly action_id: string;
  readonly tool: string;
  readonly parameters: JsonObject;
  /** The action's own budget for this attempt. Absent when it has none. */
  readonly timeout_ms?: number;
  /** Counts from 1. */
  readonly attempt: number;
  readonly session_id?: string;
  /** Start the tool and answer its handle; absent when its output is waited for. */
  readonly mode?: 'streaming' | 'long_running';
}

/** What a dispatcher returns that will tell its answer to the attempt. */
export const toldLater: unique symbol = Symbol('told later');

/**
 * One attempt of a tool call, as its dispatcher sees it. As a signal it aborts when the engine no longer waits: that is
 * the moment to tell the tool to stop; `reason` is `attemptTimedOut` when the attempt ran out of time, else the reason of
 * the whole execution. A dispatcher that has made no promise anyway returns `toldLater` and calls one of the two.
 */
export interface ToolAttempt extends CancelSignal {
  answered(output: unknown): void;
  /** The message of the error becomes the action's error. */
  failed(error: unknown): void;
}

export interface Capabilities {
  /** Tools that may be called; empty or absent means all of them. */
  readonly allow?: ReadonlySet<string>;
  /** Tools that may not be called, whatever `allow` says. */
  readonly deny?: ReadonlySet<string>;
}

/** What is asked of the registered tools; `ToolRegistry` answers it. */
export interface ToolChecker {
  has(name: string): boolean;
  /** Something to wait for before `check`, or undefined when there is nothing left to do. */
  prepare(name: string): Promise<void> | undefined;
  /** What is wrong with calling the tool this way, or null. */
  check(name: string, parameters: JsonObject): string | null;
}

export interface ExecutionEnv {
  readonly tools: ToolChecker;
  readonly state: StateStore;
  readonly policies?: PolicySet | undefined;
  readonly capabilities?: Capabilities | undefined;
  /** Without one, `idempotent` actions run every time. */
  readonly idempotency?: IdempotencyCache | undefined;
  readonly clock?: Clock | undefined;
  /** Without one, calls are not counted against anything. */
  readonly meter?: Meter | undefined;
  /**
   * Runs a tool: answers with its output, or fails with an error whose message becomes the action's error. Instead of a
   * promise it may return `toldLater`.
   */
  dispatch(call: ToolCall, attempt: ToolAttempt): unknown;
  /** Whether a tool can be started and left running. Without it none can. */
  canDetach?(tool: string): boolean;
  /**
   * Takes note of what happens, in order. The data of the event is that of `subject` with `details`, which are left to the
   * receiver. Without a time: whoever records it stamps it, one stamp for many. Must not throw.
   */
  emit(kind: ExecutionEventKind, subject: EventSubject, details?: JsonObject): void;
}

export interface ExecutionOptions {
  /** Of the proposal, where others have emitted events about it before. */
  readonly subjects?: EventSubjects | undefined;
  /** Aborts the execution: running attempts end as failed, what has not begun is skipped. */
  readonly signal?: CancelSignal | undefined;
  /** Policy session whose denials apply too; unless it is open, every action is rejected. */
  readonly sessionId?: string | undefined;
  /** State is read and written in this tenant's view. */
  readonly tenantId?: string | undefined;
  /** What the meter books calls on. */
  readonly account?: string | undefined;
  /** How many actions of a concurrent level run at once. */
  readonly maxInFlight?: number | undefined;
  /**
   * How large the outputs in the result may be together, in characters of JSON. State and caches give the same value to
   * many actions, so that a small plan can have a result that nobody can send.
   */
  readonly maxOutputChars?: number | undefined;
  /**
   * Asked last, right before an action begins, with references replaced: why it may not, or null. For what was true when
   * the proposal was admitted and need not be any more.
   */
  readonly recheck?: ((action: Action) => string | null | Promise<string | null>) | undefined;
}

export const DEFAULT_MAX_IN_FLIGHT = 100;

/** Why an attempt's signal aborts when its `timeout_ms` is over. One object: making one records a stack each time. */
export const attemptTimedOut: Error = new Error('action timed out');

export function noDetachedInvocation(tool: string): string {
  return `tool '${tool}' does not support streaming/long-running invocation`;
}
