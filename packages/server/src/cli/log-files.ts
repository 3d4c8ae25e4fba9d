// Reading a log that is rotated while it is read: `car-server.log`, and what it was before: `.1`, `.2` …, older each.
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const chunkBytes = 64 * 1024;
/** A line longer than this is given in pieces, so that no file can fill the memory. */
const maxLineBytes = 4 * 1024 * 1024;

/** The files of a log, oldest first; those that are there. */
export function logFiles(path: string): string[] {
  const prefix = `${basename(path)}.`;
  const numbers = namesIn(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
  const rotated = numbers.toSorted((left, right) => right - left).map((number) => `${path}.${number}`);
  return [...rotated, ...(identityOf(path) === undefined ? [] : [path])];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Names a file however it is called by now. */
function identityOf(path: string): string | undefined {
  const info = statSync(path, { bigint: true, throwIfNoEntry: false });
  return info?.isFile() ? `${info.dev}:${info.ino}` : undefined;
}

/** One open file, read line by line from where the last read ended. */
class LineReader implements Disposable {
  readonly identity: string;
  readonly #descriptor: number;
  readonly #buffer = Buffer.allocUnsafe(chunkBytes);
  #offset = 0;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
    const { dev, ino } = fstatSync(this.#descriptor, { bigint: true });
    this.identity = `${dev}:${ino}`;
  }

  /** Whole lines that have been written since the last call. */
  *lines(): Generator<string> {
    // Cut back by somebody else (copy and truncate): what is there now is new.
    if (fstatSync(this.#descriptor).size < this.#offset) this.#startOver();
    for (;;) {
      const count = readSync(this.#descriptor, this.#buffer, 0, chunkBytes, this.#offset);
      if (count === 0) return;
      this.#offset += count;
      let from = 0;
      for (;;) {
        const end = this.#buffer.subarray(0, count).indexOf(10, from);
        if (end === -1) break;
        yield this.#take(this.#buffer.subarray(from, end));
        from = end + 1;
      }
      this.#keep(Buffer.from(this.#buffer.subarray(from, count)));
      if (this.#pieceBytes > maxLineBytes) yield this.#take(Buffer.alloc(0));
    }
  }

  /** What stands after the last line end of a file that will not grow any more. */
  rest(): string | undefined {
    return this.#pieceBytes === 0 ? undefined : this.#take(Buffer.alloc(0));
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
  }

  #take(end: Buffer): string {
    const line = this.#pieces.length === 0 ? end.toString() : Buffer.concat([...this.#pieces, end]).toString();
    this.#pieces = [];
    this.#pieceBytes = 0;
    return line;
  }

  #startOver(): void {
    this.#offset = 0;
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** A log from its oldest file to its end, and on from there. */
export class LogReader implements Disposable {
  readonly #path: string;
  #reader: LineReader | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Every line not read yet, in order, across rotations. */
  *lines(): Generator<string> {
    for (;;) {
      if (this.#reader) yield* this.#reader.lines();
      const next = this.#nextFile();
      if (next === undefined) return;
      // Renamed away: the writer had closed it before, so one more look finds everything.
      if (this.#reader) {
        yield* this.#reader.lines();
        const rest = this.#reader.rest();
        if (rest !== undefined) yield rest;
      }
      this.#open(next);
    }
  }

  /** The file after the one being read; the oldest when none is, or when it was deleted. */
  #nextFile(): string | undefined {
    const files = logFiles(this.#path);
    if (!this.#reader) return files[0];
    const { identity } = this.#reader;
    const index = files.findIndex((file) => identityOf(file) === identity);
    return index === -1 ? files[0] : files[index + 1];
  }

  #open(path: string): void {
    const previous = this.#reader;
    try {
      this.#reader = new LineReader(path);
    } catch (error) {
      // Rotated away between the listing and now: the next round lists again.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return;
    }
    previous?.[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#reader?.[Symbol.dispose]();
  }
}

/** Lines as they are written, from the first one that `reader` has not given yet, until the signal aborts. */
export async function* follow(reader: LogReader, pollMs: number, signal?: AbortSignal): AsyncGenerator<string> {
  for (;;) {
    if (signal?.aborted) return;
    yield* reader.lines();
    await sleep(pollMs);
  }
}
