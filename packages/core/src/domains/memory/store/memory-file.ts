// The file of one memory: a line for every change, with the operating system before the change is made. Written anew in
// another thread when it holds much more than the memory does.
import { appendFileSync, closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { headRecord, MemoryError, type MemoryEngine, type MemoryRecord } from '@car-runtime/memory';
import type { OpenHandles } from '../../../infra/append-file.ts';
import type { JobWorker } from '../../../infra/job-worker.ts';
import { toPathProblem } from '../../../infra/rooted-path.ts';
import type { Health } from '../../../kernel/health.ts';
import type { Logger } from '../../../kernel/logger.ts';
import type { CompactJob } from './compact-worker.ts';
import { loadMemory } from './load-memory.ts';
import { temporaryBeside } from './memory-names.ts';
import { RecordFile, type WriteBytes } from './record-file.ts';

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
  /** For tests. */
  write?: WriteBytes | undefined;
}

export class MemoryFile implements AsyncDisposable {
  readonly #engine: MemoryEngine;
  readonly #options: MemoryFileOptions;
  readonly #file: RecordFile;
  readonly #component: string;
  #compactBytes: number;
  #compacting: Promise<void> | undefined;
  /** Replaced since: what was compacted before is of no use. */
  #generation = 0;
  /** What comes next is the first of the file, or the first in this format. */
  #needsHead: boolean;
  #isRefused = false;

  /** Reads what is there into an empty memory, and keeps what happens to it from then on. */
  static async open(engine: MemoryEngine, options: MemoryFileOptions): Promise<MemoryFile> {
    const { bytes } = await loadMemory(engine, options);
    return new MemoryFile(engine, options, bytes);
  }

  private constructor(engine: MemoryEngine, options: MemoryFileOptions, bytes: number) {
    const { path, handles, write } = options;
    this.#engine = engine;
    this.#options = options;
    this.#component = `memory ${basename(path)}`;
    this.#file = new RecordFile({ path, handles, write, size: bytes });
    this.#compactBytes = bytes;
    this.#needsHead = bytes === 0 || engine.isOldFormat;
    engine.keepIn((record) => this.#append(record));
  }

  get path(): string {
    return this.#options.path;
  }

  /** Resolves when no compaction runs any more. */
  async settled(): Promise<void> {
    await this.#compacting;
  }

  /** One synchronous block: the memory is another from now on, and so is its file, which is beside this one. */
  replaceBy(temporary: string, size: number, become: () => void): void {
    const { path } = this.#options;
    renameSync(temporary, path);
    this.#generation++;
    this.#file.reopen(size);
    this.#compactBytes = size;
    this.#needsHead = false;
    become();
  }

  #append(record: MemoryRecord): void {
    const head = this.#needsHead ? `${JSON.stringify(headRecord(this.#engine))}\n` : '';
    try {
      this.#file.append(`${head}${JSON.stringify(record)}\n`);
    } catch (error) {
      throw this.refused(error as Error);
    }
    this.#needsHead = false;
    this.#accepted();
    const { minGrowthBytes = defaultMinGrowth } = this.#options;
    const { size } = this.#file;
    const hasGrown = size > this.#compactBytes + minGrowthBytes && size > 2 * this.#compactBytes;
    if (hasGrown && !this.#compacting) this.#compacting = this.#compact().finally(() => (this.#compacting = undefined));
  }

  /** The disk refuses: says so, and to whom it can be told. */
  refused(error: Error): MemoryError {
    const { path, health, logger } = this.#options;
    if (!this.#isRefused) logger.error({ err: error, path }, 'memory not written');
    this.#isRefused = true;
    health.degrade(this.#component, error.message);
    return new MemoryError('not_stored', `Cannot change this memory: ${toPathProblem(error).message}`);
  }

  #accepted(): void {
    if (!this.#isRefused) return;
    const { path, health, logger } = this.#options;
    this.#isRefused = false;
    health.recover(this.#component);
    logger.info({ path }, 'memory is written again');
  }

  async #compact(): Promise<void> {
    const { path, compactor, logger } = this.#options;
    const temporary = temporaryBeside(path);
    const generation = this.#generation;
    // The change that asked for it is still being made.
    await Promise.resolve();
    try {
      const { size } = this.#file;
      const job: CompactJob = { from: path, bytes: size, to: temporary };
      const written = (await compactor.run(job)) as number;
      if (generation === this.#generation) this.#takeOver(temporary, size, written);
      else rmSync(temporary, { force: true });
    } catch (error) {
      rmSync(temporary, { force: true });
      // Tried again once it has grown as much again; until then the file is only longer than it needs to be.
      this.#compactBytes = this.#file.size;
      logger.warn({ err: error, path }, 'memory not compacted');
    }
  }

  /** One synchronous block: no change can come between what is copied behind the new file and its taking the old one's place. */
  #takeOver(temporary: string, from: number, written: number): void {
    const { path } = this.#options;
    const tail = readFrom(path, from, this.#file.size);
    if (tail.length > 0) appendFileSync(temporary, tail, { flush: true });
    renameSync(temporary, path);
    this.#compactBytes = written + tail.length;
    this.#file.reopen(this.#compactBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#compacting;
    this.#options.handles.close(this.#options.path);
  }
}

function readFrom(path: string, from: number, to: number): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    if (statSync(path).size < to) throw new Error(`${path} is shorter than it was`);
    const tail = Buffer.alloc(to - from);
    for (let read = 0; read < tail.length;) read += readSync(descriptor, tail, read, tail.length - read, from + read);
    fsyncSync(descriptor);
    return tail;
  } finally {
    closeSync(descriptor);
  }
}
