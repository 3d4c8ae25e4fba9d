// A table of what the files of ended runs say, so that a list of a hundred thousand runs opens none of them. It holds nothing
// that the files do not: whatever is wrong with it, it is made anew.
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { RunLiveStatus } from '@car-runtime/protocol';
import type { RunFacts } from './parse-run.ts';
import type { RunQuery } from './run-store.ts';

/** Raised with every change of the table. */
const schemaVersion = 2;
const pageRows = 1_000;

/** A file, and what it says; nothing when it is not a run's. */
export interface IndexEntry {
  folder: string;
  file: string;
  facts: RunFacts | undefined;
}

export interface EndedRow {
  file: string;
  startedMs: number;
  endedMs: number;
}

export class RunIndex implements Disposable {
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #statuses: StatementSync;
  readonly #folders: StatementSync;
  readonly #listed: StatementSync;
  readonly #ended: StatementSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#put = database.prepare(
      'INSERT OR REPLACE INTO runs (folder, file, run_id, agent_id, intent, outcome_description, outcome_summary,' +
        ' started_at, started_ms, ended_at, ended_ms, status, turn_count, outcome) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)',
    );
    this.#remove = database.prepare('DELETE FROM runs WHERE folder = ? AND file = ?');
    this.#statuses = database.prepare(
      'SELECT file, status FROM runs WHERE folder = ? AND file > ? ORDER BY file LIMIT ?',
    );
    this.#folders = database.prepare('SELECT folder FROM runs WHERE file = ? AND status IS NOT NULL');
    this.#listed = database.prepare(
      'SELECT run_id, agent_id, intent, started_at, ended_at, status, turn_count, outcome FROM runs' +
        ' WHERE folder = ? AND status IS NOT NULL ORDER BY started_ms DESC, run_id',
    );
    this.#ended = database.prepare(
      'SELECT file, started_ms, ended_ms FROM runs' +
        " WHERE folder = ? AND status IN ('completed', 'incomplete') ORDER BY started_ms DESC, run_id",
    );
  }

  /** Opens the index at a path, or makes it. Where it cannot be had there, it is kept in memory. */
  static async open(path: string): Promise<RunIndex> {
    const { DatabaseSync } = await import('node:sqlite');
    const attempt = (at: string): RunIndex => {
      if (at !== ':memory:') touch(at);
      const database = new DatabaseSync(at, { timeout: 100 });
      try {
        prepare(database);
        return new RunIndex(database);
      } catch (error) {
        database.close();
        throw error;
      }
    };
    try {
      return attempt(path);
    } catch {
      // Damaged, or of another version of SQLite: nothing is lost with it.
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true, recursive: true });
    }
    try {
      return attempt(path);
    } catch {
      return attempt(':memory:');
    }
  }

  /** Files known of a folder, with `undefined` for those that are no run's; in pages, so that others get a turn. */
  async statusesOf(folder: string): Promise<Map<string, RunLiveStatus | undefined>> {
    const statuses = new Map<string, RunLiveStatus | undefined>();
    for (let last = ''; ;) {
      const rows = this.#statuses.all(folder, last, pageRows) as { file: string; status: RunLiveStatus | null }[];
      for (const { file, status } of rows) statuses.set(file, status ?? undefined);
      if (rows.length < pageRows) return statuses;
      last = rows.at(-1)?.file ?? last;
      await nextTurn();
    }
  }

  /** Folders that are known to have a file of that name. */
  foldersOf(file: string): string[] {
    return (this.#folders.all(file) as { folder: string }[]).map(({ folder }) => folder);
  }

  put(entries: readonly IndexEntry[]): void {
    this.#transaction(() => {
      for (const { folder, file, facts } of entries) {
        this.#put.run(
          folder,
          file,
          facts?.run_id ?? null,
          facts?.agent_id ?? null,
          facts?.intent ?? null,
          facts?.outcome_description ?? null,
          facts?.outcome_summary ?? null,
          facts?.started_at ?? null,
          toMs(facts?.started_at),
          facts?.ended_at ?? null,
          toMs(facts?.ended_at),
          facts?.status ?? null,
          facts?.turn_count ?? null,
          facts?.outcome ?? null,
        );
      }
    });
  }

  remove(folder: string, files: readonly string[]): void {
    this.#transaction(() => {
      for (const file of files) this.#remove.run(folder, file);
    });
  }

  list(folder: string): RunFacts[] {
    return (this.#listed.all(folder) as unknown as Row[]).map(toFacts);
  }

  /** Newest first. */
  endedOf(folder: string): EndedRow[] {
    const rows = this.#ended.all(folder) as { file: string; started_ms: number; ended_ms: number }[];
    return rows.map(({ file, started_ms: startedMs, ended_ms: endedMs }) => ({ file, startedMs, endedMs }));
  }

  search({ agentId, text, status, since, after, limit }: RunQuery): RunFacts[] {
    const conditions = ['status IS NOT NULL'];
    const values: (string | number)[] = [];
    const where = (condition: string, ...given: (string | number)[]): void => {
      conditions.push(condition);
      values.push(...given);
    };
    if (agentId !== undefined) where('agent_id = ?', agentId);
    if (status !== undefined) where('status = ?', status);
    if (since !== undefined) where('started_ms >= ?', Date.parse(since));
    if (after) {
      const { startedMs, runId } = after;
      where('(started_ms < ? OR (started_ms = ? AND run_id > ?))', startedMs, startedMs, runId);
    }
    if (text !== undefined) {
      const pattern = `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`;
      const matches = ['intent', 'outcome_description', 'outcome_summary'].map(
        (column) => String.raw`${column} LIKE ? ESCAPE '\'`,
      );
      where(`(${matches.join(' OR ')})`, pattern, pattern, pattern);
    }
    const statement = this.#database.prepare(
      'SELECT run_id, agent_id, intent, started_at, ended_at, status, turn_count, outcome FROM runs' +
        ` WHERE ${conditions.join(' AND ')} ORDER BY started_ms DESC, run_id LIMIT ?`,
    );
    return (statement.all(...values, limit) as unknown as Row[]).map(toFacts);
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

interface Row {
  run_id: string;
  agent_id: string;
  intent: string;
  started_at: string;
  ended_at: string | null;
  status: RunLiveStatus;
  turn_count: number;
  outcome: RunFacts['outcome'] | null;
}

function toFacts({ ended_at, outcome, ...row }: Row): RunFacts {
  return { ...row, ...(ended_at !== null && { ended_at }), ...(outcome !== null && { outcome }) };
}

/** Made by us, so that nobody else can look into it. */
function touch(path: string): void {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  closeSync(openSync(path, O_RDWR | O_CREAT | (O_NOFOLLOW ?? 0), 0o600));
}

function prepare(database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === schemaVersion) return;
  database.exec(
    'DROP TABLE IF EXISTS runs;' +
      ' CREATE TABLE runs (folder TEXT, file TEXT, run_id TEXT, agent_id TEXT, intent TEXT, outcome_description TEXT,' +
      ' outcome_summary TEXT, started_at TEXT, started_ms REAL, ended_at TEXT, ended_ms REAL, status TEXT, turn_count INTEGER, outcome TEXT,' +
      ' PRIMARY KEY (folder, file)) WITHOUT ROWID;' +
      ' CREATE INDEX runs_by_file ON runs (file);' +
      ' CREATE INDEX runs_by_start ON runs (started_ms);' +
      ` PRAGMA user_version = ${schemaVersion}`,
  );
}

/** A time that cannot be read is before all others. */
function toMs(at: string | undefined): number {
  const ms = at === undefined ? 0 : Date.parse(at);
  return Number.isNaN(ms) ? 0 : ms;
}
