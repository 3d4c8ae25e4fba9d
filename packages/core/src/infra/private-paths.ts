// Files and folders that no path of a stranger may lead to, known by device and inode: another spelling, a link or another
// name of the same file is no way around.
import { statSync, type BigIntStats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { toPathProblem } from './rooted-path.ts';

export class PrivatePaths {
  readonly #ids = new Set<string>();
  /** Names that must not be made, after the id of their folder: where a private path begins that does not exist yet. */
  readonly #names = new Set<string>();

  constructor(paths: readonly string[]) {
    for (const path of paths) this.#add(path);
  }

  get hasNames(): boolean {
    return this.#names.size > 0;
  }

  covers(info: BigIntStats): boolean {
    return this.#ids.has(idOf(info));
  }

  coversName(folder: BigIntStats, name: string): boolean {
    return this.#names.has(`${idOf(folder)}/${name.toLowerCase()}`);
  }

  #add(path: string): void {
    const info = infoAt(path);
    if (info) {
      this.#ids.add(idOf(info));
      return;
    }
    let missing = path;
    for (let folder = dirname(path); folder !== missing; missing = folder, folder = dirname(folder)) {
      const parent = infoAt(folder);
      if (!parent) continue;
      this.#names.add(`${idOf(parent)}/${basename(missing).toLowerCase()}`);
      return;
    }
  }
}

function infoAt(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    // Part of it is a file: nothing can be made there.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw toPathProblem(error);
  }
}

function idOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
