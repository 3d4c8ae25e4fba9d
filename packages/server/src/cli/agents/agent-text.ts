// Agents in words, as every command of `car agents` shows them.
import type { MethodResult } from '@car-runtime/client';
import type { ManagedAgent } from '@car-runtime/protocol';
import { exitCode, UsageError } from '../exit-codes.ts';
import { durationText, paint, printJson, printLine, shown } from '../terminal.ts';

export type ListedAgent = MethodResult<'agents.list'>[number];

const styles = { stopped: 'dim', starting: 'cyan', running: 'green', backoff: 'yellow', errored: 'red' } as const;

export function isSupervised(agent: ListedAgent): agent is ManagedAgent {
  return 'status' in agent;
}

export function statusStyle(agent: ListedAgent) {
  return isSupervised(agent) ? styles[agent.status] : 'dim';
}

/** How it got where it is, in a few words. */
export function whyText(agent: ManagedAgent): string {
  const { status, started_at, blocked_by_pid, last_error, last_exit_code, retry_at } = agent;
  if (status === 'running' && started_at != null)
    return `up ${durationText(Math.max(0, Date.now() - started_at * 1_000))}`;
  if (blocked_by_pid !== undefined) return `process ${blocked_by_pid} runs it already`;
  const reason = last_error ?? (last_exit_code == null ? '' : `exited with ${last_exit_code}`);
  if (status === 'backoff' && retry_at !== undefined)
    return `${reason}; next try in ${durationText(Math.max(0, retry_at * 1_000 - Date.now()))}`;
  return reason;
}

/** Prints what became of an agent; the exit status says whether it is what was wanted. */
export function report(agent: ManagedAgent, isJson: boolean, isWanted: boolean): number {
  if (isJson) printJson(agent, { isRaw: true });
  else {
    const pid = agent.pid == null ? '' : `, process ${agent.pid}`;
    const why = agent.status === 'running' ? '' : whyText(agent);
    const text = `${paint(styles[agent.status], `● ${agent.status}`)}  ${shown(agent.id)}${pid}`;
    printLine(why === '' ? text : `${text}  ${paint('dim', shown(why))}`);
  }
  return isWanted ? exitCode.ok : exitCode.failed;
}

export function nameOf(args: readonly (string | undefined)[]): string {
  const [name] = args;
  if (name === undefined || name === '') throw new UsageError('the id of an agent is missing');
  return name;
}
