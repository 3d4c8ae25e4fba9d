// Whether a statement repeats a value that holds no longer. What ended is compared with what took its place, so that only
// what changed counts as old.
import { backReference, contrast, reaffirmation, selfMarked, strongCorrection, takesBack } from './markers.ts';
import type { NamedValue } from './quantities.ts';
import { containsPhrase, sharedCount, type Clause, type Reading } from './reading.ts';
import { core, isAfter, type Statement } from './statement.ts';

/** A value that holds no longer, or that is in doubt. */
export interface Ended {
  readonly statement: Statement;
  /** What took its place, where something did. */
  readonly by: Statement | undefined;
  /** Words and values of the old that the new has not. */
  readonly terms: ReadonlySet<string>;
  readonly values: readonly NamedValue[];
}

/** Least share of the words that changed for a text without the very phrase to repeat the old. */
const MIN_SHARE = 0.6;

export function toEnded(statement: Statement, by: Statement | undefined): Ended {
  const { reading } = statement;
  const asserted = by ? assertedIn(by, statement) : [];
  const kept = new Set(asserted.flatMap(({ terms }) => [...terms]));
  // A value that the new names in parentheses alone is there to say what became of it.
  const keptValues = asserted.flatMap(({ values, isAside }) => (isAside ? [] : values));
  return {
    statement,
    by,
    terms: new Set([...reading.terms].filter((term) => !kept.has(term))),
    values: reading.values.filter((value) => !hasValue(keptValues, value)),
  };
}

/** What a new statement says for itself: not what it quotes of the old, be it in parentheses or to call it void. */
function assertedIn({ reading }: Statement, old: Statement): readonly Clause[] {
  if (selfMarked.test(reading.text) || containsPhrase(reading.text, old.reading.text)) return [];
  return reading.clauses.filter(({ text, isAside }) => !isAside || !backReference.test(text));
}

/**
 * What of a text does not hold because an ended value stands in it: by clause. `isAsserted` says which clauses say what
 * holds: these share words and values with the old, but are no quotation of it unless its very phrase is there.
 */
export function outdatedClauses(
  statement: Statement,
  ended: Ended,
  isAsserted: (clause: number, old: string) => boolean,
): boolean[] {
  const { reading, node } = statement;
  const quotes = reading.clauses.map((clause, at) => {
    const quotation = quotationIn(clause, reading, ended);
    const old = quotation === 'phrase' ? core(ended.statement) : '';
    return quotation !== undefined && isAsserted(at, old) ? undefined : quotation;
  });
  if (!quotes.some((quote) => quote !== undefined)) return quotes.map(() => false);
  const end = ended.by?.node;
  const isLater = end ? isAfter(node, end) : node.createdAtMs >= ended.statement.node.endedAtMs;
  if (isLater || node.index === end?.index) {
    return quotes.map((quote, at) => quote !== undefined && isNamedAsOld(reading, at, ended));
  }
  // Said before the change. What else was said in the same breath rests on the old, unless it tells of a change itself.
  const isStatement = quotes.includes('phrase') || quotes.includes('words');
  const isAllOld = node.kind === 'conversation' && isStatement && !tellsOfChange(reading, ended);
  return quotes.map((quote) => quote !== undefined || isAllOld);
}

function tellsOfChange({ text }: Reading, { by }: Ended): boolean {
  return strongCorrection.test(text) || (by !== undefined && containsPhrase(text, core(by)));
}

function isNamedAsOld({ clauses }: Reading, at: number, { statement, by }: Ended): boolean {
  const { text, isAside } = clauses[at]!;
  if (reaffirmation.test(text) && !/\b(?:was|were|instead of|rather than)\b/i.test(text)) return false;
  if (isAside && by && clauses.some((clause) => !clause.isAside && sharedCount(clause.terms, by.reading.terms) > 0))
    return true;
  return backReference.test(text) || isInQuotes(text, core(statement));
}

function isInQuotes(text: string, phrase: string): boolean {
  return [...text.matchAll(/["'“”‘’]([^"“”]{3,})["'“”‘’]/g)].some(([, inside = '']) => containsPhrase(inside, phrase));
}

/** How a clause repeats what ended: by its phrase, by most of its words, or by a value of it. */
function quotationIn(clause: Clause, reading: Reading, ended: Ended): 'phrase' | 'words' | 'value' | undefined {
  const { statement, terms, values } = ended;
  if (terms.size === 0 && values.length === 0) return undefined;
  if (isContested(ended)) {
    if (containsPhrase(clause.text, core(statement))) return 'phrase';
    const hits = sharedCount(terms, clause.terms);
    if (hits >= 2 && hits / terms.size >= MIN_SHARE) return 'words';
  }
  const isNamed = clause.values.some(
    (value) => isTelling(value) && hasValue(values, value) && isRivalled(value, ended),
  );
  return isNamed && sharesTopic(clause.isAside ? reading.terms : clause.terms, statement, clause.values)
    ? 'value'
    : undefined;
}

/** A statement that took another's place may still be about something else: then what was said of the old stands. */
function isContested({ statement, by }: Ended): boolean {
  const isNarrative = statement.reading.clauses.filter(({ isAside }) => !isAside).length > 1;
  return !by || !isNarrative || sharedCount(statement.reading.terms, by.reading.terms) > 0;
}

/** A value is in question when the new names another of its kind, or takes the whole back. */
function isRivalled({ kind }: NamedValue, { statement, by }: Ended): boolean {
  if (!by) return true;
  if (selfMarked.test(by.reading.text) || takesBack.test(by.reading.text)) return true;
  return assertedIn(by, statement).some(({ values }) => values.some((value) => value.kind === kind));
}

/** A bare small number and a name stand for too much to be a quotation. */
function isTelling({ kind, text }: NamedValue): boolean {
  return kind !== 'name' && !(kind === 'count' && text.length < 3);
}

/** Whether words besides the values themselves are about the same thing. */
function sharesTopic(
  terms: ReadonlySet<string>,
  { reading, keyTerms }: Statement,
  values: readonly NamedValue[],
): boolean {
  const ofValues = new Set(values.flatMap(({ text }) => text.split(/[^\p{L}\p{N}]+/u)));
  for (const term of terms) if (!ofValues.has(term) && (reading.terms.has(term) || keyTerms.has(term))) return true;
  return false;
}

export function hasValue(values: readonly NamedValue[], { kind, text }: NamedValue): boolean {
  return values.some((value) => value.kind === kind && value.text === text);
}

/**
 * A turn that tells a story of changes ("first it was …, then …, the final one is …") names values that its own end, and
 * the fact it ends with, overrule: by clause.
 */
export function overtakenClauses({ reading }: Statement, fact: Statement): boolean[] {
  const held = fact.reading.values.filter(isTelling);
  const states = reading.clauses.map(({ values }) =>
    held.some((value) => values.some((each) => sameValue(each, value))),
  );
  const last = states.lastIndexOf(true);
  return reading.clauses.map((clause, at) => {
    if (last < 0 || states[at]) return false;
    const rivals = clause.values.some(
      (value) => isTelling(value) && held.some(({ kind }) => kind === value.kind) && !hasValue(held, value),
    );
    return rivals && (backReference.test(clause.text) || (at < last && contrast.test(reading.clauses[last]!.text)));
  });
}

/** "Monday March 18th" and "March 18" are one date. */
function sameValue(one: NamedValue, other: NamedValue): boolean {
  return one.kind === other.kind && (one.text.includes(other.text) || other.text.includes(one.text));
}
