// A memory that calls work on: the engine, the file it is kept in if any, and who follows it.
import { rmSync } from 'node:fs';
import { MemoryError, type MemoryEngine } from '@car-runtime/memory';
import { MemoryFeed } from './feed.ts';
import type { MemoryFile } from './store/memory-file.ts';
import { temporaryBeside } from './store/memory-names.ts';
import { writeRecords } from './store/write-records.ts';

export class KeptMemory implements AsyncDisposable {
  readonly engine: MemoryEngine;
  readonly feed: MemoryFeed;
  readonly #file: MemoryFile | undefined;
  readonly #isOwned: boolean;
  /** Calls that work on it or connections bound to it: while there are any it stays loaded. */
  users = 0;
  lastUsedMs = Date.now();

  constructor(engine: MemoryEngine, { file, isOwned = true }: { file?: MemoryFile; isOwned?: boolean } = {}) {
    this.engine = engine;
    this.#file = file;
    this.#isOwned = isOwned;
    this.feed = new MemoryFeed(engine);
  }

  /**
   * Makes another memory of it: one that `fill` puts into an empty one. Its file is written beside the old one meanwhile; the
   * change itself is one step, and until then, and when anything goes wrong, nothing is changed.
   */
  async replace(fill: (empty: MemoryEngine) => Promise<void>): Promise<void> {
    const file = this.#file;
    const fresh = this.engine.createAlike();
    await fill(fresh);
    if (!file) {
      this.engine.become(fresh);
      return;
    }
    const temporary = temporaryBeside(file.path);
    try {
      const size = await writeRecords(fresh, temporary);
      file.replaceBy(temporary, size, () => this.engine.become(fresh, { isWrittenDown: true }));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error instanceof MemoryError ? error : file.refused(error as Error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.feed[Symbol.dispose]();
    await this.#file?.[Symbol.asyncDispose]();
    if (this.#isOwned) this.engine[Symbol.dispose]();
  }
}
