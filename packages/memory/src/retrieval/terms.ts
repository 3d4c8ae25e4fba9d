// What a text is made of for retrieval: stemmed words without function words.
import { porter2 } from './porter2.ts';
import { stopWords } from './stop-words.ts';

/** Words of one text that are read; a longer text is found by its beginning. */
export const MAX_WORDS = 16_384;

/** Characters of one word that count, so that a text without blanks is no giant term. */
const MAX_WORD_CHARS = 64;

/** Stems kept from earlier texts. Past it all are forgotten, which costs time and changes nothing. */
const MAX_STEMS = 65_536;

const stems = new Map<string, string>();

/** Lower-case words of a text, in order. Apostrophes join, so that "don't" is one word; a possessive "'s" goes. */
export function wordsOf(text: string): string[] {
  const folded = fold(text);
  const words: string[] = [];
  for (const [word] of folded.matchAll(/[\p{L}\p{N}]+/gu)) {
    words.push(word.slice(0, MAX_WORD_CHARS));
    if (words.length === MAX_WORDS) break;
  }
  return words;
}

/** The terms a text is indexed under, in order and with repetitions. */
export function termsOf(text: string): string[] {
  const terms: string[] = [];
  for (const word of wordsOf(text)) if (!stopWords.has(word)) terms.push(stemOf(word));
  return terms;
}

/** The terms of a question. One of nothing but function words is looked up by these. */
export function queryTermsOf(text: string): string[] {
  const terms = termsOf(text);
  return [...new Set(terms.length > 0 ? terms : wordsOf(text).map(stemOf))];
}

export function stemOf(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  if (stems.size >= MAX_STEMS) stems.clear();
  const stem = porter2(word);
  stems.set(word, stem);
  return stem;
}

function fold(text: string): string {
  return text
    .slice(0, MAX_WORDS * MAX_WORD_CHARS)
    .normalize('NFKC')
    .toLowerCase()
    .replace(/['’]s\b/g, '')
    .replace(/['’]/g, '');
}
