// What the domain needs of whatever keeps runs. Nothing here says where or how: another driver may be a database that
// many daemons share.
import type { RunLiveStatus, RunRecord, RunSummary } from '@car-runtime/protocol';

export interface RunRef {
  readonly agentId: string;
  readonly runId: string;
}

/** Encoded records of one run, to be stored behind those already stored, as a whole or not at all. */
export interface NewRecords {
  readonly lines: readonly string[];
  /** How many of them are turns. */
  readonly turns: number;
  /** The record that ends the run is among them; nothing follows. */
  readonly isEnd: boolean;
  /** Every record before these, for a store that has lost some. */
  readonly history: () => readonly string[];
}

/** Whether the records are as safe as the store was told to make them. What it refused it keeps, in bounds, and tries again
 *  by itself. */
export type IsStored = boolean;

export interface StoredRun extends RunRef {
  readonly startedAt: string;
  readonly status: RunLiveStatus;
  readonly records: RunRecord[];
  /** Characters of each record as it was written. */
  readonly sizes: readonly number[];
  /** Turns at the end of the run that the store had to give up. */
  readonly lostTurns: number;
}

export interface RunQuery {
  agentId?: string | undefined;
  text?: string | undefined;
  status?: RunLiveStatus | undefined;
  since?: string | undefined;
  /** Only runs behind this one. */
  after?: RunPlace | undefined;
  limit: number;
}

/** Where a run stands among all: newest start first, then by id. */
export interface RunPlace {
  readonly startedMs: number;
  readonly runId: string;
}

export interface RunRetention {
  /** Ended runs kept for each agent; 0 or less for all. */
  maxPerAgent: number;
  /** Days a run is kept after its end; 0 or less for ever. */
  maxAgeDays: number;
}

export const defaultRunRetention: RunRetention = { maxPerAgent: 50, maxAgeDays: 30 };

export interface RunStore extends AsyncDisposable {
  /** I-9: the records of a call are stored by one operation, in the order of the calls for that run. I-10: never throws. A
   *  promise only where the answer has to be waited for. */
  append(run: RunRef, records: NewRecords): IsStored | Promise<IsStored>;
  /** The agent a stored run belongs to. */
  ownerOf(runId: string): Promise<string | undefined>;
  read(runId: string): Promise<StoredRun | undefined>;
  /** Newest start first. */
  list(agentId: string): Promise<RunSummary[]>;
  /** Newest start first. */
  search(query: RunQuery): Promise<RunSummary[]>;
  /** I-16: ends, as incomplete, every stored run without an end that `isLive` does not know. Returns how many. */
  adoptOrphans(isLive: (runId: string) => boolean): Promise<number>;
  /** Removes ended runs past the retention, never one in progress. Returns how many. */
  collectGarbage(retention: RunRetention): Promise<number>;
}
