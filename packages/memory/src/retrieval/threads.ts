// Who stands beside whom: texts that came in one after another, and which of these neighbours belong to one talk.
import { grown } from './posting-lists.ts';

/** Texts further apart than this are no talk. */
export const TALK_GAP_MS = 30 * 60_000;

/** How far a speaker may be from their own previous or next turn for the texts between to be a talk. */
const REACH = 3;

const FIRST_CAPACITY = 16;
const none = -1;

/** What stands at `slot * size`, side by side because whoever looks beside a text reads all of it. */
const Place = { size: 4, before: 0, after: 1, thread: 2, subject: 3 } as const;
type Side = typeof Place.before | typeof Place.after;

/**
 * Texts in the order they came, by slot, a chain per thread (a partition of the memory). Facts come in as turns do, but
 * what stands beside a fact says nothing about it: neighbours count only where a subject comes back after a few texts, as
 * a speaker's does. Removing closes the chain, so it is what it would be had the text never been there.
 */
export class Threads {
  #places = new Int32Array(FIRST_CAPACITY * Place.size);
  #atMs = new Float64Array(FIRST_CAPACITY);
  #subjects: (string | undefined)[] = [];
  readonly #threads = new Map<string, number>();
  /** By thread, its last text. */
  readonly #last: number[] = [];

  add(slot: number, thread: string, subject: string, atMs: number): void {
    if (slot >= this.#atMs.length) this.#grow(slot * 2);
    let number = this.#threads.get(thread);
    if (number === undefined) {
      this.#threads.set(thread, (number = this.#last.length));
      this.#last.push(none);
    }
    const before = this.#last[number]!;
    this.#places.set([before, none, number, hashOf(subject)], slot * Place.size);
    this.#atMs[slot] = atMs;
    this.#subjects[slot] = subject;
    if (before !== none) this.#set(before, Place.after, slot);
    this.#last[number] = slot;
  }

  remove(slot: number): void {
    const before = this.#beside(slot, Place.before);
    const after = this.#beside(slot, Place.after);
    this.#subjects[slot] = undefined;
    if (before !== none) this.#set(before, Place.after, after);
    if (after !== none) this.#set(after, Place.before, before);
    else this.#last[this.#places[slot * Place.size + Place.thread]!] = before;
  }

  /** After a sweep: `to[slot]` is the new slot of each old one, never a higher one, or -1. */
  move(to: Int32Array): void {
    const moved = (slot: number): number => (slot === none ? none : to[slot]!);
    let count = 0;
    for (const [from, slot] of to.entries()) {
      if (slot < 0) continue;
      const [before = none, after = none, thread = 0, subject = 0] = this.#places.subarray(from * Place.size);
      this.#places.set([moved(before), moved(after), thread, subject], slot * Place.size);
      this.#atMs[slot] = this.#atMs[from]!;
      this.#subjects[slot] = this.#subjects[from];
      count = slot + 1;
    }
    this.#subjects = this.#subjects.slice(0, count);
    for (const [thread, last] of this.#last.entries()) this.#last[thread] = moved(last);
  }

  /** Moment of a text, in milliseconds since 1970; NaN when it is not known. */
  momentOf(slot: number): number {
    return this.#atMs[slot]!;
  }

  /** Whether a text is a turn of a talk: its speaker speaks again within a few texts, before or after. */
  isTurn(slot: number): boolean {
    return (this.#comesBack(slot, Place.before) || this.#comesBack(slot, Place.after)) && this.#subjects[slot] !== '';
  }

  /** The turn `steps` after a turn (before it, when negative) in the same talk. */
  turnBeside(slot: number, steps: number): number | undefined {
    let there = slot;
    for (let left = Math.abs(steps); left > 0; left--) {
      const next = this.#beside(there, steps < 0 ? Place.before : Place.after);
      if (next === none || !this.#isOneTalk(there, next)) return undefined;
      there = next;
    }
    return this.isTurn(there) ? there : undefined;
  }

  #comesBack(slot: number, side: Side): boolean {
    let there = slot;
    for (let left = REACH; left > 0; left--) {
      const next = this.#beside(there, side);
      if (next === none || !this.#isOneTalk(there, next)) return false;
      if (this.#isSameSubject(next, slot)) return true;
      there = next;
    }
    return false;
  }

  #isSameSubject(one: number, other: number): boolean {
    const places = this.#places;
    if (places[one * Place.size + Place.subject] !== places[other * Place.size + Place.subject]) return false;
    return this.#subjects[one] === this.#subjects[other];
  }

  #isOneTalk(one: number, other: number): boolean {
    const gap = Math.abs(this.#atMs[one]! - this.#atMs[other]!);
    return Number.isNaN(gap) ? Number.isNaN(this.#atMs[one]!) && Number.isNaN(this.#atMs[other]!) : gap <= TALK_GAP_MS;
  }

  #beside(slot: number, side: Side): number {
    return this.#places[slot * Place.size + side]!;
  }

  #set(slot: number, side: Side, value: number): void {
    this.#places[slot * Place.size + side] = value;
  }

  #grow(capacity: number): void {
    this.#places = grown(this.#places, capacity * Place.size);
    this.#atMs = grown(this.#atMs, capacity);
  }
}

/** Equal for equal subjects, and mostly different for others. */
function hashOf(subject: string): number {
  let hash = subject.length;
  for (let at = Math.min(subject.length, 32) - 1; at >= 0; at--)
    hash = (Math.imul(hash, 31) + subject.charCodeAt(at)) | 0;
  return hash;
}
