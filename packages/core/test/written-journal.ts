// Journals made by hand, chained and signed as a daemon would, to be damaged by tests.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { chainStart, linkLine } from '../src/journal/chain.ts';
import { signCheckpoint, type CheckpointReason } from '../src/journal/checkpoint.ts';
import { keyIdOf, type JournalSigner } from '../src/journal/key-pair.ts';
import { checkpointsPathOf } from '../src/journal/paths.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
export const testKey: KeyObject = publicKey;
export const testSigner: JournalSigner = {
  keyId: keyIdOf(publicKey),
  publicKey,
  sign: (bytes) => sign(null, bytes, privateKey),
};

const time = '2026-01-31T10:00:00.000Z';

export function eventLine(number: number): string {
  return `{"kind":"action_succeeded","action_id":"step-${number}","data":{"tool":"lookup","text":"é${'x'.repeat(number % 7)}"},"timestamp":"${time}"}`;
}

/** Lines chained from a given hash on, and the hashes. */
export function chainLines(lines: readonly string[], from: string = chainStart): { lines: string[]; hashes: string[] } {
  const linked: string[] = [];
  const hashes: string[] = [];
  for (const line of lines) {
    const { line: text, hash } = linkLine(line, hashes.at(-1) ?? from);
    linked.push(text);
    hashes.push(hash);
  }
  return { lines: linked, hashes };
}

export interface WrittenJournal {
  lines: string[];
  hashes: string[];
  checkpoints: string[];
}

/** A journal of `plain` events without a link and `chained` ones with, signed where the chain began, at `every` events
 *  and at the end. */
export function makeJournal(id: string, { plain = 0, chained = 10, every = 4 } = {}): WrittenJournal {
  const before = Array.from({ length: plain }, (_, index) => eventLine(index));
  const { lines, hashes } = chainLines(Array.from({ length: chained }, (_, index) => eventLine(plain + index)));
  const checkpoints: string[] = [];
  const record = (reason: CheckpointReason, count: number): void => {
    const head = hashes[count - 1] ?? chainStart;
    const state = {
      reason,
      count,
      head,
      removed: 0,
      base: chainStart,
      plain,
      timestamp: time,
      key_id: testSigner.keyId,
    };
    checkpoints.push(signCheckpoint({ journal: id, seq: checkpoints.length, ...state }, testSigner.sign));
  };
  record('enabled', 0);
  for (let count = every; count <= chained; count += every) record('interval', count);
  record('closed', chained);
  return { lines: [...before, ...lines], hashes, checkpoints };
}

export function toText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** Writes a journal, and its checkpoints unless they are left out. */
export function writeJournal(path: string, journal: string | Buffer, checkpoints?: string | Buffer): void {
  writeFileSync(path, journal);
  if (checkpoints !== undefined) writeFileSync(checkpointsPathOf(path), checkpoints);
}
