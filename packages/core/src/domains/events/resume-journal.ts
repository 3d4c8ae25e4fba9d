// An embedder may name its sessions, and use a name again: then the journal of the earlier session goes on.
import { lstatSync, truncateSync } from 'node:fs';
import { checkpointsPathOf } from '../../journal/paths.ts';
import { openToRead, readLines } from '../../journal/read-lines.ts';
import type { Checkpoint } from '../../journal/checkpoint.ts';
import { JournalCheck, type ChainEnd } from '../../journal/verify-journal.ts';
import { HashChain } from './hash-chain.ts';

export interface EarlierJournal {
  lines: number;
  bytes: number;
  /** Where its events are chained, those to come must be. */
  chain: HashChain | undefined;
  /** For the next checkpoint, and events covered by the last. */
  checkpoints: { seq: number; count: number };
}

/** Reads what an earlier session left, cutting off a line it did not finish; `undefined` when there is nothing. */
export function resumeJournal(path: string): EarlierJournal | undefined {
  const checkpointsPath = checkpointsPathOf(path);
  if (sizeOf(path) === 0 && sizeOf(checkpointsPath) === 0) return undefined;
  cutUnfinishedLine(path);
  cutUnfinishedLine(checkpointsPath);
  const check = new JournalCheck(path, undefined);
  if (sizeOf(path) > 0) {
    using file = openToRead(path);
    check.readAtOnce(file.descriptor);
  }
  const { lines, checkpoints } = check.report();
  const { chainEnd, lastCheckpoint: last } = check;
  return {
    lines,
    bytes: sizeOf(path),
    chain: chainEnd ? continued(chainEnd, last) : last && emptied(last),
    checkpoints: { seq: (last?.seq ?? checkpoints.records - 1) + 1, count: last?.count ?? 0 },
  };
}

/** Where the file was tampered with, events are numbered as if those that were signed had been there. */
function continued({ head, base, position, events }: ChainEnd, last: Checkpoint | undefined): HashChain {
  const count = position ?? Math.max(events, last?.count ?? 0);
  return new HashChain({ head, count, removed: count - events, base });
}

/** A chain that was signed and has no event in the file: none came yet, or retention took them all. */
function emptied({ head, count }: Checkpoint): HashChain {
  return new HashChain({ head, count, removed: count, base: head });
}

/** 0 also for what is missing or no file: opening it for writing says what is wrong. */
function sizeOf(path: string): number {
  const info = lstatSync(path, { throwIfNoEntry: false });
  return info?.isFile() ? info.size : 0;
}

/** It was never acknowledged, and a line after it must not extend it. */
function cutUnfinishedLine(path: string): void {
  const size = sizeOf(path);
  if (size === 0) return;
  let wholeBytes = 0;
  {
    using file = openToRead(path);
    for (const lines of readLines(file.descriptor))
      for (const { byteLength, isWhole } of lines) if (isWhole) wholeBytes += byteLength + 1;
  }
  if (wholeBytes < size) truncateSync(path, wholeBytes);
}
