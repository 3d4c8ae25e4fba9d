// Checking a journal offline: the file, the checkpoints beside it, and nothing else.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isSignedBy, readCheckpoint, type Checkpoint } from './checkpoint.ts';
import { keyIdOf } from './key-pair.ts';
import { checkpointsPathOf, clientIdOf } from './paths.ts';
import { openToRead, readLines, type Line } from './read-lines.ts';
import { JournalVerifier, ProblemList, type JournalProblem } from './verifier.ts';

export interface VerifyJournalOptions {
  /** Public half of the key the daemon signs with, as PEM or a key object. Without it signatures are not checked, and
   *  whoever could write the journal could have written the checkpoints too. */
  publicKey?: KeyObject | string;
}

export interface JournalReport {
  readonly path: string;
  /** Whole lines. */
  readonly lines: number;
  /** Bytes after the last newline: the writer was stopped in the middle of a line. No tampering by itself. */
  readonly isTorn: boolean;
  readonly chain: {
    /** `off`: no event carries a link. */
    readonly state: 'off' | 'intact' | 'broken';
    readonly events: number;
    /** Events that retention took from the beginning; every such cut is signed. */
    readonly removed: number;
    /** Line the chain begins on; events before it are not protected. */
    readonly firstLine?: number;
    readonly head?: string;
  };
  readonly checkpoints: {
    /** `trusted`: signed with the given key. `unverified`: no key was given. `none`: cutting the end off leaves no
     *  trace. */
    readonly state: 'none' | 'trusted' | 'unverified';
    readonly records: number;
    /** Chained events since the last checkpoint: only the chain protects them. */
    readonly uncoveredEvents: number;
    /** Whether the last checkpoint is the one written when the session ended. If not, the session is open, its daemon
     *  was killed, or both files were cut. */
    readonly isClosed: boolean;
    readonly keyIds: readonly string[];
  };
  /** From 1. */
  readonly firstBadLine?: number;
  readonly isTruncated: { readonly start: boolean; readonly end: boolean };
  /** The first of them; empty when all is well. */
  readonly problems: readonly JournalProblem[];
  readonly problemCount: number;
}

/** Reads a journal to its end and says what is wrong with it. Rejects only when it cannot be read. */
export async function verifyJournal(path: string, options: VerifyJournalOptions = {}): Promise<JournalReport> {
  const { publicKey } = options;
  const key = typeof publicKey === 'string' ? createPublicKey(publicKey) : publicKey;
  const check = new JournalCheck(path, key);
  if (check.hasCheckpoints) {
    // A journal that is gone while its checkpoints are there was taken away: that is a finding, no failure to read.
    try {
      using file = openToRead(path);
      await check.read(file.descriptor);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  } else {
    using file = openToRead(path);
    await check.read(file.descriptor);
  }
  return check.report();
}

export interface ChainEnd {
  head: string;
  /** `prev_hash` of the first chained event of the file. */
  base: string;
  /** Number of the last event, where the chain is whole. */
  position: number | undefined;
  /** Chained events of the file. */
  events: number;
}

/** One check of one journal, in steps, so that a daemon can check a journal that is being written. Checkpoints are read
 *  when it is made, so they never run ahead of the lines. */
export class JournalCheck {
  readonly #path: string;
  readonly #problems = new ProblemList();
  readonly #checkpoints: CheckpointsFound;
  readonly #verifier: JournalVerifier;

  constructor(path: string, publicKey: KeyObject | undefined) {
    this.#path = path;
    this.#checkpoints = findCheckpoints(path, publicKey, this.#problems);
    this.#verifier = new JournalVerifier(this.#checkpoints.trusted, this.#problems);
  }

  get hasCheckpoints(): boolean {
    return this.#checkpoints.records > 0;
  }

  /** The chain after what was read, for whoever continues the file. */
  get chainEnd(): ChainEnd | undefined {
    const { head, base, position, chained: events } = this.#verifier;
    return head === undefined || base === undefined ? undefined : { head, base, position, events };
  }

  get lastCheckpoint(): Checkpoint | undefined {
    return this.#checkpoints.last;
  }

  /** Reads up to byte `end`, pausing between pieces so that others get their turn. */
  async read(descriptor: number, end?: number): Promise<void> {
    for (const lines of readLines(descriptor, end)) {
      this.#add(lines);
      await nextTurn();
    }
  }

  /** `read` in one go. */
  readAtOnce(descriptor: number): void {
    for (const lines of readLines(descriptor)) this.#add(lines);
  }

  #add(lines: readonly Line[]): void {
    for (const line of lines) this.#verifier.add(line);
  }

  report(): JournalReport {
    this.#verifier.finish();
    const { lines, isTorn, chained, firstChainedLine, head, position, isChainIntact } = this.#verifier;
    const { trusted, records, keyIds, isVerified } = this.#checkpoints;
    const last = trusted.at(-1);
    const { list, count } = this.#problems;
    const bad = list.flatMap(({ line }) => line ?? []);
    return {
      path: this.#path,
      lines,
      isTorn,
      chain: {
        state: !isChainIntact ? 'broken' : chained === 0 ? 'off' : 'intact',
        events: chained,
        removed: this.#verifier.removed,
        ...(firstChainedLine !== undefined && { firstLine: firstChainedLine }),
        ...(head !== undefined && { head }),
      },
      checkpoints: {
        state: records === 0 ? 'none' : isVerified ? 'trusted' : 'unverified',
        records,
        uncoveredEvents: last && position !== undefined ? Math.max(0, position - last.count) : last ? 0 : chained,
        isClosed: last?.reason === 'closed' && (position === undefined || position <= last.count),
        keyIds: [...keyIds],
      },
      ...(bad.length > 0 && { firstBadLine: Math.min(...bad) }),
      isTruncated: {
        start: list.some(({ kind }) => kind === 'missing_start'),
        end: list.some(({ kind }) => kind === 'missing_end'),
      },
      problems: list,
      problemCount: count,
    };
  }
}

/** Covers a thousand million events; beyond it somebody fills our memory. */
const maxCheckpoints = 1_000_000;

interface CheckpointsFound {
  /** Well formed and, where a key was given, signed with it. */
  trusted: Checkpoint[];
  last: Checkpoint | undefined;
  records: number;
  keyIds: Set<string>;
  isVerified: boolean;
}

function findCheckpoints(path: string, key: KeyObject | undefined, problems: ProblemList): CheckpointsFound {
  const found: CheckpointsFound = {
    trusted: [],
    last: undefined,
    records: 0,
    keyIds: new Set(),
    isVerified: key !== undefined,
  };
  for (const { bytes, isWhole } of linesOf(checkpointsPathOf(path))) {
    if (!isWhole) continue; // its writer was stopped; it covers nothing yet
    const number = found.records++;
    if (number === maxCheckpoints) {
      problems.add('bad_checkpoint', `more than ${maxCheckpoints} checkpoints; the rest was not read`);
      break;
    }
    const checkpoint = readCheckpoint(bytes);
    const problem = !checkpoint ? 'no checkpoint' : problemOf(checkpoint, bytes, path, key);
    if (checkpoint) {
      found.last = checkpoint;
      found.keyIds.add(checkpoint.key_id);
    }
    if (!checkpoint || problem !== undefined) problems.add('bad_checkpoint', `checkpoint ${number}: ${problem}`);
    else {
      const expected = (found.trusted.at(-1)?.seq ?? -1) + 1;
      if (checkpoint.seq !== expected)
        problems.add('missing_checkpoint', `checkpoint ${expected} is missing before number ${checkpoint.seq}`);
      found.trusted.push(checkpoint);
    }
  }
  return found;
}

function problemOf(
  checkpoint: Checkpoint,
  bytes: Buffer,
  path: string,
  key: KeyObject | undefined,
): string | undefined {
  const { journal, key_id } = checkpoint;
  if (key && !isSignedBy(bytes, key)) {
    const ours = keyIdOf(key);
    return key_id === ours ? 'the signature is not true' : `signed with key ${key_id}, not with ${ours}`;
  }
  return journal === clientIdOf(path) ? undefined : `belongs to journal "${journal}", not to "${basename(path)}"`;
}

/** None when there is no such file. */
function* linesOf(path: string): Generator<Line> {
  let file: ReturnType<typeof openToRead>;
  try {
    file = openToRead(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  using _open = file;
  for (const lines of readLines(file.descriptor)) yield* lines;
}
