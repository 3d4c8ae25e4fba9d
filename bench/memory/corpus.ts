// Facts and questions for measuring speed: words by a law like language's, the same in every run.

export interface CorpusFact {
  readonly id: string;
  readonly subject: string;
  readonly body: string;
}

const vocabulary = 50_000;
/** The most frequent words of a language are function words, which no index keeps and no question is about. */
const functionWords = 100;
const bodyWords = 15;
const questionWords = 3;

/** Numbers from 0 to 1 that look random and are the same each time. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The n-th most frequent word comes about 1/n as often as the first. */
function createWords(seed: number): () => string {
  const random = createRandom(seed);
  const range = Math.log(vocabulary / functionWords);
  return () => {
    const rank = Math.floor(functionWords * Math.exp(random() * range));
    return `${'bcdfghklmnprst'[rank % 14] ?? 'b'}${rank.toString(36)}o${(rank * 7_919).toString(36).slice(-2)}`;
  };
}

const sentence = (word: () => string, length: number): string => Array.from({ length }, word).join(' ');

export function createFacts(count: number): CorpusFact[] {
  const word = createWords(1);
  return Array.from({ length: count }, (_, nth) => ({
    id: `f${nth}`,
    subject: sentence(word, 2),
    body: sentence(word, bodyWords),
  }));
}

export function createQuestions(count: number): string[] {
  const word = createWords(2);
  return Array.from({ length: count }, () => sentence(word, questionWords));
}
