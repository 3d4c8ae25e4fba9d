// An append-only file of lines, written synchronously once per event-loop turn: ten times cheaper than the thread pool
// for the page cache, and the bytes are with the operating system before any answer of that turn leaves.
import { closeSync, mkdirSync, openSync, writeSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { atEndOfTurn, type TurnParticipant } from '@car-runtime/rpc';

/** Bytes kept while the disk refuses them; beyond that new lines are dropped and counted. */
const maxPendingBytes = 4 * 1024 * 1024;

export interface AppendFileOptions {
  path: string;
  /** Handles shared by all files of one owner, so that ten thousand files do not hold ten thousand descriptors. */
  handles: OpenHandles;
  onProblem(error: Error): void;
  /** The disk takes everything again; so many lines were dropped in the life of the file. */
  onRecovered(droppedLines: number): void;
  /** Encodes the lines of a turn where somebody keeps them; the bytes must not change before the next call. Called once
   *  for each batch, also when the disk then refuses it. */
  encode?: (text: string, lines: number) => Buffer;
  /** All that was appended is with the operating system. */
  onWritten?: () => void;
}

export class AppendFile implements TurnParticipant, Disposable {
  readonly path: string;
  readonly #options: AppendFileOptions;
  /** Of the lines of this turn, put together once: strings made of strings cost most of what a line costs. */
  #pieces: string[] = [];
  #lines = 0;
  /** What the disk refused, from the first byte it did not take. */
  #unwritten: Buffer | undefined;
  #isEnlisted = false;
  #isClosed = false;
  droppedLines = 0;

  constructor(options: AppendFileOptions) {
    this.path = options.path;
    this.#options = options;
  }

  /** Whether the next line would be dropped: the disk refuses and the queue is at its bound, or the file is closed. */
  get isFull(): boolean {
    return this.#isClosed || (this.#unwritten !== undefined && this.#unwritten.length > maxPendingBytes);
  }

  /** Whether the disk refused something that is still to be written. */
  get hasUnwritten(): boolean {
    return this.#unwritten !== undefined;
  }

  /** Queues a line (without its newline); it is on its way to the disk before this turn's answers leave. */
  append(line: string): void {
    if (this.#admits()) this.#pieces.push(line, '\n');
  }

  /** The same for a line in pieces, of which the last ends with the newline. */
  appendPieces(first: string, second: string, third: string, fourth?: string): void {
    if (!this.#admits()) return;
    if (fourth === undefined) this.#pieces.push(first, second, third);
    else this.#pieces.push(first, second, third, fourth);
  }

  /** Makes room for one more line. */
  #admits(): boolean {
    if (this.isFull) {
      this.droppedLines++;
      return false;
    }
    this.#lines++;
    if (!this.#isEnlisted) {
      this.#isEnlisted = true;
      atEndOfTurn('storage', this);
    }
    return true;
  }

  endTurn(): void {
    this.#isEnlisted = false;
    if (!this.#isClosed) this.flush();
  }

  /** Writes what is queued. A refused write stays queued, byte for byte, and is tried again with the next one. */
  flush(): void {
    if (this.#lines === 0 && !this.#unwritten) return;
    const wasRefused = this.#unwritten !== undefined;
    const fresh = this.#lines === 0 ? Buffer.alloc(0) : this.#encode();
    const bytes = this.#unwritten ? Buffer.concat([this.#unwritten, fresh]) : fresh;
    this.#unwritten = undefined;
    let written = 0;
    try {
      const descriptor = this.#options.handles.open(this.path);
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    } catch (error) {
      // A copy: the bytes may be somebody else's.
      this.#unwritten = Buffer.from(bytes.subarray(written));
      this.#options.handles.close(this.path);
      this.#options.onProblem(error as Error);
      return;
    }
    if (wasRefused) this.#options.onRecovered(this.droppedLines);
    this.#options.onWritten?.();
  }

  #encode(): Buffer {
    const text = this.#pieces.join('');
    const lines = this.#lines;
    this.#pieces = [];
    this.#lines = 0;
    return this.#options.encode?.(text, lines) ?? Buffer.from(text);
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    this.#options.handles.close(this.path);
  }
}

/** At most so many open descriptors; the one unused longest is closed first. */
export class OpenHandles implements Disposable {
  /** The order in which they were used is told by a count: moving an entry of a map to its end, several times a turn, leaves
   *  a trail of tables behind that only a full collection removes. */
  readonly #descriptors = new Map<string, { readonly descriptor: number; usedAt: number }>();
  readonly #limit: number;
  #uses = 0;

  constructor(limit = 128) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#descriptors.size;
  }

  /** A descriptor for appending; the file is made with mode 0600 in a folder of mode 0700, and never through a link. */
  open(path: string): number {
    const known = this.#descriptors.get(path);
    if (known !== undefined) {
      known.usedAt = ++this.#uses;
      return known.descriptor;
    }
    if (this.#descriptors.size >= this.#limit) this.#closeOldest();
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    let descriptor: number;
    try {
      descriptor = openSync(path, flags, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      descriptor = openSync(path, flags, 0o600);
    }
    this.#descriptors.set(path, { descriptor, usedAt: ++this.#uses });
    return descriptor;
  }

  #closeOldest(): void {
    let oldest = '';
    let leastUsedAt = Number.POSITIVE_INFINITY;
    for (const [path, { usedAt }] of this.#descriptors) {
      if (usedAt >= leastUsedAt) continue;
      leastUsedAt = usedAt;
      oldest = path;
    }
    this.close(oldest);
  }

  close(path: string): void {
    const known = this.#descriptors.get(path);
    if (known === undefined) return;
    this.#descriptors.delete(path);
    try {
      closeSync(known.descriptor);
    } catch {
      // The descriptor is gone either way, and whoever wrote was told by the write; some file systems repeat it here.
    }
  }

  [Symbol.dispose](): void {
    for (const path of [...this.#descriptors.keys()]) this.close(path);
  }
}
