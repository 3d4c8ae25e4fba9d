// Goals of chat sessions: in memory, and in one small file that is replaced whole (Agents, Goals).
import { mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ChatGoalState } from '@car-runtime/protocol';
import { readPrivateFile, writePrivateFile } from '../../infra/private-file.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';

const maxGoals = 1_000;
/** Of all checks, folders and session names together. */
const maxGoalCharacters = 1024 * 1024;
export const maxReasonCharacters = 2_000;
/** What turns say is stored at most this often; what callers set is stored before they are answered. */
const storeEveryMs = 100;
const component = 'chat goals';

/** Goals set by callers stand for every turn of their session; one that came with a prompt counts for that turn alone. */
export interface KeptGoal extends ChatGoalState {
  is_of_turn?: true;
}

/** There are as many goals as there may be, and every one of them stands or is pursued. */
export class GoalsFullError extends Error {
  override readonly name = 'GoalsFullError';
}

export interface GoalStoreOptions {
  /** Without one, goals live in memory alone. */
  path: string | undefined;
  health: Health;
  logger: Logger;
}

export class GoalStore implements Disposable {
  readonly #options: GoalStoreOptions;
  readonly #goals = new Map<string, KeptGoal>();
  #characters = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GoalStoreOptions) {
    this.#options = options;
    this.#load();
  }

  get(sessionId: string): KeptGoal | undefined {
    return this.#goals.get(sessionId);
  }

  all(): KeptGoal[] {
    return [...this.#goals.values()];
  }

  /** In memory; `store` or `storeSoon` follows. Makes room by forgetting goals of turns that have ended, oldest first. */
  put(goal: KeptGoal): void {
    const before = this.#goals.get(goal.session_id);
    const grows = sizeOf(goal) - (before ? sizeOf(before) : 0);
    this.#makeRoom(before ? 0 : 1, grows, goal.session_id);
    this.#characters += grows;
    this.#goals.set(goal.session_id, goal);
  }

  delete(sessionId: string): KeptGoal | undefined {
    const goal = this.#goals.get(sessionId);
    if (!goal) return undefined;
    this.#characters -= sizeOf(goal);
    this.#goals.delete(sessionId);
    return goal;
  }

  /** Throws what the disk said; the file is then as it was. */
  store({ isSynced = true } = {}): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { path, health } = this.#options;
    if (path === undefined) return;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writePrivateFile(path, `${JSON.stringify({ goals: this.all() })}\n`, { isSynced });
      health.recover(component);
    } catch (error) {
      health.degrade(component, (error as Error).message);
      throw error;
    }
  }

  storeSoon(): void {
    this.#timer ??= setTimeout(() => this.#storeNow(), storeEveryMs).unref();
  }

  [Symbol.dispose](): void {
    if (this.#timer !== undefined) this.#storeNow();
  }

  #storeNow(): void {
    try {
      // Every turn passes here: a crash of the daemon undoes nothing, and more is not worth waiting for the medium.
      this.store({ isSynced: false });
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'Cannot store the goals of chats');
    }
  }

  #makeRoom(entries: number, characters: number, keptId: string): void {
    const fits = (): boolean =>
      this.#goals.size + entries <= maxGoals && this.#characters + characters <= maxGoalCharacters;
    for (const goal of this.#goals.values()) {
      if (fits()) return;
      if (goal.is_of_turn && goal.status !== 'running' && goal.session_id !== keptId) this.delete(goal.session_id);
    }
    if (!fits())
      throw new GoalsFullError(
        `there are ${this.#goals.size} of ${this.#characters} characters in all, and the limit is ` +
          `${maxGoals} of ${maxGoalCharacters}`,
      );
  }

  /** What a turn pursued when the daemon ended is pursued no more. A file that cannot be read is set aside. */
  #load(): void {
    const { path, logger } = this.#options;
    if (path === undefined) return;
    try {
      const text = readPrivateFile(path);
      if (text === undefined) return;
      for (const goal of toGoals(JSON.parse(text))) {
        this.put(goal.status === 'running' ? { ...goal, status: 'active' } : goal);
      }
    } catch (error) {
      this.#goals.clear();
      this.#characters = 0;
      const aside = `${path}.unreadable`;
      logger.error({ err: error, path, aside }, 'Cannot read the goals of chats; the file is set aside');
      try {
        renameSync(path, aside);
      } catch {
        // It stays where it is, and is replaced at the next change.
      }
    }
  }
}

function sizeOf({ session_id, check, working_dir = '' }: ChatGoalState): number {
  return session_id.length + check.length + working_dir.length;
}

function toGoals(value: unknown): KeptGoal[] {
  const { goals } = value as { goals: unknown };
  if (!Array.isArray(goals)) throw new Error('it has no list of goals');
  const statuses: readonly unknown[] = ['active', 'running', 'met', 'failed'];
  return goals.map((goal: Partial<KeptGoal>) => {
    const { session_id, check, max_iterations, status } = goal;
    const isGoal =
      typeof session_id === 'string' &&
      typeof check === 'string' &&
      typeof max_iterations === 'number' &&
      statuses.includes(status);
    if (!isGoal) throw new Error(`it has an entry that is no goal: ${JSON.stringify(goal)?.slice(0, 200)}`);
    return goal as KeptGoal;
  });
}
