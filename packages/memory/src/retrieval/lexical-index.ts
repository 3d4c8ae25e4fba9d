// An inverted index over short texts of two fields, kept current as texts come and go. Scores with BM25F.
import { BestSlots, type ScoredSlot } from './best-slots.ts';
import { grown, PostingLists } from './posting-lists.ts';
import { queryTermsOf, termsOf } from './terms.ts';

/** A text to be found: a fact (key and value) or a turn (speaker and words). */
export interface IndexedText {
  /** The caller's number for it, unique among the texts of the index. */
  readonly id: number;
  readonly subject: string;
  readonly body: string;
}

/** A term to look for, and how much it counts. */
export interface WeightedTerm {
  readonly term: string;
  readonly weight: number;
}

/** BM25F: saturation, length normalisation per field, weight of the subject against the body. */
export interface LexicalWeights {
  readonly saturation: number;
  readonly subjectNormalisation: number;
  readonly bodyNormalisation: number;
  readonly subject: number;
}

/** Occurrences of a term in one field that are counted; more say no more. */
const MAX_OCCURRENCES = 15;
/** Texts one index can hold, living and dead: an entry has 24 bits for the number of its text. */
const MAX_SLOTS = 1 << 24;
/** Removed texts are swept out once there are this many, and as many as living ones. */
const SWEEP_AT = 1024;

const FIRST_CAPACITY = 256;

/** Entries that one look-up reads: some tens of microseconds for ten thousand. */
const MAX_ENTRIES = 24_000;
/** How many times more texts are looked at closely when not all terms could be read. */
const RESERVE = 4;

/** One index. Slots number the texts in the order they were added; they are this index's own, and change when it is swept. */
export class LexicalIndex {
  readonly #weights: LexicalWeights;
  #slotOf = new Map<number, number>();
  #termIds = new Map<string, number>();
  #terms: string[] = [];
  #postings = new PostingLists();
  /** Living texts that hold a term. */
  #documentFrequency = new Int32Array(1024);
  #ids = new Float64Array(FIRST_CAPACITY);
  #isAlive = new Uint8Array(FIRST_CAPACITY);
  #subjectLength = new Int32Array(FIRST_CAPACITY);
  #bodyLength = new Int32Array(FIRST_CAPACITY);
  /** The terms of each text: `#forward[#forwardAt[slot]]` up to that of the next slot, term number and counts by turns. */
  #forwardAt = new Int32Array(FIRST_CAPACITY + 1);
  #forward = new Int32Array(4096);
  #slotCount = 0;
  #subjectTotal = 0;
  #bodyTotal = 0;
  /** Scratch of one query, all zero between queries. */
  #scores = new Float64Array(FIRST_CAPACITY);

  constructor(weights: LexicalWeights) {
    this.#weights = weights;
  }

  /** Living texts. */
  get size(): number {
    return this.#slotOf.size;
  }

  /** Slots in use, dead ones included. */
  get slotCount(): number {
    return this.#slotCount;
  }

  slotOf(id: number): number | undefined {
    return this.#slotOf.get(id);
  }

  idOf(slot: number): number {
    return this.#ids[slot]!;
  }

  isAlive(slot: number): boolean {
    return this.#isAlive[slot] === 1;
  }

  /** Adds a text, or puts it in place of the one with the same id, and returns its slot. */
  add({ id, subject, body }: IndexedText): number {
    if (this.#slotOf.has(id)) this.remove(id);
    const slot = this.#newSlot(id);
    const counts = new Map<number, number>();
    const subjectTerms = termsOf(subject);
    const bodyTerms = termsOf(body);
    for (const term of subjectTerms) this.#count(counts, term, 4);
    for (const term of bodyTerms) this.#count(counts, term, 0);
    for (const [term, count] of counts) {
      this.#postings.append(term, (slot << 8) | count);
      this.#documentFrequency[term]!++;
      this.#addForward(slot, term, count);
    }
    this.#subjectTotal += this.#subjectLength[slot] = subjectTerms.length;
    this.#bodyTotal += this.#bodyLength[slot] = bodyTerms.length;
    return slot;
  }

  /** Removes a text. Returns whether slots changed their numbers. */
  remove(id: number): boolean {
    const slot = this.#slotOf.get(id);
    if (slot === undefined) return false;
    this.#slotOf.delete(id);
    this.#isAlive[slot] = 0;
    this.#subjectTotal -= this.#subjectLength[slot]!;
    this.#bodyTotal -= this.#bodyLength[slot]!;
    for (let at = this.#forwardAt[slot]!; at < this.#forwardAt[slot + 1]!; at += 2) {
      this.#documentFrequency[this.#forward[at]!]!--;
    }
    const dead = this.#slotCount - this.#slotOf.size;
    if (dead < SWEEP_AT || dead < this.#slotOf.size) return false;
    this.#sweep();
    return true;
  }

  /** How much a term tells texts apart; 0 for one that no living text holds. */
  weightOf(term: string): number {
    const termId = this.#termIds.get(term);
    const frequency = termId === undefined ? 0 : this.#documentFrequency[termId]!;
    return frequency === 0 ? 0 : inverseFrequency(this.size, frequency);
  }

  /** Living texts that hold a term. */
  frequencyOf(term: string): number {
    const termId = this.#termIds.get(term);
    return termId === undefined ? 0 : this.#documentFrequency[termId]!;
  }

  /** Scores of the living texts that hold at least one of the terms, by slot, in the order they were found. */
  score(terms: readonly WeightedTerm[]): Map<number, number> {
    const scores = this.#scores;
    const touched = this.#accumulate(terms);
    const found = new Map<number, number>();
    for (const slot of touched) {
      found.set(slot, scores[slot]!);
      scores[slot] = 0;
    }
    return found;
  }

  /**
   * The best texts, best first; of equals the one that came first. Reads at most about `maxEntries` entries, those of the
   * terms that count most and are rarest; the other terms only order what these found. `isWanted` is asked of texts that
   * would be among the best.
   */
  best(
    terms: readonly WeightedTerm[],
    limit: number,
    isWanted: (slot: number) => boolean,
    maxEntries = MAX_ENTRIES,
  ): ScoredSlot[] {
    const { read, left } = this.#split(terms, maxEntries);
    const touched = this.#accumulate(read);
    const kept = new BestSlots(left.length === 0 ? limit : limit * RESERVE);
    for (const slot of touched) {
      const score = this.#scores[slot]!;
      if (kept.hasRoomFor(slot, score) && isWanted(slot)) kept.add(slot, score);
      this.#scores[slot] = 0;
    }
    if (left.length === 0) return kept.slots;
    const exact = new BestSlots(limit);
    for (const { slot } of kept.slots) exact.add(slot, this.scoreOf(slot, terms));
    return exact.slots;
  }

  /** Terms whose entries are read, and terms for which that would be too much. One is always read. */
  #split(terms: readonly WeightedTerm[], maxEntries: number): { read: WeightedTerm[]; left: WeightedTerm[] } {
    const total = terms.reduce((sum, { term }) => sum + this.frequencyOf(term), 0);
    if (total <= maxEntries) return { read: [...terms], left: [] };
    const byWorth = terms
      .map((each, at) => ({ each, at, frequency: this.frequencyOf(each.term) }))
      .filter(({ frequency }) => frequency > 0)
      .sort((a, b) => b.each.weight - a.each.weight || a.frequency - b.frequency || a.at - b.at);
    const read: WeightedTerm[] = [];
    const left: WeightedTerm[] = [];
    let entries = 0;
    for (const { each, frequency } of byWorth) {
      entries += frequency;
      (read.length === 0 || entries <= maxEntries ? read : left).push(each);
    }
    return { read, left };
  }

  /** Adds up scores in the scratch array, and returns which slots have any. */
  #accumulate(terms: readonly WeightedTerm[]): number[] {
    const scores = this.#scores;
    const touched: number[] = [];
    for (const { term, weight } of terms) {
      const termId = this.#termIds.get(term);
      if (termId === undefined || this.#documentFrequency[termId] === 0) continue;
      const factor = weight * inverseFrequency(this.size, this.#documentFrequency[termId]!);
      this.#postings.forEachRun(termId, (pool, from, to) => {
        for (let at = from; at < to; at++) {
          const entry = pool[at]!;
          const slot = entry >>> 8;
          if (this.#isAlive[slot] === 0) continue;
          if (scores[slot] === 0) touched.push(slot);
          scores[slot]! += factor * this.#saturated(slot, entry & 255);
        }
      });
    }
    return touched;
  }

  /** The score of one text, the same number that `score` gives it. */
  scoreOf(slot: number, terms: readonly WeightedTerm[]): number {
    let score = 0;
    for (const { term, weight } of terms) {
      const termId = this.#termIds.get(term);
      if (termId === undefined || this.#isAlive[slot] === 0) continue;
      const count = this.#countIn(slot, termId);
      if (count > 0) {
        score += weight * inverseFrequency(this.size, this.#documentFrequency[termId]!) * this.#saturated(slot, count);
      }
    }
    return score;
  }

  /** The distinct terms of a text, with the share of it that each makes up. */
  *termsOf(slot: number): IterableIterator<{ term: string; share: number }> {
    const length = Math.max(1, this.#subjectLength[slot]! + this.#bodyLength[slot]!);
    for (let at = this.#forwardAt[slot]!; at < this.#forwardAt[slot + 1]!; at += 2) {
      const count = this.#forward[at + 1]!;
      yield { term: this.#terms[this.#forward[at]!]!, share: ((count >>> 4) + (count & 15)) / length };
    }
  }

  /** Words of the body, function words apart. */
  lengthOf(slot: number): number {
    return this.#bodyLength[slot]!;
  }

  /** Bytes of the typed arrays, for the benchmark of memory. */
  get byteLength(): number {
    const arrays = [this.#documentFrequency, this.#ids, this.#isAlive, this.#subjectLength, this.#bodyLength];
    const others = [this.#forwardAt, this.#forward, this.#scores];
    return [...arrays, ...others].reduce((sum, array) => sum + array.byteLength, this.#postings.byteLength);
  }

  #saturated(slot: number, count: number): number {
    const { saturation, subjectNormalisation, bodyNormalisation, subject } = this.#weights;
    const texts = this.#slotOf.size;
    let frequency = 0;
    if (count > 15) {
      const relative = (this.#subjectLength[slot]! * texts) / this.#subjectTotal;
      frequency += (subject * (count >>> 4)) / (1 - subjectNormalisation + subjectNormalisation * relative);
    }
    if ((count & 15) > 0) {
      const relative = (this.#bodyLength[slot]! * texts) / this.#bodyTotal;
      frequency += (count & 15) / (1 - bodyNormalisation + bodyNormalisation * relative);
    }
    return (frequency * (saturation + 1)) / (frequency + saturation);
  }

  #count(counts: Map<number, number>, term: string, shift: 0 | 4): void {
    const termId = this.#termId(term);
    const count = counts.get(termId) ?? 0;
    if (((count >>> shift) & 15) < MAX_OCCURRENCES) counts.set(termId, count + (1 << shift));
  }

  #countIn(slot: number, termId: number): number {
    for (let at = this.#forwardAt[slot]!; at < this.#forwardAt[slot + 1]!; at += 2) {
      if (this.#forward[at] === termId) return this.#forward[at + 1]!;
    }
    return 0;
  }

  #termId(term: string): number {
    const known = this.#termIds.get(term);
    if (known !== undefined) return known;
    const termId = this.#postings.addList();
    this.#termIds.set(term, termId);
    this.#terms.push(term);
    if (termId >= this.#documentFrequency.length) {
      this.#documentFrequency = grown(this.#documentFrequency, this.#documentFrequency.length * 2);
    }
    return termId;
  }

  #newSlot(id: number): number {
    if (this.#slotCount >= MAX_SLOTS) throw new RangeError(`Cannot index more than ${MAX_SLOTS} texts`);
    const slot = this.#slotCount++;
    if (slot >= this.#ids.length) this.#grow(slot * 2);
    this.#ids[slot] = id;
    this.#isAlive[slot] = 1;
    this.#forwardAt[slot + 1] = this.#forwardAt[slot]!;
    this.#slotOf.set(id, slot);
    return slot;
  }

  #grow(capacity: number): void {
    this.#ids = grown(this.#ids, capacity);
    this.#isAlive = grown(this.#isAlive, capacity);
    this.#subjectLength = grown(this.#subjectLength, capacity);
    this.#bodyLength = grown(this.#bodyLength, capacity);
    this.#forwardAt = grown(this.#forwardAt, capacity + 1);
    this.#scores = new Float64Array(capacity);
  }

  #addForward(slot: number, termId: number, count: number): void {
    const at = this.#forwardAt[slot + 1]!;
    if (at + 2 > this.#forward.length) this.#forward = grown(this.#forward, this.#forward.length * 1.5);
    this.#forward[at] = termId;
    this.#forward[at + 1] = count;
    this.#forwardAt[slot + 1] = at + 2;
  }

  /** Builds everything anew from the living texts, in their order: what was removed takes no room, and no query pays for it. */
  #sweep(): void {
    const old = new LexicalIndex(this.#weights);
    old.#take(this);
    this.#take(new LexicalIndex(this.#weights));
    for (let slot = 0; slot < old.#slotCount; slot++) {
      if (old.#isAlive[slot] === 0) continue;
      const to = this.#newSlot(old.#ids[slot]!);
      for (let at = old.#forwardAt[slot]!; at < old.#forwardAt[slot + 1]!; at += 2) {
        const termId = this.#termId(old.#terms[old.#forward[at]!]!);
        const count = old.#forward[at + 1]!;
        this.#postings.append(termId, (to << 8) | count);
        this.#documentFrequency[termId]!++;
        this.#addForward(to, termId, count);
      }
      this.#subjectTotal += this.#subjectLength[to] = old.#subjectLength[slot]!;
      this.#bodyTotal += this.#bodyLength[to] = old.#bodyLength[slot]!;
    }
  }

  #take(from: LexicalIndex): void {
    this.#slotOf = from.#slotOf;
    this.#termIds = from.#termIds;
    this.#terms = from.#terms;
    this.#postings = from.#postings;
    this.#documentFrequency = from.#documentFrequency;
    this.#ids = from.#ids;
    this.#isAlive = from.#isAlive;
    this.#subjectLength = from.#subjectLength;
    this.#bodyLength = from.#bodyLength;
    this.#forwardAt = from.#forwardAt;
    this.#forward = from.#forward;
    this.#slotCount = from.#slotCount;
    this.#subjectTotal = from.#subjectTotal;
    this.#bodyTotal = from.#bodyTotal;
    this.#scores = from.#scores;
  }
}

/** The terms of a question, each once and counted alike. */
export function weightedTermsOf(text: string): WeightedTerm[] {
  return queryTermsOf(text).map((term) => ({ term, weight: 1 }));
}

function inverseFrequency(texts: number, frequency: number): number {
  return Math.log(1 + (texts - frequency + 0.5) / (frequency + 0.5));
}
