import type { RunLiveStatus, RunTermination } from '@car-runtime/protocol';
import { SharedFrame } from '@car-runtime/rpc';
import { statusOf } from './records.ts';
import type { RunningPlan } from './running-plan.ts';
import type { Gap, Subscriber } from '../../kernel/feed-subscriber.ts';

export interface RunHeader {
  runId: string;
  agentId: string;
  /** The connection that opened it, for the sweep when that one goes away. */
  clientId: string;
  startedAt: string;
}

/** A run of this daemon's lifetime. What a run holds changes only in the synchronous blocks of `RunRegistry`. */
export class Run {
  readonly runId: string;
  readonly agentId: string;
  readonly clientId: string;
  readonly startedAt: string;
  /** Encoded records. They are given up once the run has ended and its end was stored, or refused. */
  startedLine: string;
  turns: string[] = [];
  endedLine: string | undefined;
  turnCount = 0;
  /** Its presence is the test for a run that has ended. */
  termination: Pick<RunTermination, 'kind'> | undefined;
  readonly subscribers = new Map<string, Subscriber>();
  /** Under way; as many as connections may have calls in flight. */
  readonly plans = new Set<RunningPlan>();
  #eventHead: string | undefined;

  constructor(header: RunHeader, startedLine: string) {
    this.runId = header.runId;
    this.agentId = header.agentId;
    this.clientId = header.clientId;
    this.startedAt = header.startedAt;
    this.startedLine = startedLine;
  }

  get status(): RunLiveStatus {
    return statusOf(this.termination);
  }

  get isEnded(): boolean {
    return this.termination !== undefined;
  }

  forgetRecords(): void {
    this.startedLine = '';
    this.turns = [];
    this.endedLine = undefined;
    // Nothing will be said to them any more.
    this.subscribers.clear();
  }

  /** The event of a record, encoded once for all who get it. */
  toEvent(line: string, cursor: number): SharedFrame {
    this.#eventHead ??= eventHead(this.runId, this.agentId);
    return SharedFrame.text(`${this.#eventHead}${line},"cursor":${cursor},"status":"${this.status}"}}`);
  }

  /** The marker of dropped events. Its cursor is the one to subscribe again after. */
  toGapEvent({ after, from, to }: Gap): SharedFrame {
    return this.toEvent(`{"record":"gap","from":${from},"to":${to}}`, after);
  }
}

function eventHead(runId: string, agentId: string): string {
  const run = JSON.stringify(runId);
  const agent = JSON.stringify(agentId);
  return `{"jsonrpc":"2.0","method":"runs.trace.event","params":{"run_id":${run},"agent_id":${agent},"record":`;
}
