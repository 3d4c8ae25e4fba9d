import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { clientIdOf } from '../../journal/paths.ts';

export interface JournalRetention {
  /** Newest journals kept. */
  maxFiles: number;
  maxAgeDays: number;
}

export const defaultJournalRetention: JournalRetention = { maxFiles: 2_000, maxAgeDays: 30 };

const dayMs = 86_400_000;

/** The files of one session: its journal, its checkpoints, and what a crash left. */
interface Session {
  paths: string[];
  changedAt: number;
}

/** Removes journals past the retention, each with its checkpoints, and returns how many went. Other files are left
 *  alone. */
export async function pruneJournals(directory: string, retention: JournalRetention, now = Date.now()): Promise<number> {
  const sessions = await readSessions(directory);
  const newestFirst = sessions.toSorted((left, right) => right.changedAt - left.changedAt);
  const surplus = newestFirst.filter(
    ({ changedAt }, index) => index >= retention.maxFiles || now - changedAt > retention.maxAgeDays * dayMs,
  );
  for (const path of surplus.flatMap(({ paths }) => paths)) await unlink(path).catch(() => undefined);
  return surplus.length;
}

async function readSessions(directory: string): Promise<Session[]> {
  const sessions = new Map<string, Session>();
  for (const name of await readdir(directory).catch(() => [])) {
    const id = clientIdOf(name);
    if (id === undefined) continue;
    const path = join(directory, name);
    // A file another process removed meanwhile is as good as pruned.
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile()) continue;
    const session = sessions.get(id) ?? { paths: [], changedAt: 0 };
    session.paths.push(path);
    session.changedAt = Math.max(session.changedAt, info.mtimeMs);
    sessions.set(id, session);
  }
  return [...sessions.values()];
}
