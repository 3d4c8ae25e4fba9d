// Reading a file of lines that nobody vouches for, piece by piece: in bounded memory, whatever is in it.
import { closeSync, constants, openSync, readSync } from 'node:fs';

const chunkBytes = 128 * 1024;
/** No event is longer: frames are smaller. A longer line is reported without its bytes. */
const maxLineBytes = 32 * 1024 * 1024;
const newline = 10;

export interface Line {
  /** Without the newline; empty when it is too long. */
  readonly bytes: Buffer;
  readonly byteLength: number;
  readonly isTooLong: boolean;
  /** Whether a newline ends it. Only the last one may lack it: its writer was stopped in the middle. */
  readonly isWhole: boolean;
}

/** Opens a file for reading; dispose to close it. Throws when it cannot be opened. */
export function openToRead(path: string): Disposable & { readonly descriptor: number } {
  const descriptor = openSync(path, constants.O_RDONLY);
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

/** The lines up to byte `end`, as many at a time as one read brings; a caller pauses between. */
export function* readLines(descriptor: number, end: number = Number.POSITIVE_INFINITY): Generator<Line[]> {
  const rest = new PartialLine();
  for (let position = 0; position < end;) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, end - position));
    const read = readSync(descriptor, chunk, 0, chunk.length, position);
    if (read === 0) break;
    position += read;
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1 && at < read; at = chunk.indexOf(newline, from)) {
      lines.push(rest.take(chunk.subarray(from, at), true));
      from = at + 1;
    }
    rest.keep(chunk.subarray(from, read));
    yield lines;
  }
  if (rest.hasBytes) yield [rest.take(Buffer.alloc(0), false)];
}

/** What was read of a line whose end is still to come. */
class PartialLine {
  #pieces: Buffer[] = [];
  #bytes = 0;

  get hasBytes(): boolean {
    return this.#bytes > 0;
  }

  keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#bytes += piece.length;
    if (this.#bytes <= maxLineBytes) this.#pieces.push(piece);
    else this.#pieces = [];
  }

  take(end: Buffer, isWhole: boolean): Line {
    this.keep(end);
    const byteLength = this.#bytes;
    const isTooLong = byteLength > maxLineBytes;
    const [only = end] = this.#pieces;
    const bytes = isTooLong ? Buffer.alloc(0) : this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : only;
    this.#pieces = [];
    this.#bytes = 0;
    return { bytes, byteLength, isTooLong, isWhole };
  }
}
