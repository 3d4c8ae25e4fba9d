// What an index read out of its texts, as bytes: a text whose words were counted before need not be read again. Every text
// is found by a hash of it, so a file that is older than the memory, or of another one, costs time and changes nothing.
import { crc32 } from 'node:zlib';
import type { RankedIndex } from './ranked-index.ts';

/** Changes with the layout, and with whatever makes terms or cues of a text. */
const VERSION = 1;
const MAGIC = 0x58_52_41_43;
/** Words: magic, version, checksum of all that follows, texts, cells, bytes of the terms. */
const HEADER = 6;
/** Words of a text: two of its hash, length of subject and body, where its cells end, what it offers. */
const ROW = 6;
/** Searches for a text that may be in vain before the rest is taken for new. */
const MAX_VAIN_SEARCHES = 16;

/** Hash of a text, in two words. */
export type TextHash = readonly [number, number];

export function hashOf(subject: string, body: string): TextHash {
  let one = 0x811c9dc5;
  let other = subject.length;
  for (const text of [subject, body]) {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      one = Math.imul(one ^ code, 0x01000193);
      other = (Math.imul(other, 0x5bd1e995) + code) | 0;
    }
    one = Math.imul(one ^ 0x1f, 0x01000193);
  }
  return [one >>> 0, (other ^ (other >>> 15)) >>> 0];
}

export class SavedIndexWriter {
  readonly #rows: number[] = [];
  readonly #cells: number[] = [];
  readonly #terms: string[] = [];
  readonly #places = new Map<string, number>();
  /** By index and its number of a term, our number of it. */
  readonly #placesIn = new Map<RankedIndex, number[]>();

  /** Texts have to come in the order of the graph. */
  add(index: RankedIndex, id: number, [one, other]: TextHash): void {
    const row = index.rowOf(id);
    if (!row) return;
    let places = this.#placesIn.get(index);
    if (!places) this.#placesIn.set(index, (places = []));
    for (const cell of row.cells) {
      const place = (places[cell >>> 8] ??= this.#placeOf(index.termAt(cell >>> 8)));
      this.#cells.push(((place << 8) | (cell & 255)) >>> 0);
    }
    this.#rows.push(one, other, row.subjectLength, row.bodyLength, this.#cells.length, row.offers);
  }

  toBytes(): Uint8Array {
    const terms = new TextEncoder().encode(this.#terms.join('\n'));
    const words = new Uint32Array(HEADER + this.#rows.length + this.#cells.length + Math.ceil(terms.length / 4));
    words.set([MAGIC, VERSION, 0, this.#rows.length / ROW, this.#cells.length, terms.length]);
    words.set(this.#rows, HEADER);
    words.set(this.#cells, HEADER + this.#rows.length);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(terms, (HEADER + this.#rows.length + this.#cells.length) * 4);
    words[2] = crc32(bytes.subarray(12));
    return bytes;
  }

  #placeOf(term: string): number {
    let place = this.#places.get(term);
    if (place === undefined) {
      this.#places.set(term, (place = this.#terms.length));
      this.#terms.push(term);
    }
    return place;
  }
}

export interface SavedRow {
  readonly subjectLength: number;
  readonly bodyLength: number;
  /** `term << 8 | counts`, terms as `SavedIndex.terms` numbers them. */
  readonly cells: Uint32Array;
  readonly offers: number;
}

export class SavedIndex {
  readonly terms: readonly string[];
  readonly #rows: Uint32Array;
  readonly #cells: Uint32Array;
  #next = 0;
  #vain = 0;

  private constructor(rows: Uint32Array, cells: Uint32Array, terms: readonly string[]) {
    this.#rows = rows;
    this.#cells = cells;
    this.terms = terms;
  }

  /** Undefined for what is not whole, or not of this version. */
  static parse(given: Uint8Array): SavedIndex | undefined {
    if (given.length < HEADER * 4 || given.length % 4 !== 0) return undefined;
    const bytes = given.byteOffset % 4 === 0 ? given : given.slice();
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const [magic, version, checksum, texts = 0, cells = 0, termBytes = 0] = words;
    if (magic !== MAGIC || version !== VERSION) return undefined;
    const cellsAt = HEADER + texts * ROW;
    const termsAt = cellsAt + cells;
    if (words.length !== termsAt + Math.ceil(termBytes / 4) || checksum !== crc32(bytes.subarray(12))) return undefined;
    const text = new TextDecoder().decode(bytes.subarray(termsAt * 4, termsAt * 4 + termBytes));
    return new SavedIndex(words.subarray(HEADER, cellsAt), words.subarray(cellsAt, termsAt), text.split('\n'));
  }

  /** What was saved of the text with this hash, where it comes after the one that was asked for before. */
  find([one, other]: TextHash): SavedRow | undefined {
    const rows = this.#rows;
    if (this.#vain >= MAX_VAIN_SEARCHES) return undefined;
    for (let at = this.#next; at < rows.length; at += ROW) {
      if (rows[at] !== one || rows[at + 1] !== other) continue;
      this.#next = at + ROW;
      const from = at === 0 ? 0 : rows[at - ROW + 4]!;
      return {
        subjectLength: rows[at + 2]!,
        bodyLength: rows[at + 3]!,
        cells: this.#cells.subarray(from, rows[at + 4]),
        offers: rows[at + 5]!,
      };
    }
    this.#vain++;
    return undefined;
  }
}
