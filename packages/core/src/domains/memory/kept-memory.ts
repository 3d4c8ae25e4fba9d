// A memory that calls work on: the engine, the file it is kept in if any, and who follows it.
import type { MemoryEngine } from '@car-runtime/memory';
import { MemoryFeed } from './feed.ts';
import type { MemoryFile } from './store/memory-file.ts';

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

  /** Whether all that was changed is with the operating system. */
  flush(): boolean {
    return this.#file?.flush() ?? true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.feed[Symbol.dispose]();
    await this.#file?.[Symbol.asyncDispose]();
    if (this.#isOwned) this.engine[Symbol.dispose]();
  }
}
