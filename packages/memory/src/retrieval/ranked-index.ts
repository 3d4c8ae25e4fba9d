// Ranks texts for a question: BM25F, feedback from the best texts, turns beside them, cues of time and amount,
// activation through the graph, and an embedder's likeness when there is one. The same texts give the same bytes.
import type { ScoredSlot } from './best-slots.ts';
import { Candidates, type ScoreParts } from './candidates.ts';
import { isOn, Offers, offersOf, wantedBy, type Wanted } from './cues.ts';
import { LexicalIndex, weightedTermsOf, type IndexedText, type WeightedTerm } from './lexical-index.ts';
import { pageRankByPush, type Adjacency, type Groups } from './page-rank.ts';
import { grown } from './posting-lists.ts';
import type { SavedRow } from './saved-index.ts';
import { queryTermsOf } from './terms.ts';
import { Threads } from './threads.ts';
import { rankingWeights, type RankingWeights } from './weights.ts';

/** Where a text stands, besides what it says. */
export interface TextPlace {
  /** When it was said or became known, in milliseconds since 1970; NaN when that is not known. */
  readonly atMs: number;
  /** The chain of texts it belongs to: turns of one conversation, facts of one tenant. */
  readonly thread: string;
}

/** A text with what the ranking reads besides its words. */
export interface RankedText extends IndexedText, TextPlace {}

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

export interface RankedHit {
  readonly id: number;
  readonly score: number;
  readonly parts: Readonly<ScoreParts>;
}

/** Texts that are looked at closely, at least, before turns beside them come in. */
const MAX_CANDIDATES = 64;
/** Texts that a query is given at most. */
const MAX_ASKED = 4_096;
/** Texts from which activation spreads. */
const MAX_SEEDS = 10;

export class RankedIndex {
  readonly #weights: RankingWeights;
  readonly #lexical: LexicalIndex;
  readonly #threads = new Threads();
  #offers = new Uint8Array(16);
  #work = 0;
  readonly #isExhaustive: boolean;

  /** An exhaustive index scores every text: what the other must come to. */
  constructor(weights: RankingWeights = rankingWeights, { isExhaustive = false } = {}) {
    this.#weights = weights;
    this.#isExhaustive = isExhaustive;
    this.#lexical = new LexicalIndex(weights);
  }

  /** Texts that can be found. */
  get size(): number {
    return this.#lexical.size;
  }

  /** Cells that the last query read; two searches bound it. */
  get work(): number {
    return this.#work;
  }

  has(id: number): boolean {
    return this.#lexical.slotOf(id) !== undefined;
  }

  /** Adds a text, or puts it in place of the one with the same id. It takes the last place of its thread. */
  add(text: RankedText): void {
    this.remove(text.id);
    this.#place(this.#lexical.add(text), text.subject, text, offersOf(text.body));
  }

  /** The same for a text whose words were counted before; `termAt` tells the number of a term of the row in this index. */
  addSaved(id: number, subject: string, place: TextPlace, row: SavedRow, termAt: (term: number) => number): void {
    this.remove(id);
    this.#place(this.#lexical.addCounted(id, row, termAt), subject, place, row.offers);
  }

  /** What was read out of a text, in the numbers of this index. */
  rowOf(id: number): SavedRow | undefined {
    const slot = this.#lexical.slotOf(id);
    return slot === undefined ? undefined : { ...this.#lexical.countedAt(slot), offers: this.#offers[slot]! };
  }

  termAt(number: number): string {
    return this.#lexical.termAt(number);
  }

  /** Number of a term, which it gets where it has none. */
  numberOf(term: string): number {
    return this.#lexical.numberOf(term);
  }

  remove(id: number): void {
    const slot = this.#lexical.slotOf(id);
    if (slot === undefined) return;
    this.#threads.remove(slot);
    const moved = this.#lexical.remove(id);
    if (!moved) return;
    this.#threads.move(moved);
    for (const [from, to] of moved.entries()) if (to >= 0) this.#offers[to] = this.#offers[from]!;
  }

  /** Ids from the newest on. */
  *newest(): Generator<number> {
    for (let slot = this.#lexical.slotCount - 1; slot >= 0; slot--) {
      if (this.#lexical.isAlive(slot)) yield this.#lexical.idOf(slot);
    }
  }

  /** Terms that a text has in common with a question. */
  sharedTerms(id: number, question: string): string[] {
    const slot = this.#lexical.slotOf(id);
    const terms = new Set(slot === undefined ? [] : this.#lexical.termsOf(slot));
    return queryTermsOf(question).filter((term) => terms.has(term));
  }

  /** The best texts, best first; of equals the one that came first. */
  query(query: RankingQuery): RankedHit[] {
    this.#work = 0;
    const limit = Math.max(MAX_CANDIDATES, Math.min(query.limit, MAX_ASKED));
    const own = weightedTermsOf(query.text);
    const first = this.#best(own, limit, query);
    const terms = this.#widened(own, first);
    const wordsOf = this.#lexical.scorer(terms);
    // What others lend to the question brings texts up only where its own words find too few.
    const isEnough = first.length === limit || terms === own;
    const candidates = new Candidates(
      isEnough ? first.map(({ slot }) => ({ slot, score: wordsOf(slot) })) : this.#best(terms, limit, query),
    );
    this.#addTurnsBeside(candidates, wordsOf, query);
    this.#applyCues(candidates, wantedBy(query.text));
    if (query.likeness) this.#addLikeness(candidates, wordsOf, query.likeness, query);
    if (query.graph) this.#addActivation(candidates, query.graph, query);
    return candidates
      .best(query.limit)
      .map(({ slot, score, parts }) => ({ id: this.#lexical.idOf(slot), score, parts }));
  }

  #place(slot: number, subject: string, { thread, atMs }: TextPlace, offers: number): void {
    this.#threads.add(slot, thread, subject, atMs);
    if (slot >= this.#offers.length) this.#offers = grown(this.#offers, slot * 2);
    this.#offers[slot] = offers;
  }

  /** The question's terms, and those that the best texts of a first look add to it. */
  #widened(terms: readonly WeightedTerm[], found: readonly ScoredSlot[]): readonly WeightedTerm[] {
    const { feedback, feedbackTexts, feedbackTerms } = this.#weights;
    const lent = feedback === 0 ? [] : this.#lexical.topicOf(found.slice(0, feedbackTexts), terms, feedbackTerms);
    const strongest = lent[0]?.weight ?? 1;
    if (lent.length === 0) return terms;
    return [...terms, ...lent.map(({ term, weight }) => ({ term, weight: (feedback * weight) / strongest }))];
  }

  #best(terms: readonly WeightedTerm[], limit: number, { isVisible }: RankingQuery): readonly ScoredSlot[] {
    const isWanted = (slot: number): boolean => !isVisible || isVisible(this.#lexical.idOf(slot));
    if (this.#isExhaustive) return this.#lexical.bestOfAll(terms, limit, isWanted);
    const { slots, work } = this.#lexical.best(terms, limit, isWanted);
    this.#work += work;
    return slots;
  }

  #addTurnsBeside(candidates: Candidates, wordsOf: (slot: number) => number, { isVisible }: RankingQuery): void {
    const { previousTurn, turnBeforePrevious, nextTurn } = this.#weights;
    const inherited = [
      [1, previousTurn],
      [2, turnBeforePrevious],
      [-1, nextTurn],
    ] as const;
    for (const { slot, parts } of [...candidates.all()]) {
      if (parts.words === 0 || !this.#threads.isTurn(slot)) continue;
      for (const [steps, share] of inherited) {
        const beside = share === 0 ? undefined : this.#threads.turnBeside(slot, steps);
        if (beside === undefined || (isVisible && !isVisible(this.#lexical.idOf(beside)))) continue;
        const heir = candidates.at(beside, wordsOf);
        heir.parts.turns += share * parts.words;
        heir.score += share * parts.words;
      }
    }
  }

  #applyCues(candidates: Candidates, wanted: Wanted): void {
    const { moment, quantity, sameDay, asking } = this.#weights;
    for (const candidate of candidates.all()) {
      const offers = this.#offers[candidate.slot]!;
      let factor = 1;
      if (wanted.moment && (offers & Offers.moment) !== 0) factor += moment;
      if (wanted.quantity && (offers & Offers.quantity) !== 0) factor += quantity;
      if ((offers & Offers.question) !== 0) factor -= asking;
      if (wanted.days.length > 0) {
        const atMs = this.#threads.momentOf(candidate.slot);
        if (wanted.days.some((day) => isOn(atMs, day))) factor += sameDay;
      }
      candidate.parts.cues += candidate.score * (factor - 1);
      candidate.score *= factor;
    }
  }

  #addLikeness(
    candidates: Candidates,
    wordsOf: (slot: number) => number,
    likeness: ReadonlyMap<number, number>,
    { isVisible }: RankingQuery,
  ): void {
    const scale = this.#weights.semantic * (candidates.highest() || 1);
    for (const [id, value] of likeness) {
      const slot = this.#lexical.slotOf(id);
      if (value <= 0 || slot === undefined || (isVisible && !isVisible(id))) continue;
      const candidate = candidates.at(slot, wordsOf);
      candidate.parts.likeness += scale * value;
      candidate.score += scale * value;
    }
  }

  /** Activation spreads from the best texts through the graph, and lifts what it reaches. */
  #addActivation(candidates: Candidates, graph: Adjacency & Groups, { isVisible }: RankingQuery): void {
    const seeds = new Map(candidates.best(MAX_SEEDS).map(({ slot, score }) => [this.#lexical.idOf(slot), score]));
    const reached = pageRankByPush(graph, seeds).ranks;
    let strongest = 0;
    for (const activation of reached.values()) strongest = Math.max(strongest, activation);
    if (strongest === 0) return;
    const scale = (this.#weights.activation * candidates.highest()) / strongest;
    for (const [id, activation] of reached) {
      const slot = this.#lexical.slotOf(id);
      if (slot === undefined || (isVisible && !isVisible(id))) continue;
      const candidate = candidates.at(slot, () => 0);
      candidate.parts.activation += scale * activation;
      candidate.score += scale * activation;
    }
  }
}
