/** The steps every action goes through, in their order (Per-action pipeline). */
import { capabilityDenial, validationFailure } from './action-checks.ts';
import { Failure } from './attempt.ts';
import { runAttempts } from './attempts.ts';
import { idempotencyKey } from './idempotency-cache.ts';
import { ownValue, setOwn } from './json-value.ts';
import { stateKeyOf } from './proposal.ts';
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
  const { tools } = run.env;
  const preparation = action.type === 'tool_call' && action.tool !== undefined ? tools.prepare(action.tool) : undefined;
  if (preparation === undefined) return checkAndExecute(action, cacheKey, run);
  return preparation.then(
    () => checkAndExecute(action, cacheKey, run),
    (error: unknown) =>
      rejected(action, `the schema of tool '${action.tool}' cannot be compiled: ${String(error)}`, run),
  );
}

function checkAndExecute(
  action: Action,
  cacheKey: string | undefined,
  run: RunContext,
): ActionResult | Promise<ActionResult> {
  const { tools, policies } = run.env;
  const failure = validationFailure(action, tools, run.state);
  if (failure !== null) return rejected(action, failure, run);
  const violations = policies?.evaluate(action, run.state, run.sessionId) ?? [];
  if (violations.length > 0) {
    for (const { policy_name, reason } of violations) run.emit('policy_violation', action, { policy_name, reason });
    return rejected(action, violations.map((violation) => violation.reason).join('; '), run);
  }
  run.emit('action_validated', action);
  run.emit('action_executing', action);
  const startedAt = run.clock.monotonic();
  const outcome = runAttempts(action, run);
  if (outcome instanceof Promise) {
    return outcome.then((settled: unknown) => concluded(action, cacheKey, startedAt, settled, run));
  }
  return concluded(action, cacheKey, startedAt, outcome, run);
}

function concluded(
  action: Action,
  cacheKey: string | undefined,
  startedAt: number,
  outcome: unknown,
  run: RunContext,
): ActionResult {
  const durationMs = run.clock.monotonic() - startedAt;
  if (outcome instanceof Failure) {
    const result = run.toResult(action, 'failed', outcome.message);
    result.duration_ms = durationMs;
    run.emit('action_failed', action, { error: outcome.message, duration_ms: durationMs });
    return result;
  }
  const result = run.toResult(action, 'succeeded', null);
  result.output = outcome;
  result.duration_ms = durationMs;
  commit(action, result, run);
  if (cacheKey !== undefined) run.remember(cacheKey, outcome);
  run.emit('action_succeeded', action, { duration_ms: durationMs });
  return result;
}

/** Writes what the action declared. Of a `state_write`, the value it was told to write has the last word. */
function commit(action: Action, { state_changes }: ActionResult, run: RunContext): void {
  for (const key of Object.keys(action.expected_effects)) setOwn(state_changes, key, action.expected_effects[key]);
  const written = action.type === 'state_write' ? stateKeyOf(action) : undefined;
  if (written !== undefined) setOwn(state_changes, written, ownValue(action.parameters, 'value') ?? null);
  const keys = Object.keys(state_changes);
  if (keys.length === 0) return;
  for (const key of keys) run.write(key, ownValue(state_changes, key));
  // Keys only: values may be secrets, and the journal stays.
  run.emit('state_changed', action, { keys });
}

function deduplicated(action: Action, output: unknown, run: RunContext): ActionResult {
  const result = run.toResult(action, 'succeeded', null);
  result.output = output;
  result.duration_ms = 0;
  run.emit('action_deduplicated', action);
  return result;
}

export function rejected(action: Action, error: string, run: RunContext): ActionResult {
  run.emit('action_rejected', action, { error });
  return run.toResult(action, 'rejected', error);
}
