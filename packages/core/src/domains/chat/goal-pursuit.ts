// A turn whose agent leaves it to the daemon to check its goal: whenever the agent is done the check runs, and the agent is
// asked again until the check passes or the iterations are used up (Agents, Chat).
import type { ChatGoal } from '@car-runtime/protocol';
import type { Saying } from './chat-session.ts';

export interface GoalVerdict {
  isMet: boolean;
  /** Whether the check ran to its end. */
  isGrounded: boolean;
  /** In a few words. */
  reason: string;
  /** Of the check, the end of it. */
  output: string;
}

/** Runs the check of a goal for an agent. Rejects when it cannot be run at all. */
export type GoalCheck = (goal: ChatGoal, agentId: string, signal: AbortSignal) => Promise<GoalVerdict>;

export interface PursuitOptions {
  goal: ChatGoal & { max_iterations: number };
  check: (signal: AbortSignal) => Promise<GoalVerdict>;
  /** Tells the host. */
  tell: (saying: { readonly kind: string; readonly [field: string]: unknown }) => void;
  /** Asks the agent once more; rejects when it does not take it. */
  ask: (prompt: string) => Promise<unknown>;
}

/** An agent that says more before it acknowledges is not heard. */
const maxHeld = 1_000;
const cancelled = new Error('the turn ended');

export class GoalPursuit {
  readonly #options: PursuitOptions;
  readonly #stopped = new AbortController();
  /** Who checks is known once the agent has acknowledged; until then what it says of the goal, and after that, waits. */
  #checks: 'unknown' | 'agent' | 'daemon' = 'unknown';
  #held: Saying[] = [];
  #iteration = 0;
  #isChecking = false;

  constructor(options: PursuitOptions) {
    this.#options = options;
  }

  /** The agent has acknowledged, and said who checks. */
  decide(isDaemon: boolean): void {
    if (this.#checks !== 'unknown') return;
    this.#checks = isDaemon ? 'daemon' : 'agent';
    const held = this.#held;
    this.#held = [];
    for (const saying of held) if (!this.takes(saying)) this.#options.tell(saying);
  }

  /** Whether something the agent says is taken here and told to nobody, or later. */
  takes(saying: Saying): boolean {
    if (this.#checks === 'agent') return false;
    const { kind } = saying;
    if (this.#checks === 'unknown') {
      const isHeld = kind === 'done' || kind === 'goal_evaluated' || this.#held.length > 0;
      if (isHeld && this.#held.length < maxHeld) this.#held.push(saying);
      return isHeld;
    }
    // The verdict is the daemon's; and while it is sought, the agent has had its say.
    if (kind === 'goal_evaluated' || (this.#isChecking && kind !== 'error')) return true;
    if (kind !== 'done') return false;
    void this.#verify(saying);
    return true;
  }

  /** Ends a check that runs. Nothing is told any more. */
  stop(): void {
    this.#stopped.abort(cancelled);
  }

  async #verify(done: Saying): Promise<void> {
    const { goal, check, tell, ask } = this.#options;
    const { signal } = this.#stopped;
    this.#isChecking = true;
    const iteration = ++this.#iteration;
    let verdict: GoalVerdict;
    try {
      verdict = await check(signal);
    } catch (error) {
      if (!signal.aborted)
        tell({
          kind: 'error',
          error: `Cannot check the goal: ${(error as Error).message}`,
          reason: 'goal_not_checked',
        });
      return;
    }
    if (signal.aborted) return;
    const { isMet, isGrounded, reason, output } = verdict;
    tell({ kind: 'goal_evaluated', iteration, met: isMet, grounded: isGrounded, reason });
    if (isMet) {
      tell(done);
      return;
    }
    if (iteration >= goal.max_iterations) {
      tell({
        kind: 'error',
        error: `the goal is not met after ${iteration} of ${goal.max_iterations} iterations: ${reason}`,
        reason: 'goal_not_met',
      });
      return;
    }
    this.#isChecking = false;
    try {
      await ask(promptFor(goal.check, reason, output));
    } catch (error) {
      if (!signal.aborted) tell({ kind: 'error', error: (error as Error).message, reason: 'agent_refused' });
    }
  }
}

/** The output is text of programs and files: quoted, so that it does not pass for the prompt. */
function promptFor(check: string, reason: string, output: string): string {
  const fence = '`'.repeat(Math.max(3, ...(output.match(/`+/g) ?? []).map((run) => run.length + 1)));
  return [
    `The goal is not met yet: ${reason}.`,
    `Check: ${check}`,
    ...(output.trim() === ''
      ? ['It printed nothing.']
      : ['The end of what it printed:', fence, output.trimEnd(), fence]),
    'Go on until the check passes.',
  ].join('\n');
}
