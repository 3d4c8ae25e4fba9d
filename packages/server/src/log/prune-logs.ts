import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const secondaryLog = /^car-server-\d+\.log(\.\d+)?$/;

/** Keeps the newest logs of secondary daemons: each has the port in its name, and with free ports they would pile up.
 *  One that still runs goes on writing to its file, gone or not. Never throws. */
export function pruneSecondaryLogs(folder: string, maxFiles: number): void {
  try {
    const files = readdirSync(folder)
      .filter((name) => secondaryLog.test(name))
      .map((name) => ({ path: join(folder, name), changedAt: statSync(join(folder, name)).mtimeMs }));
    for (const { path } of files.toSorted((left, right) => right.changedAt - left.changedAt).slice(maxFiles)) {
      rmSync(path, { force: true });
    }
  } catch {
    // House-keeping: another daemon may be at it too, and the next one tries again.
  }
}
