// Texts that a query looks at closely, and what makes up the score of each.
import type { ScoredSlot } from './best-slots.ts';

/** What made up a score; the parts add up to it. */
export interface ScoreParts {
  words: number;
  turns: number;
  cues: number;
  activation: number;
  likeness: number;
}

export interface Candidate {
  readonly slot: number;
  readonly parts: ScoreParts;
  score: number;
}

export class Candidates {
  readonly #bySlot = new Map<number, Candidate>();

  constructor(found: readonly ScoredSlot[]) {
    for (const { slot, score } of found) this.#bySlot.set(slot, toCandidate(slot, score));
  }

  /** In the order they came in. */
  all(): Iterable<Candidate> {
    return this.#bySlot.values();
  }

  /** The candidate of a slot; a newcomer gets what its words are worth. */
  at(slot: number, wordsOf: (slot: number) => number): Candidate {
    let candidate = this.#bySlot.get(slot);
    if (!candidate) this.#bySlot.set(slot, (candidate = toCandidate(slot, wordsOf(slot))));
    return candidate;
  }

  highest(): number {
    let score = 0;
    for (const candidate of this.#bySlot.values()) score = Math.max(score, candidate.score);
    return score;
  }

  /** The `limit` best of what scores at all, best first; of equals the one that came first. */
  best(limit: number): Candidate[] {
    const scoring = [...this.#bySlot.values()].filter(({ score }) => score > 0);
    return scoring.sort((a, b) => b.score - a.score || a.slot - b.slot).slice(0, limit);
  }
}

function toCandidate(slot: number, words: number): Candidate {
  return { slot, score: words, parts: { words, turns: 0, cues: 0, activation: 0, likeness: 0 } };
}
