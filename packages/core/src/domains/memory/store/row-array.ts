// A JSON array of rows, read an element at a time so that nobody waits for a long one. It takes what JSON.parse takes.
import { MemoryError, parseRow, type FlatRow } from '@car-runtime/memory';
import { Pacer } from '../../../infra/pacer.ts';

const [quote, backslash, comma, open, close, openBrace, closeBrace] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d];
const whiteSpace: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const byteOrderMark = [0xef, 0xbb, 0xbf];
/** Longest row: a body of the greatest length, all of it escaped. */
const maxRowBytes = 8 * 1024 * 1024;

/** All rows, or an error that names the first that is none. */
export async function parseRowsInSlices(bytes: Buffer): Promise<FlatRow[]> {
  const rows: FlatRow[] = [];
  const pacer = new Pacer();
  for (const [start, end] of elementsOf(bytes)) {
    rows.push(parseRow(parseElement(bytes, start, end), rows.length));
    if (pacer.isDue) await pacer.pause();
  }
  return rows;
}

function parseElement(bytes: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', start, end));
  } catch (error) {
    throw notJson((error as Error).message);
  }
}

/** Where each element begins and ends. Whether an element is one is left to JSON.parse. */
function* elementsOf(bytes: Buffer): Generator<[start: number, end: number]> {
  let at = byteOrderMark.every((byte, nth) => bytes[nth] === byte) ? byteOrderMark.length : 0;
  at = skipWhite(bytes, at);
  if (bytes[at] !== open) {
    parseElement(bytes, at, Math.min(bytes.length, at + maxRowBytes));
    throw new MemoryError('unreadable', 'it is no array of rows');
  }
  at = skipWhite(bytes, at + 1);
  if (bytes[at] === close) {
    at++;
  } else {
    for (let isLast = false; !isLast;) {
      const end = endOfElement(bytes, at);
      if (end === bytes.length) throw notJson('it ends in the middle');
      yield [at, end];
      isLast = bytes[end] === close;
      at = end + 1;
    }
  }
  if (skipWhite(bytes, at) < bytes.length) throw notJson('something follows its end');
}

/** The comma or bracket behind an element. */
function endOfElement(bytes: Buffer, start: number): number {
  let depth = 0;
  let at = start;
  for (; at < bytes.length && at - start <= maxRowBytes; at++) {
    const byte = bytes[at];
    if (byte === quote) {
      for (at++; at < bytes.length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++;
    } else if (byte === openBrace || byte === open) depth++;
    else if (depth > 0 && (byte === closeBrace || byte === close)) depth--;
    else if (depth === 0 && (byte === comma || byte === close)) return at;
  }
  if (at < bytes.length) throw new MemoryError('unreadable', `a row is longer than ${maxRowBytes} bytes`);
  return at;
}

function skipWhite(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && whiteSpace.has(bytes[at] as number)) at++;
  return at;
}

function notJson(why: string): MemoryError {
  return new MemoryError('unreadable', `it is not JSON: ${why}`);
}
