/** The steps every action goes through, in their order (Per-action pipeline). */
import { capabilityDenial, intrinsicFailure, validationFailure } from './action-checks.ts';
import { changesOf } from './action-effects.ts';
import { Failure, type AttemptOwner } from './attempt.ts';
import { ended, isRetried, retry, tryMetered } from './attempts.ts';
import { elapsedMs } from './clock.ts';
import { toldLater, type EventSubject } from './execution.ts';
import { idempotencyKey } from './idempotency-cache.ts';
import type { JsonObject } from './json-value.ts';
import { isRefusal, within, type Reservation } from './meter.ts';
import type { Action, ActionResult } from './proposal.ts';
import type { RunContext } from './run-context.ts';

/** The result, or a promise of it, or `toldLater`: then whoever owns the run is told. */
export type Outcome = ActionResult | Promise<ActionResult | typeof toldLater> | typeof toldLater;

/**
 * Takes an action, its references already replaced, from cache to commit. Answers a promise only where something is
 * waited for before the action begins; of one that is under way the owner of the run is told by its index. Never rejects
 * for a reason the action can carry.
 */
export function runAction(action: Action, index: number, run: RunContext): Outcome {
  const cacheKey =
    action.idempotent && run.env.idempotency !== undefined && action.invocation_mode === 'one_shot'
      ? idempotencyKey(action, run.tenantId)
      : undefined;
  if (cacheKey !== undefined) {
    const hit = run.env.idempotency?.get(cacheKey);
    if (hit !== undefined) return deduplicated(action, hit.output, run);
  }
  const denial = capabilityDenial(action, run.env.capabilities);
  if (denial !== null) return rejected(action, denial, run);
  return executeWhenReady(action, index, cacheKey, run);
}

/** Waits for the tool's schema on its first use, and again if the tool was registered anew meanwhile. */
function executeWhenReady(action: Action, index: number, cacheKey: string | undefined, run: RunContext): Outcome {
  const { type, tool } = action;
  const preparation = type === 'tool_call' && tool !== undefined ? run.env.tools.prepare(tool) : undefined;
  if (preparation === undefined) return checkAndExecute(action, index, cacheKey, run);
  return preparation.then(() => executeWhenReady(action, index, cacheKey, run));
}

function checkAndExecute(action: Action, index: number, cacheKey: string | undefined, run: RunContext): Outcome {
  const { tools, policies } = run.env;
  const failure = validationFailure(action, intrinsicFailure(action, tools), run.state);
  if (failure !== null) return rejected(action, failure, run);
  const violations = policies?.evaluate(action, run.state, run.sessionId) ?? [];
  if (violations.length > 0) {
    for (const { policy_name, reason } of violations) run.emit('policy_violation', action, { policy_name, reason });
    return rejected(action, violations.map((violation) => violation.reason).join('; '), run);
  }
  const refusal = run.recheck?.(action) ?? null;
  if (!(refusal instanceof Promise)) {
    return refusal === null ? executeMetered(action, index, cacheKey, run) : rejected(action, refusal, run);
  }
  return refusal.then((reason) =>
    reason === null ? executeMetered(action, index, cacheKey, run) : rejected(action, reason, run),
  );
}

/** Last of all checks: what is set aside is for a call that is made. */
function executeMetered(action: Action, index: number, cacheKey: string | undefined, run: RunContext): Outcome {
  const { meter } = run.env;
  const held = meter !== undefined && action.type === 'tool_call' ? meter.reserve(action, 1, run.account) : undefined;
  if (held === undefined) return new RunningAction(action, index, cacheKey, undefined, run).begin();
  if (isRefusal(held)) return rejected(action, held.error, run, held.data);
  return new RunningAction(within(action, held), index, cacheKey, held, run).begin();
}

/** An action that has passed all checks. One object and no promise, however long it takes. */
class RunningAction implements AttemptOwner {
  readonly #action: Action;
  readonly #index: number;
  readonly #cacheKey: string | undefined;
  readonly #held: Reservation | undefined;
  readonly #run: RunContext;
  readonly #subject: EventSubject;
  #startedAt = 0;

  constructor(
    action: Action,
    index: number,
    cacheKey: string | undefined,
    held: Reservation | undefined,
    run: RunContext,
  ) {
    this.#action = action;
    this.#index = index;
    this.#cacheKey = cacheKey;
    this.#held = held;
    this.#run = run;
    this.#subject = run.subjectOf(action);
  }

  begin(): Outcome {
    const run = this.#run;
    run.env.emit('action_validated', this.#subject);
    run.env.emit('action_executing', this.#subject);
    this.#startedAt = run.clock.monotonic();
    const outcome = tryMetered(this.#action, 1, this.#held, run, this);
    return outcome === toldLater ? toldLater : this.#afterFirst(outcome);
  }

  attemptEnded(outcome: unknown): void {
    const { owner } = this.#run;
    try {
      if (this.#held !== undefined) ended(this.#held, outcome);
      const result = this.#afterFirst(outcome);
      if (!(result instanceof Promise)) owner?.actionEnded(this.#index, result);
      else
        result.then(
          (settled) => owner?.actionEnded(this.#index, settled),
          (error: unknown) => owner?.actionFailed(error),
        );
    } catch (error) {
      owner?.actionFailed(error);
    }
  }

  #afterFirst(outcome: unknown): ActionResult | Promise<ActionResult> {
    if (!isRetried(this.#action, outcome)) return this.#conclude(outcome);
    return retry(this.#action, outcome, this.#run).then((last) => this.#conclude(last));
  }

  #conclude(outcome: unknown): ActionResult {
    const run = this.#run;
    const durationMs = elapsedMs(run.clock, this.#startedAt);
    const changes = changesOf(this.#action);
    const error = outcome instanceof Failure ? outcome.message : (run.outputFailure(outcome) ?? commit(changes, run));
    if (error !== null) {
      const result = run.toResult(this.#action, 'failed', error);
      result.duration_ms = durationMs;
      run.env.emit('action_failed', this.#subject, { error, duration_ms: durationMs });
      return result;
    }
    const result = run.toResult(this.#action, 'succeeded', null);
    result.output = outcome;
    result.duration_ms = durationMs;
    if (changes !== undefined) {
      result.state_changes = changes;
      // Keys only: values may be secrets, and the journal stays.
      run.env.emit('state_changed', this.#subject, { keys: Object.keys(changes) });
    }
    if (this.#cacheKey !== undefined) run.remember(this.#cacheKey, outcome);
    run.env.emit('action_succeeded', this.#subject, { duration_ms: durationMs });
    return result;
  }
}

/** Why the state has no room for the changes, or null once it has them. */
function commit(changes: JsonObject | undefined, run: RunContext): string | null {
  return changes === undefined ? null : run.write(changes);
}

function deduplicated(action: Action, output: unknown, run: RunContext): ActionResult {
  const error = run.outputFailure(output);
  if (error !== null) return rejected(action, error, run);
  const result = run.toResult(action, 'succeeded', null);
  result.output = output;
  result.duration_ms = 0;
  run.emit('action_deduplicated', action);
  return result;
}

export function rejected(action: Action, error: string, run: RunContext, data?: JsonObject): ActionResult {
  run.emit('action_rejected', action, { error, ...data });
  const result = run.toResult(action, 'rejected', error);
  if (data !== undefined) result.error_data = data;
  return result;
}
