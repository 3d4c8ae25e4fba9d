/** Running a proposal in the mind: the rules of execution with no tool called. Simulating and sampling stand on it. */
import { ActionOutputs } from './action-outputs.ts';
import { intrinsicFailure, targetFailure, validationFailure } from './action-checks.ts';
import { assertionFailure, changesOf } from './action-effects.ts';
import { noDetachedInvocation } from './execution.ts';
import type { ToolChecker } from './execution.ts';
import { idempotencyKey } from './idempotency-cache.ts';
import { JsonExtents } from './json-extents.ts';
import { ownValue } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { ModelState } from './model-state.ts';
import { mayOverlap, planExecution } from './order.ts';
import type { ExecutionPlan } from './order.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action, Proposal } from './proposal.ts';
import { findReferences } from './references.ts';

export type ModelStatus = 'succeeded' | 'failed' | 'rejected' | 'skipped';

export interface ModelOptions {
  /** Whether a tool call succeeds this time; asked once per attempt. */
  readonly attempt: (index: number) => boolean;
  /** Further attempts of an action with failure behavior `retry`. */
  readonly retryAttempts: number;
  /** Whether a tool can be started and left running. Without it none can. */
  readonly canDetach?: ((tool: string) => boolean) | undefined;
}

/** For questions asked without tools: any tool accepts anything. */
export const ANY_TOOL: ToolChecker = { has: () => true, prepare: () => undefined, check: () => null };

/** A proposal with everything worked out that no state and no tool can change. */
export class ProposalModel {
  readonly actions: readonly Action[];
  readonly plan: ExecutionPlan;
  readonly tools: ToolChecker;
  /** For each level, whether its actions run at the same time. */
  readonly overlaps: readonly boolean[];
  /** For each action, what is wrong with it whatever the state and whatever the outputs it refers to. */
  readonly intrinsic: readonly (string | null)[];
  /** For each idempotent action, as it is written, what makes another one its repetition. */
  readonly idempotencyKeys: readonly (string | undefined)[];
  /** Of the outputs that actions refer to; those that come out of state are the same in every run. */
  readonly extents = new JsonExtents();
  readonly #ids: ReadonlySet<string>;

  /** The tools' schemas must have been prepared. */
  constructor({ actions }: Proposal, tools: ToolChecker = ANY_TOOL) {
    this.actions = actions;
    this.tools = tools;
    this.plan = planExecution(actions);
    this.overlaps = this.plan.levels.map((level) => mayOverlap(level, actions));
    this.#ids = new Set(actions.map(({ id }) => id));
    this.intrinsic = actions.map((action) =>
      this.refersToOutput(action.parameters) ? targetFailure(action, tools) : intrinsicFailure(action, tools),
    );
    this.idempotencyKeys = actions.map((action) => (isRemembered(action) ? idempotencyKey(action, '') : undefined));
  }

  hasAction(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Whether what is in the parameters depends on what an action of this proposal will answer. */
  refersToOutput(parameters: JsonObject): boolean {
    if (!this.plan.hasReferences) return false;
    let refers = false;
    findReferences(parameters, (id) => (refers ||= this.#ids.has(id)));
    return refers;
  }
}

export class ModelRun {
  readonly statuses: ModelStatus[];
  readonly errors: (string | null)[];
  /** What each action changed, before any rollback. */
  readonly changes: (JsonObject | undefined)[];
  readonly state: ModelState;
  toolCalls = 0;
  isRolledBack = false;
  readonly #model: ProposalModel;
  readonly #options: ModelOptions;
  readonly #outputs: ActionOutputs;
  readonly #remembered = new Map<string, unknown>();

  constructor(model: ProposalModel, base: ReadonlyMap<string, unknown>, options: ModelOptions) {
    this.#model = model;
    this.#options = options;
    this.state = new ModelState(base);
    this.#outputs = new ActionOutputs(model.extents);
    this.statuses = model.actions.map(() => 'skipped');
    this.errors = model.actions.map(() => null);
    this.changes = model.actions.map(() => undefined);
  }

  /** Whether the action succeeded and nothing took its changes back. */
  isLanded(index: number): boolean {
    return !this.isRolledBack && this.statuses[index] === 'succeeded';
  }

  /** A step for each action, in array order within each level: so the executor runs actions that answer at once. */
  *steps(): Generator<void> {
    const { actions, plan, overlaps } = this.#model;
    for (const [at, level] of plan.levels.entries()) {
      let isStopped = false;
      for (const index of level) {
        const status = this.#step(index);
        this.statuses[index] = status;
        yield;
        const { failure_behavior } = actions[index]!;
        if (status === 'succeeded' || failure_behavior === 'skip') continue;
        if (status === 'failed' && failure_behavior === 'abort') {
          this.isRolledBack = true;
          this.state.reset();
        }
        // What runs at the same time ends as a whole.
        if (overlaps[at] !== true) return;
        isStopped = true;
      }
      if (isStopped) return;
    }
  }

  #step(index: number): ModelStatus {
    const { actions, plan } = this.#model;
    const action = plan.hasReferences ? this.#outputs.resolve(actions[index]!) : actions[index]!;
    if (typeof action === 'string') {
      this.errors[index] = action;
      return 'rejected';
    }
    const cacheKey = this.#idempotencyKey(index, action);
    if (cacheKey !== undefined && this.#remembered.has(cacheKey)) {
      this.#outputs.set(action.id, this.#remembered.get(cacheKey));
      return 'succeeded';
    }
    const error = validationFailure(action, this.#intrinsicFailure(index, action), this.state);
    const output = error === null ? this.#perform(index, action) : undefined;
    if (plan.hasReferences) this.#outputs.set(action.id, output ?? null);
    if (output === undefined) {
      this.errors[index] ??= error;
      return error === null ? 'failed' : 'rejected';
    }
    const changes = changesOf(action);
    this.changes[index] = changes;
    for (const key of Object.keys(changes ?? {})) this.state.set(key, ownValue(changes!, key));
    if (cacheKey !== undefined) this.#remembered.set(cacheKey, output);
    return 'succeeded';
  }

  #idempotencyKey(index: number, action: Action): string | undefined {
    if (action === this.#model.actions[index]) return this.#model.idempotencyKeys[index];
    return isRemembered(action) ? idempotencyKey(action, '') : undefined;
  }

  #intrinsicFailure(index: number, action: Action): string | null {
    const { actions, intrinsic, tools } = this.#model;
    const isResolved = action !== actions[index] && !this.#model.refersToOutput(action.parameters);
    return isResolved ? intrinsicFailure(action, tools) : intrinsic[index]!;
  }

  /** The output, or undefined when the action failed. What a tool answers is unknown: its reference stands for it. */
  #perform(index: number, action: Action): unknown {
    if (action.type === 'state_read') return this.state.get(stateKeyOf(action) ?? '');
    if (action.type === 'state_write') return null;
    if (action.type === 'assertion') {
      this.errors[index] = assertionFailure(action, this.state);
      return this.errors[index] === null ? true : undefined;
    }
    const { canDetach } = this.#options;
    if (action.invocation_mode !== 'one_shot' && canDetach?.(action.tool ?? '') !== true) {
      this.errors[index] = noDetachedInvocation(action.tool ?? '');
      return undefined;
    }
    const attempts = action.failure_behavior === 'retry' ? this.#options.retryAttempts + 1 : 1;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      this.toolCalls += 1;
      if (this.#options.attempt(index)) return `$${action.id}.output`;
    }
    this.errors[index] = 'tool call failed';
    return undefined;
  }
}

function isRemembered(action: Action): boolean {
  return action.idempotent && action.invocation_mode === 'one_shot';
}
