// Every file below a folder, in the order of their names; links are seen and not followed.
import type { Entry, Folder } from '../../../infra/rooted-folder.ts';
import { PathProblem } from '../../../infra/rooted-path.ts';
import type { Budget } from './budget.ts';
import { maxDepth, maxFolderEntries, maxVisited } from './limits.ts';

export interface WalkedFile {
  /** Relative to where the walk began, with slashes. */
  readonly path: string;
  readonly entry: Entry;
  readonly folder: Folder;
}

/** Why an answer is not all there is. */
export type Truncation = 'limit' | 'time' | 'size' | 'entries' | 'depth';

export class Walk {
  readonly #excluded: ReadonlySet<string>;
  readonly #budget: Budget;
  #visited = 0;
  truncated: Truncation | undefined;
  /** Folders that could not be read. */
  unreadable = 0;

  constructor(excluded: readonly string[], budget: Budget) {
    this.#excluded = new Set(excluded);
    this.#budget = budget;
  }

  /** Files and what is neither file nor folder. The folder of each is open until the next is asked for. */
  *filesBelow(folder: Folder, prefix = '', depth = 0): Generator<WalkedFile> {
    const { entries, isComplete } = folder.list(maxFolderEntries);
    if (!isComplete) this.truncated = 'entries';
    for (const entry of entries) {
      if (this.#mustEnd()) return;
      if (this.#excluded.has(entry.name)) continue;
      const path = prefix + entry.name;
      if (entry.kind !== 'directory') yield { path, entry, folder };
      else if (depth >= maxDepth) this.truncated = 'depth';
      else yield* this.#filesIn(folder, entry.name, `${path}/`, depth + 1);
      if (this.truncated === 'time') return;
    }
  }

  *#filesIn(parent: Folder, name: string, prefix: string, depth: number): Generator<WalkedFile> {
    try {
      using folder = parent.enter(name);
      yield* this.filesBelow(folder, prefix, depth);
    } catch (error) {
      // Gone meanwhile, not ours to read, or one of the daemon's own.
      if (!(error instanceof PathProblem)) throw error;
      this.unreadable++;
    }
  }

  #mustEnd(): boolean {
    this.#visited++;
    if (this.#visited > maxVisited) this.truncated = 'entries';
    else if ((this.#visited & 63) === 0 && this.#budget.isSpent) this.truncated = 'time';
    return this.#visited > maxVisited || this.truncated === 'time';
  }
}
