// The end of what an agent wrote, read backwards across rotated files, at most so much of it.
import { closeSync, fstatSync, read as readCallback } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openRegular } from '../../infra/regular-file.ts';

/** Scanned of each stream. */
const maxBytes = 8 * 1024 * 1024;
/** Answered of each stream, whatever was asked for: a line of one byte costs an answer many times that. */
const maxLines = 100_000;
const maxRotated = 64;
const newline = 0x0a;
const sliceBytes = 1024 * 1024;
const read = promisify(readCallback);

export interface TailWindow {
  lines: string[];
  /** Lines in what was scanned. */
  total: number;
  hasMore: boolean;
}

/** `count` lines (0 for all) before the last `offset`. */
export async function tailLog(path: string, count: number, offset: number): Promise<TailWindow> {
  const { bytes, isCut } = await readEnd(path);
  // What is left of the first line says nothing on its own.
  const begin = isCut ? bytes.indexOf(newline) + 1 : 0;
  const ends = bytes.length > begin && bytes.at(-1) !== newline ? 1 : 0;
  const total = (await countNewlines(bytes, begin)) + ends;
  const wanted = Math.min(count === 0 ? maxLines : count, maxLines);
  const lines = linesBefore(bytes, begin, { skipped: Math.min(offset, total), wanted });
  return { lines, total, hasMore: isCut || total > offset + lines.length };
}

function linesBefore(bytes: Buffer, begin: number, { skipped, wanted }: { skipped: number; wanted: number }): string[] {
  let end = bytes.at(-1) === newline ? bytes.length - 1 : bytes.length;
  const lines: string[] = [];
  for (let number = 0; end >= begin && number < skipped + wanted && bytes.length > begin; number++) {
    const start = end === 0 ? 0 : bytes.lastIndexOf(newline, end - 1) + 1;
    const from = Math.max(start, begin);
    if (number >= skipped) lines.push(bytes.toString('utf8', from, end));
    if (from === begin) break;
    end = from - 1;
  }
  return lines.toReversed();
}

async function countNewlines(bytes: Buffer, begin: number): Promise<number> {
  let count = 0;
  for (let start = begin; start < bytes.length; start += sliceBytes) {
    const end = Math.min(start + sliceBytes, bytes.length);
    for (let index = start; index < end; index++) if (bytes[index] === newline) count++;
    if (end < bytes.length) await nextTurn();
  }
  return count;
}

async function readEnd(path: string): Promise<{ bytes: Buffer; isCut: boolean }> {
  // All are opened in one go: a rotation in between would show a file twice.
  const files = openFiles(path);
  try {
    let room = maxBytes;
    const pieces: Buffer[] = [];
    for (const { descriptor, size } of files) {
      const length = Math.min(size, room);
      if (length === 0) continue;
      const piece = Buffer.alloc(length);
      const { bytesRead } = await read(descriptor, piece, 0, length, size - length);
      pieces.unshift(piece.subarray(0, bytesRead));
      room -= length;
    }
    const isCut = files.reduce((sum, { size }) => sum + size, 0) > maxBytes;
    return { bytes: Buffer.concat(pieces), isCut };
  } finally {
    for (const { descriptor } of files) closeSync(descriptor);
  }
}

/** The file and those it was rotated to, newest first; to be closed by the caller. */
export function openFiles(path: string): { descriptor: number; size: number }[] {
  const files: { descriptor: number; size: number }[] = [];
  for (let number = 0; number <= maxRotated; number++) {
    try {
      const descriptor = openRegular(number === 0 ? path : `${path}.${number}`);
      files.push({ descriptor, size: fstatSync(descriptor).size });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (number > 0) break;
    }
  }
  return files;
}
