// How the records of a run are written. A record is encoded once: the same text goes to disk and to every subscriber.
import type {
  AgentOutcome,
  AgentOutcomeInput,
  RunEnded,
  RunLiveStatus,
  RunRecord,
  RunStarted,
  RunTermination,
  RunTurn,
} from '@car-runtime/protocol';
import { timestamp } from '../../infra/timestamp.ts';

export function encodeStarted(started: Omit<RunStarted, 'record'>): string {
  const { run_id, agent_id, intent, outcome_description, started_at } = started;
  return JSON.stringify({ record: 'started', run_id, agent_id, intent, outcome_description, started_at });
}

/** The one place that knows how a termination is spelt. */
export function encodeEnded(ended: Omit<RunEnded, 'record'>): string {
  const { run_id, agent_id, termination, ended_at, lost_turns } = ended;
  return JSON.stringify({ record: 'ended', run_id, agent_id, termination, ended_at, lost_turns });
}

/** A turn without its index is encoded before it is known where it goes; `body` begins with a brace. */
export function encodeTurn(index: number, body: string): string {
  return `{"record":"turn","index":${index},${body.slice(1)}`;
}

/** Fills in what was left out; unknown members are gone already. */
export function toOutcome({ status, summary, evidence, metrics, timestamp: at }: AgentOutcomeInput): AgentOutcome {
  return {
    status,
    summary: summary ?? '',
    evidence: evidence ?? [],
    metrics: {
      turns: metrics?.turns ?? 0,
      tool_calls: metrics?.tool_calls ?? 0,
      duration_ms: metrics?.duration_ms ?? 0,
      retries: metrics?.retries ?? 0,
      actions_succeeded: metrics?.actions_succeeded ?? 0,
      actions_failed: metrics?.actions_failed ?? 0,
    },
    timestamp: at ?? timestamp(),
  };
}

export function statusOf(termination: Pick<RunTermination, 'kind'> | undefined): RunLiveStatus {
  if (!termination) return 'in_progress';
  return termination.kind === 'outcome' ? 'completed' : 'incomplete';
}

export function isTurn(record: RunRecord): record is RunTurn {
  return record.record === 'turn';
}
