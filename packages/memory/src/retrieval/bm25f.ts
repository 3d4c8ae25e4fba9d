// How much a term says in a text (BM25F), and at most in any of several texts.

/** Saturation, length normalisation per field, weight of the subject against the body. */
export interface LexicalWeights {
  readonly saturation: number;
  readonly subjectNormalisation: number;
  readonly bodyNormalisation: number;
  readonly subject: number;
}

/** How much a term tells texts apart. */
export function inverseFrequency(texts: number, frequency: number): number {
  return Math.log(1 + (texts - frequency + 0.5) / (frequency + 0.5));
}

/**
 * Scores of single terms over texts of known lengths on average. Every step of the arithmetic keeps the order of its
 * operands when it rounds, so what is highest for the highest counts and the shortest texts is never exceeded, not even
 * in the last bit.
 */
export class Bm25f {
  readonly #weights: LexicalWeights;
  readonly #perSubjectWord: number;
  readonly #perBodyWord: number;

  constructor(weights: LexicalWeights, texts: number, subjectWords: number, bodyWords: number) {
    this.#weights = weights;
    this.#perSubjectWord = subjectWords === 0 ? 0 : (weights.subjectNormalisation * texts) / subjectWords;
    this.#perBodyWord = bodyWords === 0 ? 0 : (weights.bodyNormalisation * texts) / bodyWords;
  }

  /** Of counts as an entry has them in its lowest eight bits, in a text of these lengths. */
  score(counts: number, subjectLength: number, bodyLength: number): number {
    const { saturation, subjectNormalisation, bodyNormalisation, subject } = this.#weights;
    const inSubject =
      (subject * ((counts >>> 4) & 15)) / (1 - subjectNormalisation + this.#perSubjectWord * subjectLength);
    const inBody = (counts & 15) / (1 - bodyNormalisation + this.#perBodyWord * bodyLength);
    return (saturation + 1) / (1 + saturation / (inSubject + inBody));
  }

  /** The highest score under a bound of a posting list. */
  highest(bound: number): number {
    const isNormalised = this.#weights.subjectNormalisation > 0;
    return this.score(bound & 255, isNormalised ? 1 : 0, bound >>> 8);
  }
}
