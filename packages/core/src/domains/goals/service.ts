// Goals that stand for chat sessions, and how far the turns that pursue them came (Agents, Goals).
import { isAbsolute } from 'node:path';
import { fail, maxGoalIterations, type ChatGoal, type ChatGoalState } from '@car-runtime/protocol';
import { GoalsFullError, maxReasonCharacters, type GoalStore, type KeptGoal } from './store.ts';

const defaultIterations = 8;

export interface CheckedGoal {
  check: string;
  max_iterations: number;
  working_dir?: string;
}

/** What is said in a turn that pursues a goal, as far as it matters here. */
export interface GoalEvent {
  readonly session_id: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

export class GoalService implements Disposable {
  readonly #store: GoalStore;
  readonly #now: () => number;
  /** Sessions whose turn pursues the goal that is kept for them. */
  readonly #pursued = new Set<string>();

  constructor(store: GoalStore, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  set(sessionId: string, goal: ChatGoal): ChatGoalState {
    const checked = checkedGoal(goal);
    return this.#change(sessionId, () => {
      const state: KeptGoal = { session_id: sessionId, ...checked, status: 'active', updated_at: this.#seconds() };
      this.#store.put(state);
      // A turn under way goes on with what it was given, and no longer says how far this one came.
      this.#pursued.delete(sessionId);
      return shown(state);
    });
  }

  status(sessionId: string): ChatGoalState | null {
    const goal = this.#store.get(sessionId);
    return goal ? shown(goal) : null;
  }

  all(): ChatGoalState[] {
    return this.#store.all().map(shown);
  }

  clear(sessionId: string): boolean {
    if (!this.#store.get(sessionId)) return false;
    return this.#change(sessionId, () => {
      this.#pursued.delete(sessionId);
      return this.#store.delete(sessionId) !== undefined;
    });
  }

  clearAll(): number {
    const goals = this.#store.all();
    if (goals.length === 0) return 0;
    for (const { session_id } of goals) this.#store.delete(session_id);
    try {
      this.#store.store();
    } catch (error) {
      for (const goal of goals) this.#store.put(goal);
      throw notStored(error);
    }
    this.#pursued.clear();
    return goals.length;
  }

  /** The goal that was set for a session. One that came with an earlier prompt does not stand. */
  standing(sessionId: string): CheckedGoal | undefined {
    const goal = this.#store.get(sessionId);
    if (!goal || goal.is_of_turn) return undefined;
    const { check, max_iterations, working_dir } = goal;
    return { check, max_iterations, ...(working_dir !== undefined && { working_dir }) };
  }

  /** A turn began. A goal of its own is kept as such, unless another stands for the session: that one stays as it is. */
  started(sessionId: string, goal: CheckedGoal): void {
    const kept = this.#store.get(sessionId);
    this.#pursued.delete(sessionId);
    const { check, max_iterations, working_dir } = goal;
    const isStanding = kept !== undefined && !kept.is_of_turn;
    if (
      isStanding &&
      (kept.check !== check || kept.max_iterations !== max_iterations || kept.working_dir !== working_dir)
    )
      return;
    try {
      this.#store.put({
        session_id: sessionId,
        check,
        max_iterations,
        ...(working_dir !== undefined && { working_dir }),
        status: 'running',
        updated_at: this.#seconds(),
        ...(!isStanding && { is_of_turn: true }),
      });
    } catch (error) {
      // Nobody asked to keep it: the turn goes on without a record.
      if (error instanceof GoalsFullError) return;
      throw error;
    }
    this.#pursued.add(sessionId);
    this.#store.storeSoon();
  }

  observed(event: GoalEvent): void {
    const goal = this.#pursued.has(event.session_id) ? this.#store.get(event.session_id) : undefined;
    const next = goal && after(goal, event);
    if (!next) return;
    if (next.terminal_kind) this.#pursued.delete(event.session_id);
    this.#store.put({ ...next, updated_at: this.#seconds() });
    this.#store.storeSoon();
  }

  /** The turn ended without a last word: cancelled, or a side of it is gone. */
  stopped(sessionId: string): void {
    const goal = this.#store.get(sessionId);
    if (!this.#pursued.delete(sessionId) || !goal) return;
    this.#store.put({ ...goal, status: 'active', updated_at: this.#seconds() });
    this.#store.storeSoon();
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** What the disk refuses did not happen. */
  #change<T>(sessionId: string, change: () => T): T {
    const before = this.#store.get(sessionId);
    const wasPursued = this.#pursued.has(sessionId);
    try {
      const result = change();
      this.#store.store();
      return result;
    } catch (error) {
      if (error instanceof GoalsFullError)
        throw fail('overloaded', `Cannot set a goal: ${error.message}`, { data: { reason: 'too_many_goals' } });
      if (before) this.#store.put(before);
      else this.#store.delete(sessionId);
      if (wasPursued) this.#pursued.add(sessionId);
      throw notStored(error);
    }
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1_000);
  }
}

/** Trimmed, not empty, and with a number of iterations within bounds. */
export function checkedGoal({ check, max_iterations, working_dir }: ChatGoal): CheckedGoal {
  const trimmed = check.trim();
  if (trimmed === '') throw fail('invalid_params', 'goal.check must not be empty');
  if (trimmed.includes('\0')) throw fail('invalid_params', 'goal.check must not contain a NUL character');
  if (working_dir != null && (!isAbsolute(working_dir) || working_dir.includes('\0')))
    throw fail('invalid_params', `goal.working_dir must be an absolute path, got ${JSON.stringify(working_dir)}`);
  const wanted = Math.trunc(max_iterations ?? defaultIterations);
  return {
    check: trimmed,
    max_iterations: Math.min(maxGoalIterations, Math.max(1, wanted)),
    ...(working_dir != null && { working_dir }),
  };
}

/** A goal after something was said of it; nothing when it was not. */
function after(goal: KeptGoal, event: GoalEvent): KeptGoal | undefined {
  const { kind, iteration, met, grounded, reason, text, finish_reason, error } = event;
  if (kind === 'goal_evaluated') {
    return {
      ...goal,
      ...(typeof iteration === 'number' && { last_iteration: iteration }),
      ...(typeof met === 'boolean' && { last_met: met }),
      ...(typeof grounded === 'boolean' && { last_grounded: grounded }),
      ...(typeof reason === 'string' && { last_reason: reason.slice(0, maxReasonCharacters) }),
    };
  }
  if (kind !== 'done' && kind !== 'error') return undefined;
  const message = kind === 'error' ? error : (text ?? finish_reason);
  return {
    ...goal,
    // An agent that is done without saying that the check passed has left the goal open.
    status: kind === 'error' ? 'failed' : goal.last_met === true ? 'met' : 'active',
    terminal_kind: kind,
    ...(typeof message === 'string' && { terminal_message: message.slice(0, maxReasonCharacters) }),
  };
}

function shown({ is_of_turn: _isOfTurn, ...goal }: KeptGoal): ChatGoalState {
  return goal;
}

function notStored(error: unknown): Error {
  return fail('failed', `Cannot store goals: ${(error as Error).message}`, {
    data: { reason: 'not_stored' },
    cause: error,
  });
}
