import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface JournalRetention {
  /** Newest files kept. */
  maxFiles: number;
  maxAgeDays: number;
}

export const defaultJournalRetention: JournalRetention = { maxFiles: 2_000, maxAgeDays: 30 };

const dayMs = 86_400_000;

/** Removes journals past the retention and returns how many went. Files that are not journals are left alone. */
export async function pruneJournals(directory: string, retention: JournalRetention, now = Date.now()): Promise<number> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.jsonl'));
  const files: { path: string; changedAt: number }[] = [];
  for (const name of names) {
    const path = join(directory, name);
    // A file another process removed meanwhile is as good as pruned.
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) files.push({ path, changedAt: info.mtimeMs });
  }
  const newestFirst = files.toSorted((left, right) => right.changedAt - left.changedAt);
  const surplus = newestFirst.filter(
    ({ changedAt }, index) => index >= retention.maxFiles || now - changedAt > retention.maxAgeDays * dayMs,
  );
  for (const { path } of surplus) await unlink(path).catch(() => undefined);
  return surplus.length;
}
