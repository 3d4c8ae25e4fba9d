import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { parseRecord } from './parse-run.ts';

const chunkBytes = 64 * 1024;
const newline = 10;

/** Adds the last record to the file of a run that nobody writes any more, behind its last whole line. */
export function endFile(path: string, line: string): void {
  using file = openFile(path);
  const { size, isUnended } = cutTornLine(file.descriptor);
  const bytes = Buffer.from(`${isUnended ? '\n' : ''}${line}\n`);
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file.descriptor, bytes, written, bytes.length - written, size + written);
  }
}

/** Takes away what a crash left of a line. */
export function repairFile(path: string): void {
  using file = openFile(path);
  const { size, isUnended } = cutTornLine(file.descriptor);
  if (isUnended) writeSync(file.descriptor, '\n', size);
}

function openFile(path: string): Disposable & { readonly descriptor: number } {
  const { O_RDWR, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_RDWR | (O_NOFOLLOW ?? 0));
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

/** The size of what is left. A last record that only lacks its newline is whole, and stays. */
function cutTornLine(descriptor: number): { size: number; isUnended: boolean } {
  const { size } = fstatSync(descriptor);
  const end = lastNewline(descriptor, size) + 1;
  if (end === size) return { size, isUnended: false };
  const rest = Buffer.alloc(size - end);
  readSync(descriptor, rest, 0, rest.length, end);
  if (parseRecord(rest.toString()) !== undefined) return { size, isUnended: true };
  ftruncateSync(descriptor, end);
  return { size: end, isUnended: false };
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
