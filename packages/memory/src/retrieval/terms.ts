// What a text is made of for retrieval: stemmed words without function words.
import { porter2 } from './porter2.ts';
import { stopWords } from './stop-words.ts';

/** Words of one text that are read; a longer text is found by its beginning. */
export const MAX_WORDS = 16_384;
/** Words of a question that are read, and characters: a question of a megabyte is one of its beginning. */
const MAX_QUERY_WORDS = 1_024;
const MAX_QUERY_CHARS = 16_384;

/** Characters of one word that count, so that a text without blanks is no giant term. */
const MAX_WORD_CHARS = 64;

/** Stems kept from earlier texts. Past it all are forgotten, which costs time and changes nothing. */
const MAX_STEMS = 65_536;

const stems = new Map<string, string>();

/** Lower-case words of a text, in order. Apostrophes join, so that "don't" is one word; a possessive "'s" goes. */
export function wordsOf(text: string, maxWords = MAX_WORDS): string[] {
  const folded = fold(text);
  const words: string[] = [];
  for (let at = 0, { length } = folded; at < length && words.length < maxWords;) {
    if (!isWordChar(folded, at)) {
      at++;
      continue;
    }
    const start = at;
    while (at < length && isWordChar(folded, at)) at++;
    words.push(folded.slice(start, Math.min(at, start + MAX_WORD_CHARS)));
  }
  return words;
}

/** The terms a text is indexed under, in order and with repetitions. */
export function termsOf(text: string): string[] {
  return termsOfWords(wordsOf(text));
}

function termsOfWords(words: readonly string[]): string[] {
  const terms: string[] = [];
  for (const word of words) {
    const stem = termOf(word);
    if (stem !== '') terms.push(stem);
  }
  return terms;
}

/** The terms of a question, each once. */
export function queryTermsOf(text: string): string[] {
  return [...new Set(termsOfWords(wordsOfQuery(text)))];
}

/** The words of a question of nothing but function words, each once; none of any other question. */
export function functionWordsOf(text: string): string[] {
  const words = wordsOfQuery(text);
  return words.every((word) => termOf(word) === '') ? [...new Set(words)] : [];
}

function wordsOfQuery(text: string): string[] {
  return wordsOf(text.slice(0, MAX_QUERY_CHARS), MAX_QUERY_WORDS);
}

/** The term of a word; empty for function words. */
export function termOf(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  if (stems.size >= MAX_STEMS) stems.clear();
  const stem = stopWords.has(word) ? '' : porter2(word);
  stems.set(word, stem);
  return stem;
}

const letterOrDigit = /^[\p{L}\p{N}]/u;
/** By code below 128. */
const isAsciiWord = Uint8Array.from({ length: 128 }, (_, code) =>
  Number(letterOrDigit.test(String.fromCharCode(code))),
);

function isWordChar(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 128) return isAsciiWord[code] === 1;
  // The second half of a pair goes with the first.
  if (code >= 0xdc00 && code <= 0xdfff) return at > 0 && isWordChar(text, at - 1);
  return letterOrDigit.test(String.fromCodePoint(text.codePointAt(at)!));
}

const beyondAscii = /[^\0-\x7f]/;

function fold(text: string): string {
  const head = text.length > MAX_WORDS * MAX_WORD_CHARS ? text.slice(0, MAX_WORDS * MAX_WORD_CHARS) : text;
  const lower = (beyondAscii.test(head) ? head.normalize('NFKC') : head).toLowerCase();
  return /['’]/.test(lower) ? lower.replace(/['’]s\b/g, '').replace(/['’]/g, '') : lower;
}
