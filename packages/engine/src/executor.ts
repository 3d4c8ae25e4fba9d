/** Executes a proposal: level after level, until the end or the first action that stops it. */
import { ActionOutputs } from './action-outputs.ts';
import { rejected, runAction, type Outcome } from './action-pipeline.ts';
import { DEFAULT_MAX_IN_FLIGHT, toldLater } from './execution.ts';
import type { ExecutionEnv, ExecutionOptions } from './execution.ts';
import { JsonExtents } from './json-extents.ts';
import { mayOverlap, planExecution, type ExecutionPlan } from './order.ts';
import { unknownSession } from './policies.ts';
import type { Action, ActionResult, Proposal, ProposalResult } from './proposal.ts';
import { RunContext, type ActionsOwner } from './run-context.ts';

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

/**
 * A plan under way. Driven by what ends, not by promises: most of what a small plan cost were promises, one or two for each
 * layer of each action.
 */
class Execution implements ActionsOwner {
  readonly #run: RunContext;
  readonly #actions: readonly Action[];
  readonly #results: (ActionResult | undefined)[];
  readonly #maxInFlight: number;
  readonly #concluded = Promise.withResolvers<ProposalResult>();
  #levels: ExecutionPlan['levels'] = [];
  /** The level that runs, how many of its actions have begun, and whether they run at the same time. */
  #level = -1;
  #begun = 0;
  #isOverlapping = false;
  #underWay = 0;
  /** Kept only when some action refers to one. */
  #outputs: ActionOutputs | undefined;
  /** Why nothing more is started. */
  #stopCause: string | undefined;
  #isAdvancing = false;
  #isGivingWay = false;
  #isOver = false;
  #sinceBusyCheck = 0;
  #busySince: number;

  constructor(run: RunContext, { maxInFlight = DEFAULT_MAX_IN_FLIGHT }: ExecutionOptions) {
    this.#run = run;
    this.#actions = run.proposal.actions;
    this.#results = this.#actions.map(() => undefined);
    this.#maxInFlight = Math.max(1, maxInFlight);
    this.#busySince = run.startedAt;
    run.owner = this;
  }

  run(): Promise<ProposalResult> {
    const run = this.#run;
    try {
      announce(run);
      if (run.isSessionMissing) this.#finish(rejectAll(run, unknownSession(run.sessionId ?? '')));
      else {
        const { levels, hasReferences } = planExecution(this.#actions);
        if (hasReferences) this.#outputs = new ActionOutputs(new JsonExtents());
        this.#levels = levels;
        this.#advance();
      }
    } catch (error) {
      this.actionFailed(error);
    }
    return this.#concluded.promise;
  }

  actionEnded(index: number, result: ActionResult): void {
    if (this.#isOver) return;
    this.#underWay -= 1;
    this.#conclude(index, result);
    this.#advance();
  }

  actionFailed(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#run[Symbol.dispose]();
    this.#concluded.reject(error);
  }

  /** Begins what may begin by now. Called again while it is at it, by an action that ends at once, it leaves that to the
   *  loop: a long plan must not be as deep a recursion. */
  #advance(): void {
    if (this.#isAdvancing || this.#isGivingWay || this.#isOver) return;
    this.#isAdvancing = true;
    try {
      while (!this.#isGivingWay && this.#step()) if (this.#isBusyTooLong) this.#giveWay();
    } catch (error) {
      this.actionFailed(error);
    } finally {
      this.#isAdvancing = false;
    }
  }

  /** Begins an action, or goes on to the next level, or ends. False when there is nothing to do but wait. */
  #step(): boolean {
    const level = this.#levels[this.#level];
    if (level !== undefined && this.#begun < level.length && !this.#isLevelStopped) {
      if (this.#underWay >= (this.#isOverlapping ? this.#maxInFlight : 1)) return false;
      this.#begin(level[this.#begun++]!);
      return true;
    }
    if (this.#underWay > 0) return false;
    const next = this.#isStopped ? undefined : this.#levels[++this.#level];
    if (next === undefined) {
      this.#finish(this.#actions.map((action, index) => this.#results[index] ?? this.#skip(action)));
      return false;
    }
    this.#begun = 0;
    this.#isOverlapping = mayOverlap(next, this.#actions);
    return true;
  }

  get #isStopped(): boolean {
    return this.#stopCause !== undefined || this.#run.cancellation.isCancelled;
  }

  /**
   * A level of actions that overlap runs as a whole: an action that stops the proposal keeps the next level from starting,
   * not its siblings, or results would depend on how long each of them took. Only cancelling leaves siblings out.
   */
  get #isLevelStopped(): boolean {
    return this.#isOverlapping ? this.#run.cancellation.isCancelled : this.#isStopped;
  }

  #begin(index: number): void {
    this.#underWay += 1;
    const result = this.#start(index);
    if (result === toldLater) return;
    if (!(result instanceof Promise)) {
      this.#underWay -= 1;
      this.#conclude(index, result);
      return;
    }
    result.then(
      (settled) => {
        if (settled !== toldLater) this.actionEnded(index, settled);
      },
      (error: unknown) => this.actionFailed(error),
    );
  }

  #start(index: number): Outcome {
    const action = this.#actions[index]!;
    if (this.#outputs === undefined) return runAction(action, index, this.#run);
    const resolved = this.#outputs.resolve(action);
    return typeof resolved === 'string' ? rejected(action, resolved, this.#run) : runAction(resolved, index, this.#run);
  }

  #finish(results: ActionResult[]): void {
    this.#isOver = true;
    const result = this.#run.conclude(results);
    this.#run[Symbol.dispose]();
    this.#concluded.resolve(result);
  }

  #conclude(index: number, result: ActionResult): void {
    const action = this.#actions[index]!;
    const { cost } = this.#run;
    this.#results[index] = result;
    this.#sinceBusyCheck += 1;
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
    if (this.#sinceBusyCheck < ACTIONS_PER_BUSY_CHECK) return false;
    this.#sinceBusyCheck = 0;
    return this.#run.clock.monotonic() - this.#busySince > MAX_BUSY_MS;
  }

  #giveWay(): void {
    this.#isGivingWay = true;
    setImmediate(() => {
      this.#isGivingWay = false;
      this.#busySince = this.#run.clock.monotonic();
      this.#advance();
    });
  }
}
