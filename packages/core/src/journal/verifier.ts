// Holds the lines of a journal against its own hash chain and against signed checkpoints. Fed line by line; it neither
// reads files nor trusts anything it is fed.
import type { Checkpoint } from './checkpoint.ts';
import { chainStart, hashOfLine, readLink, type Link } from './chain.ts';
import { parseEvent } from './event-data.ts';
import type { Line } from './read-lines.ts';

export type ProblemKind =
  | 'malformed_line'
  | 'unchained_line'
  | 'wrong_hash'
  | 'broken_link'
  | 'missing_start'
  | 'missing_end'
  | 'not_as_signed'
  | 'bad_checkpoint'
  | 'missing_checkpoint';

export interface JournalProblem {
  readonly kind: ProblemKind;
  /** Of the journal, from 1; absent for what concerns the file as a whole or its checkpoints. */
  readonly line?: number;
  readonly message: string;
}

const maxProblems = 20;

/** The first problems, and how many there were. */
export class ProblemList {
  readonly list: JournalProblem[] = [];
  count = 0;

  add(kind: ProblemKind, message: string, line?: number): void {
    this.count++;
    if (this.list.length < maxProblems) this.list.push({ kind, message, ...(line !== undefined && { line }) });
  }
}

interface Beginning {
  /** Events of the chain before it. */
  readonly removed: number;
  /** How many events from before the chain may stand before it; empty when nobody signed that. */
  readonly plain: Set<number>;
}

export class JournalVerifier {
  readonly #problems: ProblemList;
  /** Signed heads by the number of their event. */
  readonly #heads = new Map<number, string>();
  /** Where the chain of a file may begin, by `prev_hash` of its first event. */
  readonly #beginnings = new Map<string, Beginning>([[chainStart, { removed: 0, plain: new Set() }]]);
  readonly #last: Checkpoint | undefined;
  #position: number | undefined;
  #isBroken = false;
  #seesLastHead = false;
  lines = 0;
  isTorn = false;
  /** Chained lines. */
  chained = 0;
  /** Line the chain begins on, from 1. */
  firstChainedLine: number | undefined;
  head: string | undefined;
  /** `prev_hash` of the first chained line. */
  base: string | undefined;

  /** Of checkpoints only those that can be trusted, in order. */
  constructor(checkpoints: readonly Checkpoint[], problems: ProblemList) {
    this.#problems = problems;
    for (const { count, head, removed, base, plain } of checkpoints) {
      this.#heads.set(count, head);
      const beginning = this.#beginnings.get(base);
      if (beginning) beginning.plain.add(plain);
      else this.#beginnings.set(base, { removed, plain: new Set([plain]) });
    }
    this.#last = checkpoints.at(-1);
  }

  /** Number of the newest event, where the chain is whole. */
  get position(): number | undefined {
    return this.#isBroken ? undefined : this.#position;
  }

  /** Chained events that retention took from the beginning of the file, as far as that was signed. */
  get removed(): number {
    return (this.base === undefined ? this.#last : this.#beginnings.get(this.base))?.removed ?? 0;
  }

  get isChainIntact(): boolean {
    return !this.#isBroken;
  }

  add({ bytes, isTooLong, isWhole }: Line): void {
    if (!isWhole) {
      this.isTorn = true;
      return;
    }
    this.lines++;
    const link = readLink(bytes);
    if (link) this.#addChained(bytes, link);
    else if (this.head !== undefined) this.#breakChain('unchained_line', 'an event without a link inside the chain');
    if (isTooLong || parseEvent(bytes.toString()) === undefined)
      this.#problems.add('malformed_line', isTooLong ? 'longer than any event' : 'no event as JSON', this.lines);
  }

  #addChained(bytes: Buffer, { previous, hash }: Link): void {
    if (this.head === undefined) this.#begin(previous);
    else if (previous !== this.head) this.#breakChain('broken_link', 'does not follow the event before it');
    if (hashOfLine(bytes) !== hash) this.#breakChain('wrong_hash', 'the event is not what its hash says');
    this.chained++;
    this.head = hash;
    if (this.#last?.head === hash) this.#seesLastHead = true;
    if (this.#position === undefined || this.#isBroken) return;
    const signedHead = this.#heads.get(++this.#position);
    if (signedHead !== undefined && signedHead !== hash)
      this.#breakChain('not_as_signed', `event ${this.#position} of the chain is not the one that was signed`);
  }

  #begin(previous: string): void {
    this.firstChainedLine = this.lines;
    this.base = previous;
    const beginning = this.#beginnings.get(previous);
    this.#position = beginning?.removed;
    if (!beginning) this.#breakChain('missing_start', 'the events before this one are missing');
    else if (beginning.plain.size > 0) this.#checkPlain(this.lines - 1, beginning.plain);
  }

  /** Events from before the chain can be changed, but neither added nor taken away. */
  #checkPlain(found: number, signed: ReadonlySet<number>): void {
    if (signed.has(found)) return;
    const numbers = [...signed].join(' or ');
    this.#breakChain('not_as_signed', `events before the chain: ${found}, signed: ${numbers}`);
  }

  #breakChain(kind: ProblemKind, message: string): void {
    this.#isBroken = true;
    this.#problems.add(kind, message, this.lines === 0 ? undefined : this.lines);
  }

  /** Says what only the whole file can show. */
  finish(): void {
    if (!this.#last) return;
    const { count, removed, base, plain } = this.#last;
    if (this.head === undefined) {
      if (count > removed) this.#missing(`all chained events are missing: ${count - removed}`);
      // A cut is signed before it is made: the file may still have what an earlier record of the same beginning counted.
      else this.#checkPlain(this.lines, this.#beginnings.get(base)?.plain ?? new Set([plain]));
    } else if (this.position !== undefined) {
      const missing = count - this.position;
      if (missing > 0) this.#missing(`events missing after this one: ${missing}`);
    } else if (!this.#seesLastHead) this.#missing('the last signed event is missing');
  }

  #missing(message: string): void {
    this.#breakChain('missing_end', message);
  }
}
