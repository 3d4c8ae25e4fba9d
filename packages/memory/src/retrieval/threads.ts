// Who stands beside whom: texts that came in one after another, and which of these neighbours belong to one talk.

/** Texts further apart than this are no talk. */
export const TALK_GAP_MS = 30 * 60_000;

/** How far a speaker may be from their own previous or next turn for the texts between to be a talk. */
const REACH = 3;

interface Place {
  readonly id: number;
  readonly subject: string;
  readonly atMs: number;
  readonly thread: string;
  before: Place | undefined;
  after: Place | undefined;
}

/**
 * Texts in the order they came, a chain per thread (a partition of the memory). Facts come in as turns do, but what
 * stands beside a fact says nothing about it: neighbours count only where a subject comes back after a few texts, as a
 * speaker's does. Removing closes the chain, so it is what it would be had the text never been there.
 */
export class Threads {
  readonly #places = new Map<number, Place>();
  readonly #last = new Map<string, Place>();

  add(id: number, thread: string, subject: string, atMs: number): void {
    this.remove(id);
    const before = this.#last.get(thread);
    const place: Place = { id, subject, atMs, thread, before, after: undefined };
    if (before) before.after = place;
    this.#last.set(thread, place);
    this.#places.set(id, place);
  }

  remove(id: number): void {
    const place = this.#places.get(id);
    if (!place) return;
    const { before, after, thread } = place;
    this.#places.delete(id);
    if (before) before.after = after;
    if (after) after.before = before;
    else if (before) this.#last.set(thread, before);
    else this.#last.delete(thread);
  }

  /** Moment of a text, in milliseconds since 1970; NaN when it is not known. */
  momentOf(id: number): number {
    return this.#places.get(id)?.atMs ?? Number.NaN;
  }

  /** The turn `steps` after a turn (before it, when negative) in the same talk. */
  turnBeside(id: number, steps: number): number | undefined {
    const place = this.#places.get(id);
    if (!place || !isTurn(place)) return undefined;
    let there: Place | undefined = place;
    for (let left = Math.abs(steps); left > 0 && there; left--) {
      const next: Place | undefined = steps < 0 ? there.before : there.after;
      there = next && isOneTalk(there, next) ? next : undefined;
    }
    return there && isTurn(there) ? there.id : undefined;
  }
}

function isTurn(place: Place): boolean {
  return place.subject !== '' && (comesBack(place, 'before') || comesBack(place, 'after'));
}

function comesBack(place: Place, side: 'before' | 'after'): boolean {
  let there: Place = place;
  for (let left = REACH; left > 0; left--) {
    const next = there[side];
    if (!next || !isOneTalk(there, next)) return false;
    if (next.subject === place.subject) return true;
    there = next;
  }
  return false;
}

function isOneTalk(one: Place, other: Place): boolean {
  return Number.isNaN(one.atMs) ? Number.isNaN(other.atMs) : Math.abs(one.atMs - other.atMs) <= TALK_GAP_MS;
}
