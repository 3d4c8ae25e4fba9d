// Texts of two fields as columns: which terms a text has, and which texts a term has. Kept current as texts come and go.
import { grown, PostingLists } from './posting-lists.ts';
import { termOf, wordsOf } from './terms.ts';

/** A text to be found: a fact (key and value) or a turn (speaker and words). */
export interface IndexedText {
  /** The caller's number for it, unique among the texts of the index. */
  readonly id: number;
  readonly subject: string;
  readonly body: string;
}

/** A text whose words were counted. */
export interface CountedText {
  readonly subjectLength: number;
  readonly bodyLength: number;
  /** The distinct terms, and how often subject and body have each: `term << 8 | subject << 4 | body`. */
  readonly cells: Uint32Array;
}

/** Occurrences of a term in one field that are counted; more say no more. */
const MAX_OCCURRENCES = 15;
/** Texts and terms one index can hold: a cell has 24 bits for the number of either. */
const MAX_SLOTS = 1 << 24;
/** Removed texts are swept out once there are this many, and as many as living ones. */
const SWEEP_AT = 1024;
/** Texts with more distinct terms have them sorted, so that one is found without reading all. */
export const SORTED_FROM = 64;

const FIRST_CAPACITY = 16;

/** What stands at `slot * size` in `texts`, side by side because whoever scores a text reads all of it. */
export const Text = {
  size: 4,
  /** Where its terms begin in `forward`; they end where those of the next slot begin. */
  forward: 0,
  /** -1 in a text that was removed. */
  subjectLength: 1,
  bodyLength: 2,
  /** Of the last search that scored it. */
  mark: 3,
} as const;

/** Words whose term is kept at hand; past it all are forgotten. */
const MAX_WORDS_AT_HAND = 65_536;

/** Slots number the texts in the order they were added; they are this store's own, and change when it is swept. */
export class LexicalStore {
  postings = new PostingLists();
  ids = new Float64Array(FIRST_CAPACITY);
  /** By slot, as `Text` says. */
  texts = new Int32Array((FIRST_CAPACITY + 1) * Text.size);
  /** Living texts that hold a term. */
  documentFrequency = new Int32Array(FIRST_CAPACITY);
  /** The terms of each text, as `rangeOf` says: `term << 8 | subject << 4 | body`. */
  forward = new Uint32Array(FIRST_CAPACITY * 8);
  terms: string[] = [];
  slotCount = 0;
  subjectTotal = 0;
  bodyTotal = 0;
  #slotOf = new Map<number, number>();
  #termIds = new Map<string, number>();
  /** Of words that came lately; -1 for function words. One look-up instead of two for most words of a text. */
  #termOfWord = new Map<string, number>();
  /** Of the text that is being added: terms in the order they came, and by term how often. */
  #found: number[] = [];
  #counts = new Uint8Array(FIRST_CAPACITY);

  /** Living texts. */
  get size(): number {
    return this.#slotOf.size;
  }

  slotOf(id: number): number | undefined {
    return this.#slotOf.get(id);
  }

  isAlive(slot: number): boolean {
    return this.texts[slot * Text.size + Text.subjectLength]! >= 0;
  }

  subjectLengthOf(slot: number): number {
    return this.texts[slot * Text.size + Text.subjectLength]!;
  }

  bodyLengthOf(slot: number): number {
    return this.texts[slot * Text.size + Text.bodyLength]!;
  }

  /** Where the terms of a text stand in `forward`. */
  rangeOf(slot: number): [from: number, to: number] {
    const at = slot * Text.size + Text.forward;
    return [this.texts[at]!, this.texts[at + Text.size]!];
  }

  forgetMarks(mark: number): void {
    for (let slot = 0; slot < this.slotCount; slot++) this.texts[slot * Text.size + Text.mark] = mark;
  }

  termIdOf(term: string): number | undefined {
    return this.#termIds.get(term);
  }

  /** Adds a text whose id no other has, and returns its slot. */
  add({ id, subject, body }: IndexedText): number {
    const subjectLength = this.#countWords(subject, 4);
    return this.#addCounted(id, subjectLength, this.#countWords(body, 0));
  }

  /** The same for a text that was counted before; `termAt` tells our numbers of its terms. */
  addCounted(id: number, { subjectLength, bodyLength, cells }: CountedText, termAt: (term: number) => number): number {
    for (const cell of cells) {
      const termId = termAt(cell >>> 8);
      if (this.#counts[termId] === 0) this.#found.push(termId);
      this.#counts[termId] = cell & 255;
    }
    return this.#addCounted(id, subjectLength, bodyLength);
  }

  countedAt(slot: number): CountedText {
    return {
      subjectLength: this.subjectLengthOf(slot),
      bodyLength: this.bodyLengthOf(slot),
      cells: this.forward.subarray(...this.rangeOf(slot)),
    };
  }

  /** Removes a text. Where that made slots change their numbers, the new one of each old one, or -1. */
  remove(id: number): Int32Array | undefined {
    const slot = this.#slotOf.get(id);
    if (slot === undefined) return undefined;
    this.#slotOf.delete(id);
    this.subjectTotal -= this.subjectLengthOf(slot);
    this.bodyTotal -= this.bodyLengthOf(slot);
    this.texts[slot * Text.size + Text.subjectLength] = -1;
    const [from, to] = this.rangeOf(slot);
    for (let at = from; at < to; at++) this.documentFrequency[this.forward[at]! >>> 8]!--;
    const dead = this.slotCount - this.size;
    return dead < SWEEP_AT || dead < this.size ? undefined : this.#sweep();
  }

  /** Counts of a term in a text as an entry has them; 0 where it is not in it. */
  countsIn(slot: number, termId: number): number {
    const { forward } = this;
    let [from, to] = this.rangeOf(slot);
    if (to - from > SORTED_FROM) {
      while (from < to) {
        const middle = (from + to) >>> 1;
        const cell = forward[middle]!;
        if (cell >>> 8 === termId) return cell & 255;
        if (cell >>> 8 < termId) from = middle + 1;
        else to = middle;
      }
      return 0;
    }
    for (; from < to; from++) if (forward[from]! >>> 8 === termId) return forward[from]! & 255;
    return 0;
  }

  /** Bytes of the typed arrays, for the benchmark of memory. */
  get byteLength(): number {
    const columns = [this.ids, this.texts, this.documentFrequency, this.forward];
    return columns.reduce((sum, column) => sum + column.byteLength, this.postings.byteLength);
  }

  /** How many terms a text has. */
  #countWords(text: string, shift: 0 | 4): number {
    let length = 0;
    for (const word of wordsOf(text)) {
      const termId = this.#termOfWord.get(word) ?? this.#learn(word);
      if (termId < 0) continue;
      this.#count(termId, shift);
      length++;
    }
    return length;
  }

  #learn(word: string): number {
    if (this.#termOfWord.size >= MAX_WORDS_AT_HAND) this.#termOfWord.clear();
    const term = termOf(word);
    const termId = term === '' ? -1 : this.numberOf(term);
    this.#termOfWord.set(word, termId);
    return termId;
  }

  #count(termId: number, shift: 0 | 4): void {
    const count = this.#counts[termId]!;
    if (count === 0) this.#found.push(termId);
    if (((count >>> shift) & 15) < MAX_OCCURRENCES) this.#counts[termId] = count + (1 << shift);
  }

  #addCounted(id: number, subjectLength: number, bodyLength: number): number {
    const found = this.#found;
    if (found.length > SORTED_FROM) found.sort((a, b) => a - b);
    const slot = this.#newSlot(id);
    const text = slot * Text.size;
    let at = this.texts[text + Text.forward]!;
    const end = at + found.length;
    if (end > this.forward.length) this.forward = grown(this.forward, Math.max(end, this.forward.length * 1.5));
    for (const termId of found) {
      const counts = this.#counts[termId]!;
      this.#counts[termId] = 0;
      this.forward[at++] = (termId << 8) | counts;
      this.postings.append(termId, (slot << 8) | counts, bodyLength);
      this.documentFrequency[termId]!++;
    }
    found.length = 0;
    this.texts[text + Text.size + Text.forward] = end;
    this.subjectTotal += this.texts[text + Text.subjectLength] = subjectLength;
    this.bodyTotal += this.texts[text + Text.bodyLength] = bodyLength;
    return slot;
  }

  /** Number of a term, which it gets where it has none. */
  numberOf(term: string): number {
    const known = this.#termIds.get(term);
    if (known !== undefined) return known;
    if (this.terms.length >= MAX_SLOTS) throw new RangeError(`Cannot index more than ${MAX_SLOTS} words`);
    const termId = this.postings.addList();
    this.#termIds.set(term, termId);
    this.terms.push(term);
    if (termId >= this.documentFrequency.length) {
      this.documentFrequency = grown(this.documentFrequency, termId * 2);
      this.#counts = grown(this.#counts, termId * 2);
    }
    return termId;
  }

  #newSlot(id: number): number {
    if (this.slotCount >= MAX_SLOTS) throw new RangeError(`Cannot index more than ${MAX_SLOTS} texts`);
    const slot = this.slotCount++;
    if (slot >= this.ids.length) this.#grow(slot * 2);
    this.ids[slot] = id;
    this.#slotOf.set(id, slot);
    return slot;
  }

  #grow(capacity: number): void {
    this.ids = grown(this.ids, capacity);
    this.texts = grown(this.texts, (capacity + 1) * Text.size);
  }

  /** Builds everything anew from the living texts, in their order: what was removed takes no room, and no query pays for it. */
  #sweep(): Int32Array {
    const moved = new Int32Array(this.slotCount).fill(-1);
    const next = new LexicalStore();
    for (let slot = 0; slot < this.slotCount; slot++) {
      if (!this.isAlive(slot)) continue;
      const [from, to] = this.rangeOf(slot);
      for (let at = from; at < to; at++) {
        const termId = next.numberOf(this.terms[this.forward[at]! >>> 8]!);
        next.#found.push(termId);
        next.#counts[termId] = this.forward[at]! & 255;
      }
      moved[slot] = next.#addCounted(this.ids[slot]!, this.subjectLengthOf(slot), this.bodyLengthOf(slot));
    }
    Object.assign(this, next);
    this.#slotOf = next.#slotOf;
    this.#termIds = next.#termIds;
    this.#termOfWord = next.#termOfWord;
    this.#found = next.#found;
    this.#counts = next.#counts;
    return moved;
  }
}
