// The file of one memory: a line for every change, on its way to the disk before the call that made it is answered. Written
// anew in another thread when it holds much more than the memory does.
import { randomBytes } from 'node:crypto';
import { appendFileSync, closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { compactRecords, headRecord, type MemoryEngine, type MemoryRecord } from '@car-runtime/memory';
import { AppendFile, type OpenHandles } from '../../../infra/append-file.ts';
import type { JobWorker } from '../../../infra/job-worker.ts';
import { writePrivateFile } from '../../../infra/private-file.ts';
import type { Health } from '../../../kernel/health.ts';
import type { Logger } from '../../../kernel/logger.ts';
import type { CompactJob } from './compact-worker.ts';
import { loadMemory } from './load-memory.ts';

/** A file is written anew when it has grown by so much and to twice what it was. */
const defaultMinGrowth = 4 * 1024 * 1024;

export interface MemoryFileOptions {
  path: string;
  handles: OpenHandles;
  compactor: JobWorker;
  health: Health;
  logger: Logger;
  /** For tests. */
  minGrowthBytes?: number | undefined;
}

export class MemoryFile implements AsyncDisposable {
  readonly #engine: MemoryEngine;
  readonly #options: MemoryFileOptions;
  readonly #file: AppendFile;
  /** Handed to the file since it was read or written anew. */
  #bytes = 0;
  #compactBytes = 0;
  #compacting: Promise<void> | undefined;
  /** Lines were dropped while the disk refused: the file has to be made from what is in memory. */
  #hasHole = false;
  /** What comes next is the first of the file, or the first in this format. */
  #needsHead: boolean;

  /** Reads what is there into an empty memory, and keeps what happens to it from then on. */
  static async open(engine: MemoryEngine, options: MemoryFileOptions): Promise<MemoryFile> {
    const loaded = await loadMemory(engine, options.path, options.logger);
    const file = new MemoryFile(engine, options, loaded.bytes);
    if (loaded.corrupt.length > 0 || loaded.isLegacy) file.#rewrite();
    return file;
  }

  private constructor(engine: MemoryEngine, options: MemoryFileOptions, bytes: number) {
    const { path, handles, health, logger } = options;
    const component = `memory ${basename(path)}`;
    this.#engine = engine;
    this.#options = options;
    this.#bytes = bytes;
    this.#compactBytes = bytes;
    this.#needsHead = bytes === 0 || engine.isOldFormat;
    this.#file = new AppendFile({
      path,
      handles,
      onProblem: (error) => {
        health.degrade(component, error.message);
        logger.error({ err: error, path }, 'memory not written');
      },
      onRecovered: (dropped) => {
        health.recover(component);
        if (dropped > 0) this.#hasHole = true;
        logger.info({ path, dropped }, 'memory is written again');
      },
    });
    engine.keepIn((record) => this.#append(record));
  }

  /** Writes what is queued; whether all of it is with the operating system. */
  flush(): boolean {
    this.#file.flush();
    if (this.#hasHole && !this.#file.hasUnwritten) this.#rewrite();
    return !this.#file.hasUnwritten && !this.#hasHole;
  }

  /** Resolves when no compaction runs any more. */
  async settled(): Promise<void> {
    await this.#compacting;
  }

  #append(record: MemoryRecord): void {
    if (this.#needsHead) this.#write(headRecord(this.#engine));
    this.#needsHead = false;
    this.#write(record);
    const { minGrowthBytes = defaultMinGrowth } = this.#options;
    const hasGrown = this.#bytes > this.#compactBytes + minGrowthBytes && this.#bytes > 2 * this.#compactBytes;
    if (hasGrown && !this.#compacting) this.#compacting = this.#compact().finally(() => (this.#compacting = undefined));
  }

  #write(record: MemoryRecord): void {
    const line = JSON.stringify(record);
    this.#bytes += Buffer.byteLength(line) + 1;
    if (this.#file.isFull) this.#hasHole = true;
    this.#file.append(line);
  }

  async #compact(): Promise<void> {
    const { path, compactor, logger } = this.#options;
    const temporary = `${path}.${randomBytes(6).toString('hex')}`;
    // The change that asked for it is still being made.
    await Promise.resolve();
    try {
      if (!this.flush()) return;
      const { size } = statSync(path);
      const job: CompactJob = { from: path, bytes: size, to: temporary };
      const written = (await compactor.run(job)) as number;
      this.#takeOver(temporary, size, written);
    } catch (error) {
      rmSync(temporary, { force: true });
      // Tried again once it has grown as much again; until then the file is only longer than it needs to be.
      this.#compactBytes = this.#bytes;
      logger.warn({ err: error, path }, 'memory not compacted');
    }
  }

  /** One synchronous block: no change can come between what is copied behind the new file and its taking the old one's place. */
  #takeOver(temporary: string, from: number, written: number): void {
    const { path, handles } = this.#options;
    if (!this.flush()) throw new Error('The disk refuses');
    const tail = readFrom(path, from);
    if (tail.length > 0) appendFileSync(temporary, tail, { flush: true });
    handles.close(path);
    renameSync(temporary, path);
    this.#bytes = written + tail.length;
    this.#compactBytes = this.#bytes;
  }

  /** Makes the file from what is in memory: rare, so here and now. */
  #rewrite(): void {
    const { path, handles, logger } = this.#options;
    try {
      let text = '';
      for (const record of compactRecords(this.#engine)) text += `${JSON.stringify(record)}\n`;
      handles.close(path);
      writePrivateFile(path, text);
      this.#hasHole = false;
      this.#needsHead = false;
      this.#bytes = Buffer.byteLength(text);
      this.#compactBytes = this.#bytes;
    } catch (error) {
      logger.error({ err: error, path }, 'memory not written anew');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#compacting;
    this.#file[Symbol.dispose]();
  }
}

function readFrom(path: string, from: number): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = statSync(path);
    const tail = Buffer.alloc(size - from);
    for (let read = 0; read < tail.length;) {
      const got = readSync(descriptor, tail, read, tail.length - read, from + read);
      if (got === 0) throw new Error(`${path} is shorter than it was`);
      read += got;
    }
    fsyncSync(descriptor);
    return tail;
  } finally {
    closeSync(descriptor);
  }
}
