// The best texts for a question by BM25F, without scoring every text that shares a word with it.
import { BestSlots, type ScoredSlot } from './best-slots.ts';
import { Bm25f, inverseFrequency, type LexicalWeights } from './bm25f.ts';
import { LexicalStore, SORTED_FROM, Text, type CountedText, type IndexedText } from './lexical-store.ts';
import { queryTermsOf } from './terms.ts';

export type { LexicalWeights } from './bm25f.ts';
export type { CountedText, IndexedText } from './lexical-store.ts';

/** A term to look for, and how much it counts. */
export interface WeightedTerm {
  readonly term: string;
  readonly weight: number;
}

/** What a search found, and what it may have missed. */
export interface Found {
  /** Best first; of equals the one that came first. */
  readonly slots: readonly ScoredSlot[];
  /** No text that is missing has a higher score than the last of these, or than this where it is more than 0. */
  readonly missed: number;
  /** Cells that were read: entries of lists, heads of their blocks, terms of texts that were scored. */
  readonly work: number;
}

/** Terms of one question that are looked for: those that tell most apart. */
export const MAX_TERMS = 96;
/** Cells that one search reads before it makes do with what it has: below a millisecond. */
export const MAX_WORK = 100_000;
/** What one step past the limit can take: a block, and the terms of a text for each of its entries. */
export const MAX_WORK_OVER = 128 * (2 + MAX_TERMS * 16) + 1;

/** Lists of more blocks are read from the block with the highest bound on. */
const ORDERED_FROM = 8;
/** Sums whose parts come in another order may differ in their last bits. */
const ROUNDING = 1 - 1e-9;

/** A term of a question in this index. */
interface Sought {
  readonly termId: number;
  readonly factor: number;
  /** No text gets more for it. */
  readonly highest: number;
}

/** One index. Slots number the texts in the order they were added; they are this index's own, and change when it is swept. */
export class LexicalIndex {
  readonly #weights: LexicalWeights;
  readonly #store = new LexicalStore();
  /** By term of the store, its place in the question and one more; all zero between searches. */
  #placeOf = new Int32Array(64);
  #search = 0;
  /** By place in the question, what a text gets for it; all zero between texts. */
  readonly #parts = new Float64Array(MAX_TERMS);
  #work = 0;

  constructor(weights: LexicalWeights) {
    this.#weights = weights;
  }

  /** Living texts. */
  get size(): number {
    return this.#store.size;
  }

  /** Slots in use, dead ones included. */
  get slotCount(): number {
    return this.#store.slotCount;
  }

  slotOf(id: number): number | undefined {
    return this.#store.slotOf(id);
  }

  idOf(slot: number): number {
    return this.#store.ids[slot]!;
  }

  isAlive(slot: number): boolean {
    return this.#store.isAlive(slot);
  }

  /** Adds a text whose id no other has, and returns its slot. */
  add(text: IndexedText): number {
    return this.#store.add(text);
  }

  /** The same for one whose words were counted before, in terms that `numberOf` knows by other numbers. */
  addCounted(id: number, counted: CountedText, termAt: (term: number) => number): number {
    return this.#store.addCounted(id, counted, termAt);
  }

  countedAt(slot: number): CountedText {
    return this.#store.countedAt(slot);
  }

  termAt(number: number): string {
    return this.#store.terms[number]!;
  }

  numberOf(term: string): number {
    return this.#store.numberOf(term);
  }

  /** Removes a text. Where that made slots change their numbers, the new one of each old one, or -1. */
  remove(id: number): Int32Array | undefined {
    return this.#store.remove(id);
  }

  /** How much a term tells texts apart; 0 for one that no living text holds. */
  weightOf(term: string): number {
    const frequency = this.frequencyOf(term);
    return frequency === 0 ? 0 : inverseFrequency(this.size, frequency);
  }

  /** Living texts that hold a term. */
  frequencyOf(term: string): number {
    const termId = this.#store.termIdOf(term);
    return termId === undefined ? 0 : this.#store.documentFrequency[termId]!;
  }

  /** The best texts by scoring every one: what `best` must come to. */
  bestOfAll(terms: readonly WeightedTerm[], limit: number, isWanted: (slot: number) => boolean): ScoredSlot[] {
    const best = new BestSlots(limit);
    for (let slot = 0; slot < this.slotCount; slot++) {
      const score = this.scoreOf(slot, terms);
      if (best.hasRoomFor(slot, score) && isWanted(slot)) best.add(slot, score);
    }
    return best.sorted();
  }

  /**
   * The best texts. Reads the lists of the terms from the one that can give most (MaxScore), passes over blocks whose bound
   * is too low, and stops when nothing that is left can be among the best, or after `maxWork` cells. `isWanted` is asked
   * of texts that would be among the best.
   */
  best(
    terms: readonly WeightedTerm[],
    limit: number,
    isWanted: (slot: number) => boolean,
    maxWork: number = MAX_WORK,
  ): Found {
    const formula = this.#formula();
    const sought = this.#seek(terms, formula);
    this.#beginSearch(sought);
    const best = new BestSlots(limit);
    const isOpen = sought.map(() => true);
    /** What a text can get that no finished list has: its part of one list, the highest of the others that are open. */
    const boundWith = (place: number, part: number): number => {
      let sum = 0;
      for (let each = 0; each < sought.length; each++) {
        if (isOpen[each]) sum += each === place ? part : sought[each]!.highest;
      }
      return sum;
    };
    let missed = 0;
    const order = sought.map((_, place) => place).sort((a, b) => sought[b]!.highest - sought[a]!.highest || a - b);
    for (const place of order) {
      const { highest } = sought[place]!;
      const bound = boundWith(place, highest);
      if (!best.hasRoomFor(-1, bound)) break;
      if (!this.#readList(place, sought, formula, boundWith, best, isWanted, maxWork)) {
        missed = bound;
        break;
      }
      isOpen[place] = false;
    }
    for (const { termId } of sought) this.#placeOf[termId] = 0;
    return { slots: best.sorted(), missed, work: this.#work };
  }

  /** The score of one text, the same number that `best` gives it. */
  scoreOf(slot: number, terms: readonly WeightedTerm[]): number {
    if (!this.isAlive(slot)) return 0;
    const formula = this.#formula();
    let score = 0;
    for (const { termId, factor } of this.#seek(terms, formula)) {
      score += factor * this.#partOf(slot, this.#store.countsIn(slot, termId), formula);
    }
    return score;
  }

  /** For many texts and one question. */
  scorer(terms: readonly WeightedTerm[]): (slot: number) => number {
    const formula = this.#formula();
    const sought = this.#seek(terms, formula);
    return (slot) => {
      let score = 0;
      for (const { termId, factor } of sought) {
        score += factor * this.#partOf(slot, this.#store.countsIn(slot, termId), formula);
      }
      return score;
    };
  }

  /** The distinct terms of a text. */
  termsOf(slot: number): string[] {
    const { forward, terms } = this.#store;
    return Array.from(forward.subarray(...this.#store.rangeOf(slot)), (cell) => terms[cell >>> 8]!);
  }

  /**
   * What texts are about: the terms that most tell of them, the strongest first, by their share of each text and its score.
   * Terms of no other text, and those that are `known`, are left out.
   */
  topicOf(texts: readonly ScoredSlot[], known: readonly WeightedTerm[], limit: number): WeightedTerm[] {
    const { forward, terms, documentFrequency } = this.#store;
    const knownIds = new Set(known.map(({ term }) => this.#store.termIdOf(term)));
    const total = texts.reduce((sum, { score }) => sum + score, 0);
    const weights = new Map<number, number>();
    for (const { slot, score } of texts) {
      const length = Math.max(1, this.#store.subjectLengthOf(slot) + this.#store.bodyLengthOf(slot));
      const [from, to] = this.#store.rangeOf(slot);
      for (let at = from; at < to; at++) {
        const cell = forward[at]!;
        const termId = cell >>> 8;
        const frequency = documentFrequency[termId]!;
        if (frequency < 2 || knownIds.has(termId)) continue;
        const share = (((cell >>> 4) & 15) + (cell & 15)) / length;
        const weight = (score / total) * share * inverseFrequency(this.size, frequency);
        weights.set(termId, (weights.get(termId) ?? 0) + weight);
      }
    }
    return [...weights]
      .map(([termId, weight]) => ({ term: terms[termId]!, weight }))
      .sort((a, b) => b.weight - a.weight || (a.term < b.term ? -1 : 1))
      .slice(0, limit);
  }

  /** Bytes of the typed arrays, for the benchmark of memory. */
  get byteLength(): number {
    return this.#store.byteLength + this.#placeOf.byteLength;
  }

  #formula(): Bm25f {
    const { size, subjectTotal, bodyTotal } = this.#store;
    return new Bm25f(this.#weights, size, subjectTotal, bodyTotal);
  }

  /** The terms that are there, in the order of the question; of too many those that tell most apart. */
  #seek(terms: readonly WeightedTerm[], formula: Bm25f): Sought[] {
    const sought: Sought[] = [];
    for (const { term, weight } of terms) {
      const termId = this.#store.termIdOf(term);
      const frequency = termId === undefined ? 0 : this.#store.documentFrequency[termId]!;
      if (termId === undefined || frequency === 0) continue;
      const factor = weight * inverseFrequency(this.size, frequency);
      sought.push({ termId, factor, highest: factor * formula.highest(this.#store.postings.boundOf(termId)) });
    }
    if (sought.length <= MAX_TERMS) return sought;
    const places = sought.map((_, place) => place).sort((a, b) => sought[b]!.factor - sought[a]!.factor || a - b);
    return places.slice(0, MAX_TERMS).sort((a, b) => a - b).map((place) => sought[place]!); // prettier-ignore
  }

  #beginSearch(sought: readonly Sought[]): void {
    const { terms } = this.#store;
    if (this.#placeOf.length < terms.length) this.#placeOf = new Int32Array(terms.length * 2);
    this.#work = 0;
    this.#search = (this.#search + 1) & 0x7fffffff;
    if (this.#search === 0) this.#store.forgetMarks(this.#search++);
    for (const [place, { termId }] of sought.entries()) this.#placeOf[termId] = place + 1;
  }

  /** Whether the list was read as far as it matters. */
  #readList(
    place: number,
    sought: readonly Sought[],
    formula: Bm25f,
    boundWith: (place: number, part: number) => number,
    best: BestSlots,
    isWanted: (slot: number) => boolean,
    maxWork: number,
  ): boolean {
    const { postings, texts } = this.#store;
    const { termId, factor } = sought[place]!;
    const others = boundWith(place, 0);
    for (const block of this.#blocksOf(termId, formula)) {
      if (this.#work > maxWork) return false;
      this.#work++;
      const start = postings.startOf(block);
      const { pool } = postings;
      const bound = boundWith(place, factor * formula.highest(postings.boundOfBlock(block)));
      if (!best.hasRoomFor(pool[start]! >>> 8, bound)) continue;
      const end = postings.endOf(termId, block);
      this.#work += end - start;
      for (let at = start; at < end; at++) {
        const entry = pool[at]!;
        const slot = entry >>> 8;
        const text = slot * Text.size;
        if (texts[text + Text.subjectLength]! < 0 || texts[text + Text.mark] === this.#search) continue;
        const part =
          factor * formula.score(entry & 255, texts[text + Text.subjectLength]!, texts[text + Text.bodyLength]!);
        if (part + others < best.least * ROUNDING) continue;
        texts[text + Text.mark] = this.#search;
        const score = this.#scoreSought(slot, sought, formula);
        if (best.hasRoomFor(slot, score) && isWanted(slot)) best.add(slot, score);
      }
    }
    return true;
  }

  /** Blocks of a list, those of a long one by their bounds, so that what is left out says least. */
  #blocksOf(termId: number, formula: Bm25f): number[] {
    const { postings } = this.#store;
    const blocks: number[] = [];
    for (let block = postings.firstBlock(termId); block >= 0; block = postings.nextBlock(block)) blocks.push(block);
    this.#work += blocks.length;
    if (blocks.length <= ORDERED_FROM) return blocks;
    const bounds = new Map(blocks.map((block) => [block, formula.highest(postings.boundOfBlock(block))]));
    return blocks.sort((a, b) => bounds.get(b)! - bounds.get(a)! || a - b);
  }

  /** Sums in the order of the question, so that a score is the same number whichever way the text was found. */
  #scoreSought(slot: number, sought: readonly Sought[], formula: Bm25f): number {
    const { forward, texts } = this.#store;
    const text = slot * Text.size;
    const from = texts[text + Text.forward]!;
    const to = texts[text + Text.size + Text.forward]!;
    const subjectLength = texts[text + Text.subjectLength]!;
    const bodyLength = texts[text + Text.bodyLength]!;
    let score = 0;
    if (to - from > SORTED_FROM) {
      this.#work += sought.length * Math.ceil(Math.log2(to - from));
      for (const { termId, factor } of sought) {
        score += factor * this.#partOf(slot, this.#store.countsIn(slot, termId), formula);
      }
      return score;
    }
    this.#work += to - from;
    const parts = this.#parts;
    for (let at = from; at < to; at++) {
      const cell = forward[at]!;
      const place = this.#placeOf[cell >>> 8]!;
      if (place > 0) {
        parts[place - 1] = sought[place - 1]!.factor * formula.score(cell & 255, subjectLength, bodyLength);
      }
    }
    for (let place = 0; place < sought.length; place++) {
      score += parts[place]!;
      parts[place] = 0;
    }
    return score;
  }

  #partOf(slot: number, counts: number, formula: Bm25f): number {
    if (counts === 0) return 0;
    return formula.score(counts, this.#store.subjectLengthOf(slot), this.#store.bodyLengthOf(slot));
  }
}

/** The terms of a question, each once and counted alike. */
export function weightedTermsOf(text: string): WeightedTerm[] {
  return queryTermsOf(text).map((term) => ({ term, weight: 1 }));
}
