// Ranks texts for a question: BM25F, feedback from the best texts, turns beside them, cues of time and amount,
// activation through the graph, and an embedder's likeness when there is one. The same texts give the same bytes.
import type { ScoredSlot } from './best-slots.ts';
import { isOn, Offers, offersOf, wantedBy, type Wanted } from './cues.ts';
import { LexicalIndex, weightedTermsOf, type IndexedText, type WeightedTerm } from './lexical-index.ts';
import { pageRankByPush, type Adjacency, type Groups } from './page-rank.ts';
import { queryTermsOf } from './terms.ts';
import { Threads } from './threads.ts';
import { rankingWeights, type RankingWeights } from './weights.ts';

/** A text with what the ranking reads besides its words. */
export interface RankedText extends IndexedText {
  /** When it was said or became known, in milliseconds since 1970; NaN when that is not known. */
  readonly atMs: number;
  /** The chain of texts it belongs to: turns of one conversation, facts of one tenant. */
  readonly thread: string;
}

export interface RankingQuery {
  readonly text: string;
  readonly limit: number;
  /** Texts that may be found; all when absent. */
  readonly isVisible?: (id: number) => boolean;
  /** The graph, for activation. */
  readonly graph?: Adjacency & Groups;
  /** An embedder's likeness of texts to the question, 0 to 1, by id. */
  readonly likeness?: ReadonlyMap<number, number>;
}

/** What made up a score; the parts add up to it. */
export interface ScoreParts {
  words: number;
  turns: number;
  cues: number;
  activation: number;
  likeness: number;
}

export interface RankedHit {
  readonly id: number;
  readonly score: number;
  readonly parts: Readonly<ScoreParts>;
}

/** Texts that are looked at closely, before turns beside them come in. */
const MAX_CANDIDATES = 256;
/** Texts that a query is given at most. */
const MAX_ASKED = 4_096;
/** Texts from which activation spreads. */
const MAX_SEEDS = 10;

interface Candidate {
  readonly id: number;
  readonly slot: number;
  readonly words: number;
  readonly parts: ScoreParts;
  score: number;
}

export class RankedIndex {
  readonly #weights: RankingWeights;
  readonly #lexical: LexicalIndex;
  readonly #threads = new Threads();
  readonly #offers = new Map<number, number>();

  constructor(weights: RankingWeights = rankingWeights) {
    this.#weights = weights;
    this.#lexical = new LexicalIndex(weights);
  }

  /** Texts that can be found. */
  get size(): number {
    return this.#lexical.size;
  }

  /** Adds a text, or puts it in place of the one with the same id. It takes the last place of its thread. */
  add(text: RankedText): void {
    this.#lexical.add(text);
    this.#threads.add(text.id, text.thread, text.subject, text.atMs);
    this.#offers.set(text.id, offersOf(text.body));
  }

  remove(id: number): void {
    this.#lexical.remove(id);
    this.#threads.remove(id);
    this.#offers.delete(id);
  }

  /** Entries that a query for this text reads, roughly. */
  costOf(text: string): number {
    return weightedTermsOf(text).reduce((cost, { term }) => cost + this.#lexical.frequencyOf(term), MAX_CANDIDATES);
  }

  /** Terms that a text has in common with a question. */
  sharedTerms(id: number, question: string): string[] {
    const slot = this.#lexical.slotOf(id);
    const terms = slot === undefined ? [] : [...this.#lexical.termsOf(slot)].map(({ term }) => term);
    return queryTermsOf(question).filter((term) => terms.includes(term));
  }

  /** The best texts, best first; of equals the one that came first. */
  query(query: RankingQuery): RankedHit[] {
    const terms = this.#widened(weightedTermsOf(query.text), query);
    const candidates = this.#candidates(terms, query);
    this.#addTurnsBeside(candidates, terms, query);
    this.#applyCues(candidates, wantedBy(query.text));
    if (query.likeness) this.#addLikeness(candidates, terms, query.likeness, query);
    if (query.graph) this.#addActivation(candidates, query.graph, query);
    return best(candidates.values(), query.limit).map(({ id, score, parts }) => ({ id, score, parts }));
  }

  /** The question's terms, and those that the best texts of a first look add to it. */
  #widened(terms: WeightedTerm[], query: RankingQuery): WeightedTerm[] {
    const { feedback, feedbackTexts, feedbackTerms } = this.#weights;
    const first = this.#best(terms, feedbackTexts, query);
    const total = first.reduce((sum, { score }) => sum + score, 0);
    if (feedback === 0 || total === 0) return terms;
    const given = new Set(terms.map(({ term }) => term));
    const model = new Map<string, number>();
    for (const { slot, score } of first) {
      for (const { term, share } of this.#lexical.termsOf(slot)) {
        if (given.has(term) || this.#lexical.frequencyOf(term) < 2) continue;
        model.set(term, (model.get(term) ?? 0) + (score / total) * share * this.#lexical.weightOf(term));
      }
    }
    const lent = [...model].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, feedbackTerms);
    const strongest = lent[0]?.[1] ?? 1;
    return [...terms, ...lent.map(([term, weight]) => ({ term, weight: (feedback * weight) / strongest }))];
  }

  #best(terms: readonly WeightedTerm[], limit: number, { isVisible }: RankingQuery): ScoredSlot[] {
    return this.#lexical.best(terms, limit, (slot) => !isVisible || isVisible(this.#lexical.idOf(slot)));
  }

  #candidates(terms: readonly WeightedTerm[], query: RankingQuery): Map<number, Candidate> {
    const found = this.#best(terms, Math.max(MAX_CANDIDATES, Math.min(query.limit, MAX_ASKED)), query);
    return new Map(
      found.map(({ slot, score }) => [this.#lexical.idOf(slot), toCandidate(this.#lexical.idOf(slot), slot, score)]),
    );
  }

  #addTurnsBeside(
    candidates: Map<number, Candidate>,
    terms: readonly WeightedTerm[],
    { isVisible }: RankingQuery,
  ): void {
    const { previousTurn, turnBeforePrevious, nextTurn } = this.#weights;
    const inherited = [
      [1, previousTurn],
      [2, turnBeforePrevious],
      [-1, nextTurn],
    ] as const;
    for (const { id, words } of [...candidates.values()]) {
      for (const [steps, share] of inherited) {
        const beside = share === 0 || words === 0 ? undefined : this.#threads.turnBeside(id, steps);
        if (beside === undefined || (isVisible && !isVisible(beside))) continue;
        let heir = candidates.get(beside);
        if (!heir) candidates.set(beside, (heir = this.#newcomer(beside, terms)));
        heir.parts.turns += share * words;
        heir.score += share * words;
      }
    }
  }

  #applyCues(candidates: Map<number, Candidate>, wanted: Wanted): void {
    const { moment, quantity, sameDay, asking } = this.#weights;
    for (const candidate of candidates.values()) {
      const offers = this.#offers.get(candidate.id) ?? 0;
      let factor = 1;
      if (wanted.moment && (offers & Offers.moment) !== 0) factor += moment;
      if (wanted.quantity && (offers & Offers.quantity) !== 0) factor += quantity;
      if ((offers & Offers.question) !== 0) factor -= asking;
      const atMs = this.#threads.momentOf(candidate.id);
      if (wanted.days.some((day) => isOn(atMs, day))) factor += sameDay;
      candidate.parts.cues += candidate.score * (factor - 1);
      candidate.score *= factor;
    }
  }

  #addLikeness(
    candidates: Map<number, Candidate>,
    terms: readonly WeightedTerm[],
    likeness: ReadonlyMap<number, number>,
    { isVisible }: RankingQuery,
  ): void {
    const scale = this.#weights.semantic * (highest(candidates) || 1);
    for (const [id, value] of likeness) {
      if (value <= 0 || this.#lexical.slotOf(id) === undefined || (isVisible && !isVisible(id))) continue;
      let candidate = candidates.get(id);
      if (!candidate) candidates.set(id, (candidate = this.#newcomer(id, terms)));
      candidate.parts.likeness += scale * value;
      candidate.score += scale * value;
    }
  }

  /** Activation spreads from the best texts through the graph, and lifts what it reaches. */
  #addActivation(candidates: Map<number, Candidate>, graph: Adjacency & Groups, { isVisible }: RankingQuery): void {
    const seeds = new Map(best(candidates.values(), MAX_SEEDS).map(({ id, score }) => [id, score]));
    const reached = pageRankByPush(graph, seeds).ranks;
    const strongest = Math.max(0, ...reached.values());
    if (strongest === 0) return;
    const scale = (this.#weights.activation * highest(candidates)) / strongest;
    for (const [id, activation] of reached) {
      const slot = this.#lexical.slotOf(id);
      if (slot === undefined || (isVisible && !isVisible(id))) continue;
      let candidate = candidates.get(id);
      if (!candidate) candidates.set(id, (candidate = toCandidate(id, slot, 0)));
      candidate.parts.activation += scale * activation;
      candidate.score += scale * activation;
    }
  }

  #newcomer(id: number, terms: readonly WeightedTerm[]): Candidate {
    const slot = this.#lexical.slotOf(id)!;
    return toCandidate(id, slot, this.#lexical.scoreOf(slot, terms));
  }
}

function toCandidate(id: number, slot: number, words: number): Candidate {
  return { id, slot, words, score: words, parts: { words, turns: 0, cues: 0, activation: 0, likeness: 0 } };
}

function highest(candidates: Map<number, Candidate>): number {
  let score = 0;
  for (const candidate of candidates.values()) score = Math.max(score, candidate.score);
  return score;
}

/** The `limit` best of what scores at all, best first; of equals the one that came first. */
function best<T extends { slot: number; score: number }>(all: Iterable<T>, limit: number): T[] {
  const kept: T[] = [];
  // Kept sorted by insertion: `limit` is small, and most of what comes is worse than the worst kept.
  for (const each of all) {
    if (each.score <= 0 || limit <= 0) continue;
    if (kept.length === limit && !isBetter(each, kept[limit - 1]!)) continue;
    let low = 0;
    for (let high = kept.length; low < high;) {
      const middle = (low + high) >>> 1;
      if (isBetter(each, kept[middle]!)) high = middle;
      else low = middle + 1;
    }
    kept.splice(low, 0, each);
    if (kept.length > limit) kept.pop();
  }
  return kept;
}

function isBetter(one: { slot: number; score: number }, other: { slot: number; score: number }): boolean {
  return one.score > other.score || (one.score === other.score && one.slot < other.slot);
}
