/** Asking for another plan when one was aborted (Replanning). */
import { toAbortSignal } from './cancel-signal.ts';
import type { CancelSignal } from './cancel-signal.ts';
import { systemClock } from './clock.ts';
import { EventSubject } from './execution.ts';
import type { ExecutionEnv, ExecutionOptions } from './execution.ts';
import { executeProposal } from './executor.ts';
import type { JsonObject } from './json-value.ts';
import { normalizeProposal } from './normalize-proposal.ts';
import type { Proposal, ProposalInput, ProposalResult } from './proposal.ts';
import { verify } from './verify.ts';

export interface ReplanConfig {
  /** 0 turns replanning off. */
  max_replans: number;
  delay_ms: number;
  /** A new plan with an error in it is refused rather than run. */
  verify_before_execute: boolean;
  /** Also replan when an action was rejected, not only when one failed. */
  replan_on_rejected: boolean;
}

export const DEFAULT_REPLAN_CONFIG: ReplanConfig = {
  max_replans: 0,
  delay_ms: 0,
  verify_before_execute: true,
  replan_on_rejected: false,
};

export interface ReplanRequest {
  /** Counts from 1. */
  readonly attempt: number;
  readonly proposal: Proposal;
  readonly result: ProposalResult;
  /** State now, after any rollback. */
  readonly state: JsonObject;
  /** Why the plan proposed before this one was not run, if it was refused. */
  readonly refusal: readonly string[];
}

/** Makes a new plan, or none when it gives up. */
export type ReplanProvider = (request: ReplanRequest, signal?: AbortSignal) => Promise<ProposalInput | null>;

export interface ReplanOptions extends ExecutionOptions {
  readonly config: ReplanConfig;
  readonly provider: ReplanProvider;
}

/** Executes a proposal and, as long as that is allowed and needed, the plans that replace it. Answers the last result. */
export async function executeWithReplans(
  first: Proposal,
  env: ExecutionEnv,
  { config, provider, ...options }: ReplanOptions,
): Promise<ProposalResult> {
  let proposal = first;
  let result = await executeProposal(proposal, env, options);
  let refusal: readonly string[] = [];
  for (let attempt = 1; needsReplan(proposal, result, config); attempt += 1) {
    if (config.max_replans < 1 || isAborted(options)) break;
    if (attempt > config.max_replans) {
      emit(env, 'replan_exhausted', proposal, { replans: config.max_replans });
      break;
    }
    emit(env, 'replan_attempted', proposal, { attempt });
    if (config.delay_ms > 0) await pause(config.delay_ms, env, options.signal);
    if (isAborted(options)) break;
    const state = env.state.view(options.tenantId).snapshot();
    try {
      const input = await provider(
        { attempt, proposal, result, state, refusal },
        options.signal && toAbortSignal(options.signal),
      );
      if (input === null) break;
      const next = normalizeProposal(input, (env.clock ?? systemClock).now());
      emit(env, 'replan_proposal_received', next, { attempt, replaces: proposal.id, actions: next.actions.length });
      refusal = config.verify_before_execute ? await errorsOf(next, env, state) : [];
      if (refusal.length === 0) proposal = next;
    } catch (error) {
      // What the provider makes of a plan is no fault of the plan that ran: its result must not be lost.
      refusal = [error instanceof Error ? error.message : String(error)];
    }
    if (refusal.length > 0) emit(env, 'replan_rejected', proposal, { attempt, errors: refusal });
    else result = await executeProposal(proposal, env, options);
  }
  return result;
}

function isAborted({ signal }: ExecutionOptions): boolean {
  return signal?.aborted ?? false;
}

/** Whether the result stopped short in a way that another plan could mend. */
function needsReplan(proposal: Proposal, { results }: ProposalResult, config: ReplanConfig): boolean {
  return results.some(({ status }, index) => {
    if (proposal.actions[index]!.failure_behavior === 'skip') return false;
    return status === 'failed' || (status === 'rejected' && config.replan_on_rejected);
  });
}

async function errorsOf(proposal: Proposal, env: ExecutionEnv, initialState: JsonObject): Promise<string[]> {
  const { issues } = await verify(proposal, { tools: env.tools, initialState });
  return issues
    .filter(({ severity }) => severity === 'error')
    .map(({ action_id, message }) => `${action_id}: ${message}`);
}

function emit(env: ExecutionEnv, kind: Parameters<ExecutionEnv['emit']>[0], { id }: Proposal, data: JsonObject): void {
  env.emit(kind, new EventSubject(null, id, data));
}

function pause(delayMs: number, env: ExecutionEnv, signal: CancelSignal | undefined): Promise<void> {
  const clock = env.clock ?? systemClock;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => {
    clock.clearTimeout(timer);
    signal?.removeEventListener('abort', end);
    resolve();
  };
  const timer = clock.setTimeout(end, delayMs);
  signal?.addEventListener('abort', end);
  return promise;
}
