import type { ChatGoal } from '@car-runtime/protocol';
import type { CommandResult, CommandRunner } from '../../infra/command-runner.ts';

export interface Verdict {
  isMet: boolean;
  /** Whether the check ran to its end. */
  isGrounded: boolean;
  reason: string;
  output: string;
}

/** Runs the check of a goal in its folder, else in that of its agent. Met is exit status 0, and nothing else. */
export async function runGoalCheck(
  runner: CommandRunner,
  goal: ChatGoal,
  { folder, timeoutMs, signal }: { folder: string | undefined; timeoutMs: number | undefined; signal: AbortSignal },
): Promise<Verdict> {
  const cwd = goal.working_dir ?? folder;
  if (cwd === undefined) throw new Error('neither the goal nor the agent names a folder (working_dir, cwd)');
  const result = await runner.run({ command: goal.check, cwd, signal, ...(timeoutMs !== undefined && { timeoutMs }) });
  const isMet = result.endedBy === undefined && result.exitCode === 0;
  return { isMet, isGrounded: result.endedBy === undefined, reason: reasonOf(result), output: result.output };
}

function reasonOf({ exitCode, endedBy, durationMs }: CommandResult): string {
  if (endedBy === 'timeout') return `the check was ended after ${Math.round(durationMs / 1_000)} s`;
  if (endedBy === 'flood') return 'the check was ended because it printed too much';
  if (endedBy === 'cancel') return 'the check was cancelled';
  return exitCode === null ? 'the check was ended by a signal' : `the check exited with ${exitCode}`;
}
