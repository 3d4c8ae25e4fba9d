// What went wrong in a session, read out of its event log: entries that an agent may be reminded of, and the trigger they
// amount to (Memory, memory.maintain).
import { createHash } from 'node:crypto';
import type { JournalEvent, ProactiveTrigger } from '@car-runtime/protocol';

export interface Mishap {
  /** The same for the same event, whenever it is read. */
  readonly id: string;
  readonly subject: string;
  readonly body: string;
}

/** An error's text, in an entry. */
const maxErrorChars = 500;

/** Entries for events, the oldest first. */
export function mishapsOf(events: readonly JournalEvent[]): Mishap[] {
  return events.flatMap((event) => {
    const said = describe(event);
    return said ? [{ id: idOf(event), ...said }] : [];
  });
}

export function triggerOf(events: readonly JournalEvent[]): Required<ProactiveTrigger> {
  const failures = new Map<string, number>();
  let hasFailed = false;
  let isUncertain = false;
  let isRisky = false;
  for (const { kind, data } of events) {
    if (kind === 'action_failed' || kind === 'action_retrying') {
      hasFailed ||= kind === 'action_failed';
      const tool = textOf(data, 'tool') ?? 'an action';
      failures.set(tool, (failures.get(tool) ?? 0) + 1);
    } else if (kind === 'goal_evaluated') isUncertain ||= isOpen(data);
    else if (kind === 'action_rejected' || kind === 'policy_violation') isRisky = true;
  }
  const most = Math.max(0, ...failures.values());
  return {
    repeated_failures: most > 1 ? most : 0,
    tool_error: hasFailed,
    explicit_uncertainty: isUncertain,
    high_risk_action: isRisky,
    context_shift: false,
  };
}

function describe({ kind, data }: JournalEvent): Omit<Mishap, 'id'> | undefined {
  const tool = textOf(data, 'tool') ?? textOf(data, 'action_type') ?? 'an action';
  const error = (textOf(data, 'error') ?? 'no reason given').slice(0, maxErrorChars);
  switch (kind) {
    case 'action_failed':
      return { subject: `${tool} failed`, body: error };
    case 'action_retrying':
      return { subject: `${tool} had to be tried again`, body: error };
    case 'replan_exhausted':
      return {
        subject: 'replanning gave up',
        body: `no plan worked after ${typeof data['replans'] === 'number' ? data['replans'] : 'all'} attempts`,
      };
    case 'goal_evaluated':
      return isOpen(data)
        ? { subject: 'a goal is open', body: textOf(data, 'goal') ?? textOf(data, 'reason') ?? 'it was not met' }
        : undefined;
    case 'turn_completed':
      if (data['truncated'] === true)
        return { subject: 'a turn was cut off', body: 'its output was longer than allowed' };
      return data['stalled'] === true ? { subject: 'a turn stalled', body: 'it made no progress' } : undefined;
    default:
      return undefined;
  }
}

/** Not met, or met without anything that shows it. */
function isOpen(data: Readonly<Record<string, unknown>>): boolean {
  const met = data['met'] ?? data['satisfied'] ?? data['goal_met'];
  return met === false || data['grounded'] === false || data['ungrounded'] === true;
}

function textOf(data: Readonly<Record<string, unknown>>, field: string): string | undefined {
  const value = data[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function idOf({ kind, action_id, proposal_id, timestamp, data }: JournalEvent): string {
  const content = JSON.stringify([kind, action_id ?? null, proposal_id ?? null, timestamp, data]);
  return `proactive-event:${createHash('sha256').update(content).digest('hex').slice(0, 24)}`;
}
