/** What the steps of one execution share. */
import { elapsedMs, systemClock, toTimestamp } from './clock.ts';
import type { Clock } from './clock.ts';
import { EventSubjects } from './event-subjects.ts';
import { EventSubject } from './execution.ts';
import type { ExecutionEnv, ExecutionEventKind, ExecutionOptions } from './execution.ts';
import { JsonExtents } from './json-extents.ts';
import type { JsonObject } from './json-value.ts';
import type { Action, ActionResult, ActionStatus, CostSummary, Proposal, ProposalResult } from './proposal.ts';
import { RunCancellation } from './run-cancellation.ts';
import type { StateCheckpoint, StateView } from './state-store.ts';

/** Who is told of actions that end later than they were begun. */
export interface ActionsOwner {
  actionEnded(index: number, result: ActionResult): void;
  /** A fault of `env`, not of the action. */
  actionFailed(error: unknown): void;
}

export class RunContext {
  owner: ActionsOwner | undefined;
  readonly env: ExecutionEnv;
  readonly proposal: Proposal;
  readonly sessionId: string | undefined;
  readonly tenantId: string;
  readonly account: string | undefined;
  readonly clock: Clock;
  /** On the monotonic clock. */
  readonly startedAt: number;
  readonly state: StateView;
  readonly cancellation: RunCancellation;
  readonly recheck: ExecutionOptions['recheck'];
  readonly cost: CostSummary = {
    tool_calls: 0,
    actions_executed: 0,
    actions_rejected: 0,
    actions_skipped: 0,
    total_duration_ms: 0,
    retries: 0,
  };
  readonly #subjects: EventSubjects;
  readonly #canRollBack: boolean;
  readonly #maxOutputChars: number;
  #outputChars = 0;
  #extents: JsonExtents | undefined;
  #checkpoint: StateCheckpoint | undefined;
  #rememberedKeys: string[] | undefined;

  constructor(proposal: Proposal, env: ExecutionEnv, options: ExecutionOptions) {
    this.env = env;
    this.proposal = proposal;
    this.sessionId = options.sessionId;
    this.tenantId = options.tenantId ?? '';
    this.account = options.account;
    this.clock = env.clock ?? systemClock;
    this.startedAt = this.clock.monotonic();
    this.state = env.state.view(this.tenantId);
    this.cancellation = new RunCancellation(options.signal);
    this.recheck = options.recheck;
    const { subjects } = options;
    this.#subjects = subjects?.proposal === proposal ? subjects : new EventSubjects(proposal);
    this.#maxOutputChars = options.maxOutputChars ?? Number.POSITIVE_INFINITY;
    this.#canRollBack = proposal.actions.some((action) => action.failure_behavior === 'abort');
  }

  /** Whether the policy session the proposal names is not open. */
  get isSessionMissing(): boolean {
    return this.sessionId !== undefined && this.env.policies?.hasSession(this.sessionId) !== true;
  }

  conclude(results: ActionResult[]): ProposalResult {
    this.cost.total_duration_ms = elapsedMs(this.clock, this.startedAt);
    return { proposal_id: this.proposal.id, results, cost: this.cost };
  }

  subjectOf(action: Action): EventSubject {
    return this.#subjects.of(action);
  }

  emit(kind: ExecutionEventKind, action: Action, details?: JsonObject): void {
    this.env.emit(kind, this.subjectOf(action), details);
  }

  emitForProposal(kind: ExecutionEventKind, data: JsonObject): void {
    if (this.tenantId !== '') data['tenant'] = this.tenantId;
    this.env.emit(kind, new EventSubject(null, this.proposal.id, data));
  }

  /** Why the result has no room for the output of an action, or null; then it has taken its place. */
  outputFailure(output: unknown): string | null {
    if (this.#maxOutputChars === Number.POSITIVE_INFINITY || output === null) return null;
    this.#extents ??= new JsonExtents();
    const chars = this.#outputChars + this.#extents.of(output).chars;
    if (chars > this.#maxOutputChars) {
      return `output left out: the outputs of a proposal may have ${this.#maxOutputChars} characters together`;
    }
    this.#outputChars = chars;
    return null;
  }

  /** The one way actions change state, so that a rollback finds everything. All or nothing; answers why nothing, or null. */
  write(changes: JsonObject): string | null {
    return this.#canRollBack ? this.#openCheckpoint().assign(changes) : this.state.assign(changes);
  }

  /** Keeps the output of an idempotent action for later proposals, unless this one is rolled back. */
  remember(key: string, output: unknown): void {
    this.env.idempotency?.set(key, output);
    if (this.#canRollBack) (this.#rememberedKeys ??= []).push(key);
  }

  rollBack(failed: Action): void {
    const restored = this.#openCheckpoint().restore();
    for (const key of this.#rememberedKeys ?? []) this.env.idempotency?.delete(key);
    this.emitForProposal('state_rollback', { caused_by: failed.id, restored });
  }

  /** Makes the writes final; after a rollback there are none. */
  [Symbol.dispose](): void {
    this.#checkpoint?.release();
    this.cancellation[Symbol.dispose]();
  }

  toResult(action: Action, status: ActionStatus, error: string | null): ActionResult {
    return {
      action_id: action.id,
      status,
      output: null,
      error,
      state_changes: {},
      duration_ms: null,
      timestamp: toTimestamp(this.clock.now()),
    };
  }

  /** Nothing was written before, so this is the state the proposal found. Most proposals never get here. */
  #openCheckpoint(): StateCheckpoint {
    if (this.#checkpoint === undefined) {
      this.#checkpoint = this.state.checkpoint();
      this.emitForProposal('state_snapshot', {});
    }
    return this.#checkpoint;
  }
}
