// Runs as they are kept: lists, traces, and what can be said of them afterwards.
import { fail, type RunRecord, type RunSummary } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import { checkMayRead } from './access.ts';
import { unknownRun } from './service.ts';
import type { RunPlace, RunQuery, RunStore, StoredRun } from './store/run-store.ts';

/** Characters of the records of one answer: a connection takes so much at once, and more would cut it off. */
const maxAnswerCharacters = 16 * 1024 * 1024;

export interface Trace {
  agentId: string;
  records: RunRecord[];
  nextCursor: number | undefined;
  lostTurns: number;
}

export class RunReader {
  readonly #store: RunStore;

  constructor(store: RunStore) {
    this.#store = store;
  }

  /** Asked before anything is looked at. */
  async list(caller: Connection, agentId: string): Promise<RunSummary[]> {
    checkMayRead(caller, agentId, `runs of agent ${JSON.stringify(agentId)}`);
    return await this.#store.list(agentId);
  }

  async trace(caller: Connection, runId: string, cursor: number): Promise<Trace | undefined> {
    const run = await this.#read(caller, runId);
    if (!run) return undefined;
    const { agentId, records, sizes, lostTurns } = run;
    let end = cursor;
    for (let characters = 0; end < records.length; end++) {
      characters += sizes[end] ?? 0;
      if (characters > maxAnswerCharacters && end > cursor) break;
    }
    return {
      agentId,
      records: records.slice(cursor, end),
      nextCursor: end < records.length ? end : undefined,
      lostTurns,
    };
  }

  /** With where to go on, when there are more. */
  async search(caller: Connection, query: RunQuery): Promise<{ runs: RunSummary[]; next?: RunPlace }> {
    const agentId = query.agentId ?? (caller.isHost ? undefined : caller.agentId);
    if (!caller.isHost && agentId === undefined) {
      throw fail('forbidden', 'Cannot search runs: needs an agent, for its own, or the host role');
    }
    if (agentId !== undefined) checkMayRead(caller, agentId, `runs of agent ${JSON.stringify(agentId)}`);
    const found = await this.#store.search({ ...query, agentId, limit: query.limit + 1 });
    const runs = found.slice(0, query.limit);
    const last = runs.at(-1);
    if (found.length === runs.length || !last) return { runs };
    // A time that cannot be read is before all others, as in the store.
    return { runs, next: { startedMs: Date.parse(last.started_at) || 0, runId: last.run_id } };
  }

  /** The whole run, for callers that cannot do without. */
  async read(caller: Connection, runId: string): Promise<StoredRun> {
    const run = await this.#read(caller, runId);
    if (!run) throw unknownRun(runId);
    return run;
  }

  /** Nothing of what is in it before it is known that the caller may. */
  async #read(caller: Connection, runId: string): Promise<StoredRun | undefined> {
    // Finding out whose it is means reading it, so it is read once for both.
    const run = await this.#store.read(runId);
    if (run) checkMayRead(caller, run.agentId, `run ${JSON.stringify(runId)}`);
    return run;
  }
}
