// What is read out of a text once: its spans, with their terms and the values they name.
import { termsOf } from '../retrieval/terms.ts';
import { spansOf } from './clauses.ts';
import { valuesIn, type NamedValue } from './quantities.ts';

export interface Clause {
  readonly text: string;
  readonly isAside: boolean;
  readonly isQuestion: boolean;
  readonly terms: ReadonlySet<string>;
  readonly values: readonly NamedValue[];
}

export interface Reading {
  readonly text: string;
  readonly clauses: readonly Clause[];
  readonly terms: ReadonlySet<string>;
  readonly values: readonly NamedValue[];
}

export function readText(text: string): Reading {
  const clauses = spansOf(text).map(({ text: span, isAside }) => ({
    text: span,
    isAside,
    isQuestion: /\?["'’)\]]*\s*$/.test(span),
    terms: new Set(termsOf(span)),
    values: valuesIn(span),
  }));
  return {
    text,
    clauses,
    terms: new Set(clauses.flatMap(({ terms }) => [...terms])),
    values: clauses.flatMap(({ values }) => values),
  };
}

/** Lower case, blanks made single: what phrases are compared by. */
export function folded(text: string): string {
  return text.toLowerCase().normalize('NFKC').replaceAll(/\s+/g, ' ').trim();
}

/** Whether a text contains a phrase as whole words. */
export function containsPhrase(text: string, phrase: string): boolean {
  const [within, sought] = [folded(text), folded(phrase)];
  if (sought.length < 2) return false;
  for (let at = within.indexOf(sought); at >= 0; at = within.indexOf(sought, at + 1)) {
    if (!isWordChar(within[at - 1], sought[0]) && !isWordChar(within[at + sought.length], sought.at(-1))) return true;
  }
  return false;
}

/** Whether a character goes on the word that the neighbour beside it is part of. */
function isWordChar(char: string | undefined, neighbour: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}]/u.test(char) && /[\p{L}\p{N}]/u.test(neighbour ?? '');
}

export function sharedCount(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  let count = 0;
  for (const each of one) if (other.has(each)) count++;
  return count;
}
