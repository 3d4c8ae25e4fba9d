/** Executes a proposal: level after level, until the end or the first action that stops it. */
import { ActionOutputs } from './action-outputs.ts';
import { rejected, runAction } from './action-pipeline.ts';
import { DEFAULT_MAX_IN_FLIGHT } from './execution.ts';
import type { ExecutionEnv, ExecutionOptions } from './execution.ts';
import { JsonExtents } from './json-extents.ts';
import { mayOverlap, planExecution } from './order.ts';
import { unknownSession } from './policies.ts';
import type { Action, ActionResult, Proposal, ProposalResult } from './proposal.ts';
import { RunContext } from './run-context.ts';

/** A run of actions that answer at once gives way to other work after this long. */
const MAX_BUSY_MS = 5;
const ACTIONS_PER_BUSY_CHECK = 64;

/**
 * Runs every action of a normalised proposal and answers one result for each, in the order of the proposal. What goes
 * wrong with an action is in its result; a rejection of this promise is a fault of `env`.
 */
export function executeProposal(
  proposal: Proposal,
  env: ExecutionEnv,
  options: ExecutionOptions = {},
): Promise<ProposalResult> {
  return new Execution(new RunContext(proposal, env, options), options).run();
}

/**
 * The result of a proposal that was not admitted: every action rejected, nothing dispatched, nothing written. For the
 * gates in front of execution; `reason` is the error of every action, or tells it for each.
 */
export function refuseProposal(
  proposal: Proposal,
  env: ExecutionEnv,
  reason: string | ((action: Action) => string),
  options: ExecutionOptions = {},
): ProposalResult {
  using run = new RunContext(proposal, env, options);
  announce(run);
  return { proposal_id: proposal.id, results: rejectAll(run, reason), cost: run.cost };
}

function announce(run: RunContext): void {
  const { source, actions } = run.proposal;
  run.emitForProposal('proposal_received', { source, actions: actions.length });
}

function rejectAll(run: RunContext, reason: string | ((action: Action) => string)): ActionResult[] {
  return run.proposal.actions.map((action) => {
    run.cost.actions_rejected += 1;
    return rejected(action, typeof reason === 'string' ? reason : reason(action), run);
  });
}

class Execution {
  readonly #run: RunContext;
  readonly #actions: readonly Action[];
  readonly #results: (ActionResult | undefined)[];
  readonly #maxInFlight: number;
  /** Kept only when some action refers to one. */
  #outputs: ActionOutputs | undefined;
  /** Why nothing more is started. */
  #stopCause: string | undefined;
  #sinceBusyCheck = 0;
  #busySince: number;

  constructor(run: RunContext, { maxInFlight = DEFAULT_MAX_IN_FLIGHT }: ExecutionOptions) {
    this.#run = run;
    this.#actions = run.proposal.actions;
    this.#results = this.#actions.map(() => undefined);
    this.#maxInFlight = Math.max(1, maxInFlight);
    this.#busySince = run.startedAt;
  }

  // One function, and `finally` where `using` would do: what a small proposal costs is mostly promises and disposal.
  async run(): Promise<ProposalResult> {
    const run = this.#run;
    try {
      announce(run);
      if (run.isSessionMissing) return run.conclude(rejectAll(run, unknownSession(run.sessionId ?? '')));
      const { levels, hasReferences } = planExecution(this.#actions);
      if (hasReferences) this.#outputs = new ActionOutputs(new JsonExtents());
      for (const level of levels) {
        if (this.#isStopped) break;
        if (mayOverlap(level, this.#actions)) {
          await this.#runConcurrently(level);
          continue;
        }
        for (const index of level) {
          if (this.#isStopped) break;
          const result = this.#start(index);
          this.#conclude(index, result instanceof Promise ? await result : result);
          if (this.#isBusyTooLong) await this.#giveWay();
        }
      }
      return run.conclude(this.#actions.map((action, index) => this.#results[index] ?? this.#skip(action)));
    } finally {
      run[Symbol.dispose]();
    }
  }

  get #isStopped(): boolean {
    return this.#stopCause !== undefined || this.#run.cancellation.isCancelled;
  }

  /**
   * A level runs as a whole: an action that stops the proposal keeps the next level from starting, not its siblings,
   * or results would depend on how long each of them took. Only cancelling leaves siblings out.
   */
  async #runConcurrently(level: readonly number[]): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < level.length && !this.#run.cancellation.isCancelled) {
        const index = level[next]!;
        next += 1;
        const result = this.#start(index);
        this.#conclude(index, result instanceof Promise ? await result : result);
        if (this.#isBusyTooLong) await this.#giveWay();
      }
    };
    const lanes: Promise<void>[] = [];
    while (lanes.length < this.#maxInFlight && next < level.length && !this.#run.cancellation.isCancelled) {
      lanes.push(lane());
    }
    await Promise.all(lanes);
  }

  #start(index: number): ActionResult | Promise<ActionResult> {
    const action = this.#actions[index]!;
    if (this.#outputs === undefined) return runAction(action, this.#run);
    const resolved = this.#outputs.resolve(action);
    return typeof resolved === 'string' ? rejected(action, resolved, this.#run) : runAction(resolved, this.#run);
  }

  #conclude(index: number, result: ActionResult): void {
    const action = this.#actions[index]!;
    const { cost } = this.#run;
    this.#results[index] = result;
    this.#outputs?.set(action.id, result.output);
    if (result.status === 'rejected') cost.actions_rejected += 1;
    else cost.actions_executed += 1;
    if (result.status === 'succeeded' || action.failure_behavior === 'skip') return;
    this.#stopCause ??= `action '${action.id}' ${result.status === 'rejected' ? 'was rejected' : 'failed'}`;
    // A rejection stops the proposal but takes nothing back, and only `abort` asks for a rollback.
    if (result.status === 'failed' && action.failure_behavior === 'abort') this.#rollBack(action);
  }

  #rollBack(failed: Action): void {
    this.#run.rollBack(failed);
    for (const result of this.#results) {
      if (result?.status !== 'succeeded') continue;
      result.rolled_back = true;
      result.state_changes = {};
    }
  }

  #skip(action: Action): ActionResult {
    const cause = this.#stopCause ?? `the proposal was cancelled: ${this.#run.cancellation.cause}`;
    this.#run.cost.actions_skipped += 1;
    this.#run.emit('action_skipped', action, { reason: cause });
    return this.#run.toResult(action, 'skipped', `skipped: ${cause}`);
  }

  get #isBusyTooLong(): boolean {
    this.#sinceBusyCheck += 1;
    if (this.#sinceBusyCheck < ACTIONS_PER_BUSY_CHECK) return false;
    this.#sinceBusyCheck = 0;
    return this.#run.clock.monotonic() - this.#busySince > MAX_BUSY_MS;
  }

  async #giveWay(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#busySince = this.#run.clock.monotonic();
  }
}
