/** The steps every action goes through, in their order (Per-action pipeline). */
import { capabilityDenial, intrinsicFailure, validationFailure } from './action-checks.ts';
import { changesOf } from './action-effects.ts';
import { Failure } from './attempt.ts';
import { runAttempts } from './attempts.ts';
import type { EventSubject } from './execution.ts';
import { idempotencyKey } from './idempotency-cache.ts';
import type { JsonObject } from './json-value.ts';
import { isRefusal, within, type Reservation } from './meter.ts';
import type { Action, ActionResult } from './proposal.ts';
import type { RunContext } from './run-context.ts';

/**
 * Takes an action, its references already replaced, from cache to commit. Answers a promise only when it has to wait:
 * an action that answers at once costs none. Never rejects for a reason the action can carry.
 */
export function runAction(action: Action, run: RunContext): ActionResult | Promise<ActionResult> {
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
  return executeWhenReady(action, cacheKey, run);
}

/** Waits for the tool's schema on its first use, and again if the tool was registered anew meanwhile. */
function executeWhenReady(
  action: Action,
  cacheKey: string | undefined,
  run: RunContext,
): ActionResult | Promise<ActionResult> {
  const { type, tool } = action;
  const preparation = type === 'tool_call' && tool !== undefined ? run.env.tools.prepare(tool) : undefined;
  if (preparation === undefined) return checkAndExecute(action, cacheKey, run);
  return preparation.then(() => executeWhenReady(action, cacheKey, run));
}

function checkAndExecute(
  action: Action,
  cacheKey: string | undefined,
  run: RunContext,
): ActionResult | Promise<ActionResult> {
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
    return refusal === null ? executeMetered(action, cacheKey, run) : rejected(action, refusal, run);
  }
  return refusal.then((reason) =>
    reason === null ? executeMetered(action, cacheKey, run) : rejected(action, reason, run),
  );
}

/** Last of all checks: what is set aside is for a call that is made. */
function executeMetered(
  action: Action,
  cacheKey: string | undefined,
  run: RunContext,
): ActionResult | Promise<ActionResult> {
  const { meter } = run.env;
  const held = meter !== undefined && action.type === 'tool_call' ? meter.reserve(action, 1, run.account) : undefined;
  if (held === undefined) return execute(action, cacheKey, undefined, run);
  if (isRefusal(held)) return rejected(action, held.error, run, held.data);
  return execute(within(action, held), cacheKey, held, run);
}

function execute(
  action: Action,
  cacheKey: string | undefined,
  held: Reservation | undefined,
  run: RunContext,
): ActionResult | Promise<ActionResult> {
  const subject = run.subjectOf(action);
  run.env.emit('action_validated', subject);
  run.env.emit('action_executing', subject);
  const startedAt = run.clock.monotonic();
  const outcome = runAttempts(action, held, run);
  const execution: Execution = { action, cacheKey, subject, startedAt };
  if (outcome instanceof Promise) return outcome.then((settled: unknown) => concluded(execution, settled, run));
  return concluded(execution, outcome, run);
}

interface Execution {
  readonly action: Action;
  readonly cacheKey: string | undefined;
  readonly subject: EventSubject;
  readonly startedAt: number;
}

function concluded(
  { action, cacheKey, subject, startedAt }: Execution,
  outcome: unknown,
  run: RunContext,
): ActionResult {
  const durationMs = run.clock.monotonic() - startedAt;
  const changes = changesOf(action);
  const error = outcome instanceof Failure ? outcome.message : (run.outputFailure(outcome) ?? commit(changes, run));
  if (error !== null) {
    const result = run.toResult(action, 'failed', error);
    result.duration_ms = durationMs;
    run.env.emit('action_failed', subject, { error, duration_ms: durationMs });
    return result;
  }
  const result = run.toResult(action, 'succeeded', null);
  result.output = outcome;
  result.duration_ms = durationMs;
  if (changes !== undefined) {
    result.state_changes = changes;
    // Keys only: values may be secrets, and the journal stays.
    run.env.emit('state_changed', subject, { keys: Object.keys(changes) });
  }
  if (cacheKey !== undefined) run.remember(cacheKey, outcome);
  run.env.emit('action_succeeded', subject, { duration_ms: durationMs });
  return result;
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
