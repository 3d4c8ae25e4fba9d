import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { parseRecord } from './parse-run.ts';

const chunkBytes = 64 * 1024;
const newline = 10;

/** Adds the last record to the file of a run that nobody writes any more. A line that was cut off in the middle goes first. */
export function endFile(path: string, line: string): void {
  const { O_RDWR, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_RDWR | (O_NOFOLLOW ?? 0));
  try {
    const { size } = fstatSync(descriptor);
    const end = lastNewline(descriptor, size) + 1;
    const rest = Buffer.alloc(size - end);
    readSync(descriptor, rest, 0, rest.length, end);
    // A record without its newline is whole all the same.
    const isWhole = rest.length > 0 && parseRecord(rest.toString()) !== undefined;
    if (!isWhole && rest.length > 0) ftruncateSync(descriptor, end);
    const bytes = Buffer.from(`${isWhole ? '\n' : ''}${line}\n`);
    const base = isWhole ? size : end;
    for (let written = 0; written < bytes.length;) {
      written += writeSync(descriptor, bytes, written, bytes.length - written, base + written);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Offset of the last newline, -1 when there is none. */
function lastNewline(descriptor: number, size: number): number {
  for (let end = size; end > 0;) {
    const from = Math.max(0, end - chunkBytes);
    const chunk = Buffer.alloc(end - from);
    readSync(descriptor, chunk, 0, chunk.length, from);
    const at = chunk.lastIndexOf(newline);
    if (at !== -1) return from + at;
    end = from;
  }
  return -1;
}
