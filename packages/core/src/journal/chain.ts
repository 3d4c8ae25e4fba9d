// The hash chain of a journal, made so that a verifier needs nothing but the file.
//
// A chained line ends with `,"prev_hash":"<64 hex>","hash":"<64 hex>"}`. `prev_hash` is the `hash` of the chained line
// before it, 64 zeros for the first. `hash` is the SHA-256 of the line's own bytes without `,"hash":"<64 hex>"` and
// without the newline: what is left is the event as JSON, `prev_hash` included.
import { createHash, hash as digestOf } from 'node:crypto';

/** `prev_hash` of the first event of a chain. */
export const chainStart: string = '0'.repeat(64);

const hashSuffixBytes = `,"hash":"${chainStart}"}`.length;
const linkSuffixBytes = `,"prev_hash":"${chainStart}"`.length + hashSuffixBytes;
const linkSuffix = /^,"prev_hash":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/;

/** A line (one JSON object) with its link added, and the hash the next one refers to. */
export function linkLine(line: string, previous: string): { line: string; hash: string } {
  const body = `${line.slice(0, -1)},"prev_hash":"${previous}"`;
  const hash = digestOf('sha256', `${body}}`, 'hex');
  return { line: `${body},"hash":"${hash}"}`, hash };
}

export interface Link {
  readonly previous: string;
  readonly hash: string;
}

/** The link at the end of a line, or `undefined` when it has none. Whether the hash is true is another question. */
export function readLink(line: Buffer): Link | undefined {
  if (line.length <= linkSuffixBytes) return undefined;
  const match = linkSuffix.exec(line.toString('latin1', line.length - linkSuffixBytes));
  return match ? { previous: match[1] as string, hash: match[2] as string } : undefined;
}

/** The hash a chained line should carry. */
export function hashOfLine(line: Buffer): string {
  return createHash('sha256')
    .update(line.subarray(0, line.length - hashSuffixBytes))
    .update('}')
    .digest('hex');
}
