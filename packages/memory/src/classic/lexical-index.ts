// Which valid nodes of one tenant hold which token. Follows the graph: a query reads the lists of its terms and nothing else.
import { none } from '../graph/adjacency.ts';
import { Uint32Column } from '../graph/columns.ts';
import type { MemoryNode } from '../graph/model.ts';
import { stemOf, synonymStemsOf, tokensOf } from './text.ts';

export interface PostingColumns {
  readonly first: Uint32Array<SharedArrayBuffer>;
  readonly next: Uint32Array<SharedArrayBuffer>;
  readonly node: Uint32Array<SharedArrayBuffer>;
}

/** A term of a query, in terms of the index. */
export interface QueryTerm {
  readonly text: string;
  readonly idf: number;
  /** Numbers of the index's terms that match it, by how well, the best first. */
  readonly matches: readonly { readonly weight: number; readonly terms: readonly number[] }[];
}

const exactWeight = 3;
const stemWeight = 2;
const synonymWeight = 1.5;
const substringWeight = 1;
const minIdf = 0.1;
/** Lists are made anew once most of their entries are of nodes that no longer hold, and there are this many. */
const minDead = 4_096;

export class LexicalIndex {
  readonly #terms = new Map<string, number>();
  /** Of every term, that many valid nodes hold it. */
  readonly #frequency = new Uint32Column();
  readonly #first = new Uint32Column();
  readonly #next = new Uint32Column();
  readonly #node = new Uint32Column();
  readonly #byStem = new Map<string, number[]>();
  readonly #vocabulary = new Vocabulary();
  #nodeCount = 0;
  #dead = 0;

  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** Whether making it anew is worth the work. */
  get isWorn(): boolean {
    return this.#dead > minDead && this.#dead * 2 > this.#node.length;
  }

  get columns(): PostingColumns {
    return { first: this.#first.cells, next: this.#next.cells, node: this.#node.cells };
  }

  /** For another thread: only the heads of the lists change after they were written. */
  snapshot(): PostingColumns {
    return { ...this.columns, first: this.#first.copy() };
  }

  add({ index, key, value }: MemoryNode): void {
    this.#nodeCount++;
    for (const token of distinctTokens(key, value)) {
      const term = this.#termOf(token);
      this.#frequency.set(term, this.#frequency.at(term) + 1);
      const posting = this.#node.push(index);
      this.#next.push(this.#first.at(term));
      this.#first.set(term, posting);
    }
  }

  /** Its entries stay until the lists are made anew; who reads them looks at the node's flags. */
  remove({ key, value }: MemoryNode): void {
    this.#nodeCount--;
    for (const token of distinctTokens(key, value)) {
      const term = this.#terms.get(token);
      if (term === undefined) continue;
      this.#frequency.set(term, this.#frequency.at(term) - 1);
      this.#dead++;
    }
  }

  /** Cells that reading the lists of a query will touch. */
  costOf(terms: readonly QueryTerm[]): number {
    let cost = 0;
    for (const { matches } of terms) {
      for (const match of matches) for (const term of match.terms) cost += this.#frequency.at(term);
    }
    return cost;
  }

  termsOf(text: string): QueryTerm[] {
    return [...new Set(tokensOf(text))].map((token) => this.#queryTerm(token));
  }

  #queryTerm(token: string): QueryTerm {
    const exact = this.#terms.get(token);
    const frequency = exact === undefined ? 0 : this.#frequency.at(exact);
    const idf = frequency === 0 ? 1 : Math.max(minIdf, Math.log(this.#nodeCount / (1 + frequency)));
    const stems = this.#byStem.get(stemOf(token)) ?? [];
    const synonyms = synonymStemsOf(token).flatMap((stem) => this.#byStem.get(stem) ?? []);
    const classes = [
      { weight: exactWeight, terms: exact === undefined ? [] : [exact] },
      { weight: stemWeight, terms: stems },
      { weight: synonymWeight, terms: synonyms },
      { weight: substringWeight, terms: this.#vocabulary.containing(token) },
    ];
    const seen = new Set<number>();
    const matches = classes.map(({ weight, terms }) => ({
      weight,
      terms: terms.filter((term) => !seen.has(term) && this.#frequency.at(term) > 0 && seen.add(term)),
    }));
    return { text: token, idf, matches: matches.filter(({ terms }) => terms.length > 0) };
  }

  #termOf(token: string): number {
    let term = this.#terms.get(token);
    if (term !== undefined) return term;
    term = this.#first.push(none);
    this.#frequency.push(0);
    this.#terms.set(token, term);
    const stem = stemOf(token);
    const ofStem = this.#byStem.get(stem);
    if (ofStem) ofStem.push(term);
    else this.#byStem.set(stem, [term]);
    this.#vocabulary.add(token);
    return term;
  }
}

function distinctTokens(key: string, value: string): Set<string> {
  return new Set(tokensOf(`${key} ${value}`));
}

/** Terms by what they contain: all of them in a few long strings, which are searched far faster than one by one. */
class Vocabulary {
  static readonly #chunkChars = 32_768;
  readonly #chunks: { text: string; readonly starts: number[]; readonly firstTerm: number }[] = [];
  #count = 0;

  add(token: string): void {
    let chunk = this.#chunks.at(-1);
    if (!chunk || chunk.text.length > Vocabulary.#chunkChars) {
      chunk = { text: '\n', starts: [], firstTerm: this.#count };
      this.#chunks.push(chunk);
    }
    chunk.starts.push(chunk.text.length);
    chunk.text += `${token}\n`;
    this.#count++;
  }

  containing(part: string): number[] {
    const found: number[] = [];
    for (const { text, starts, firstTerm } of this.#chunks) {
      for (let at = text.indexOf(part); at !== -1;) {
        const nth = lastAtMost(starts, at);
        found.push(firstTerm + nth);
        const next = starts[nth + 1];
        at = next === undefined ? -1 : text.indexOf(part, next);
      }
    }
    return found;
  }
}

/** Place of the last number that is at most `limit`. */
function lastAtMost(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] as number) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
