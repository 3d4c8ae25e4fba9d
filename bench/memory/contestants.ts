// What a memory is compared with: one that shows all it was ever told, and plain BM25 over the same texts.
import { EvaluatedMemory, type EvaluatedFact, type EvaluatedPiece } from './adapter.ts';

type Told<Method extends keyof EvaluatedMemory> = Parameters<EvaluatedMemory[Method]>;

export interface Contestant {
  addIdentity(...told: Told<'addIdentity'>): void;
  addEnvironment(...told: Told<'addEnvironment'>): void;
  addFact(fact: EvaluatedFact): void;
  supersede(...told: Told<'supersede'>): void;
  addTurn(...told: Told<'addTurn'>): void;
  query(text: string, limit: number): { id: string }[];
  context(...asked: Told<'context'>): EvaluatedPiece[];
  close(): void;
}

export const contestants: Readonly<Record<string, () => Contestant>> = {
  ours: () => new EvaluatedMemory(),
  classic: () => new EvaluatedMemory('classic'),
  'everything / BM25': () => new Transcript(),
};

/** Shows everything as current, and finds with BM25 (k1 1.2, b 0.75). */
class Transcript implements Contestant {
  readonly #pieces: EvaluatedPiece[] = [];
  readonly #texts: { id: string; counts: Map<string, number>; length: number }[] = [];
  readonly #holders = new Map<string, number>();

  addIdentity(record: Record<string, unknown>): void {
    this.#show('identity', JSON.stringify(record));
  }

  addEnvironment({ key, value }: { key: string; value: string }): void {
    this.#show('environment', `${key}: ${value}`);
  }

  addFact({ id, key, value }: EvaluatedFact): void {
    this.#show('facts', `${key}: ${value}`);
    const words = wordsOf(`${key} ${value}`);
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    for (const word of counts.keys()) this.#holders.set(word, (this.#holders.get(word) ?? 0) + 1);
    this.#texts.push({ id, counts, length: words.length });
  }

  supersede(fact: EvaluatedFact): void {
    this.addFact(fact);
  }

  addTurn({ speaker, text }: { speaker: string; text: string }): void {
    this.#show('conversation', `${speaker}: ${text}`);
  }

  query(text: string, limit: number): { id: string }[] {
    const terms = [...new Set(wordsOf(text))];
    const average = this.#texts.reduce((sum, { length }) => sum + length, 0) / this.#texts.length;
    const score = ({ counts, length }: { counts: Map<string, number>; length: number }): number =>
      terms.reduce((sum, term) => {
        const count = counts.get(term) ?? 0;
        const holders = this.#holders.get(term) ?? 0;
        const idf = Math.log(1 + (this.#texts.length - holders + 0.5) / (holders + 0.5));
        return sum + (idf * count * 2.2) / (count + 1.2 * (0.25 + (0.75 * length) / average));
      }, 0);
    return this.#texts
      .map((each) => ({ id: each.id, score: score(each) }))
      .filter((each) => each.score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, limit);
  }

  context(): EvaluatedPiece[] {
    return this.#pieces;
  }

  close(): void {
    // Holds nothing but memory.
  }

  #show(section: string, text: string): void {
    this.#pieces.push({ section, text, current: true });
  }
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().normalize('NFKC').match(/[\p{L}\p{N}$%]+(?:\.[\p{L}\p{N}]+)*/gu) ?? []; // prettier-ignore
}
