// A plan while it is under way, for whoever looks at its run meanwhile, and what its turns say of it afterwards.
import {
  dependenciesOf,
  type Action,
  type ActionResult,
  type Proposal,
  type ProposalResult,
} from '@car-runtime/engine';
import type { RunningPlan as PlanAnswer, RunTurnAction } from '@car-runtime/protocol';
import { timestamp } from '../../infra/timestamp.ts';

/** Characters of ids and names in one answer about running plans, and what an action takes besides, about. */
export const maxAnswerCharacters = 1024 * 1024;
const actionCharacters = 100;

interface Progress {
  status: RunTurnAction['status'];
  startedMs?: number;
  durationMs?: number;
  attempts?: number;
  refusedBy?: string[];
}

const nothingYet: Progress = { status: 'proposed' };

/** Events of the engine after which an action has a status. */
const statusAfter: Readonly<Record<string, RunTurnAction['status']>> = {
  action_validated: 'validated',
  action_executing: 'executing',
  action_succeeded: 'succeeded',
  action_deduplicated: 'succeeded',
  action_failed: 'failed',
  action_rejected: 'rejected',
  action_skipped: 'skipped',
};

export class RunningPlan {
  readonly plan: Proposal;
  readonly #submittedAt = timestamp();
  /** Of actions about which there is something to say. */
  readonly #progress = new Map<string, Progress>();
  readonly #refusedBy: string[] = [];
  #after: string[][] | undefined;

  constructor(plan: Proposal) {
    this.plan = plan;
  }

  /** Of events that say nothing of an action, nothing is kept. */
  note(kind: string, actionId: string | null, details: object | undefined): void {
    if (actionId === null) return;
    const status = statusAfter[kind];
    if (status === undefined && kind !== 'action_retrying' && kind !== 'policy_violation') return;
    let progress = this.#progress.get(actionId);
    if (!progress) this.#progress.set(actionId, (progress = { status: 'proposed' }));
    if (status !== undefined) progress.status = status;
    if (kind === 'action_executing') progress.startedMs = Date.now();
    const { duration_ms: durationMs, attempt, policy_name: policy } = (details ?? {}) as Record<string, unknown>;
    if (typeof durationMs === 'number') progress.durationMs = durationMs;
    if (kind === 'action_retrying' && typeof attempt === 'number') progress.attempts = attempt;
    if (kind === 'policy_violation' && typeof policy === 'string') (progress.refusedBy ??= []).push(`policy ${policy}`);
  }

  /** The whole plan was refused by a gate of the admission. */
  refusedBy(gate: string): void {
    this.#refusedBy.push(gate);
  }

  /** What each turn says of its action, in the order of the plan. */
  toTurnActions({ proposal_id, results }: ProposalResult): RunTurnAction[] {
    const resultOf = new Map(results.map((result) => [result.action_id, result]));
    return this.plan.actions.map((action, index) => {
      const result = resultOf.get(action.id);
      return {
        proposal_id,
        submitted_at: this.#submittedAt,
        ...this.#actionAt(action, index),
        ...(result && { status: result.status, ...timesOf(result) }),
        ...(result?.rolled_back && { rolled_back: true }),
      };
    });
  }

  /** How far it has come, with as many actions as there is room for. */
  toAnswer(room: { characters: number }): PlanAnswer {
    const actions: PlanAnswer['actions'] = [];
    for (const [index, action] of this.plan.actions.entries()) {
      const { id, tool } = action;
      const entry = { ...this.#actionAt(action, index), ...(tool !== undefined && { tool }) };
      const names = [id, tool ?? '', ...entry.after];
      room.characters -= names.reduce((sum, name) => sum + name.length, actionCharacters);
      if (room.characters < 0) break;
      actions.push(entry);
    }
    const omitted = this.plan.actions.length - actions.length;
    return {
      proposal_id: this.plan.id,
      submitted_at: this.#submittedAt,
      actions,
      ...(omitted > 0 && { actions_omitted: omitted }),
    };
  }

  #actionAt({ id, type }: Action, index: number): Omit<RunTurnAction, 'proposal_id' | 'submitted_at'> {
    this.#after ??= dependenciesOf(this.plan.actions);
    const { status, startedMs, durationMs, attempts, refusedBy = [] } = this.#progress.get(id) ?? nothingYet;
    const refusers = [...this.#refusedBy, ...refusedBy];
    return {
      id,
      type,
      after: this.#after[index] ?? [],
      status,
      ...(startedMs !== undefined && { started_at: new Date(startedMs).toISOString() }),
      ...(durationMs !== undefined && { duration_ms: durationMs }),
      ...(attempts !== undefined && { attempts }),
      ...(refusers.length > 0 && { refused_by: refusers }),
    };
  }
}

function timesOf({ duration_ms: durationMs }: ActionResult): { duration_ms?: number } {
  return durationMs === null ? {} : { duration_ms: durationMs };
}
