// Corrections that nobody declared: a later statement that, by its words, seems to change an earlier one. What comes out is
// a suspicion with a confidence; it changes nothing in the graph.
import { decisive, reaffirmation, selfMarked, strongCorrection, tentative, weakCorrection } from './markers.ts';
import { termsOf } from '../retrieval/terms.ts';
import type { NamedValue, ValueKind } from './quantities.ts';
import { hasValue } from './quoting.ts';
import { containsPhrase, sharedCount, type Clause } from './reading.ts';
import { core, isAfter, type Statement } from './statement.ts';

export interface Correction {
  readonly older: Statement;
  readonly newer: Statement;
  /** 0 to 1. */
  readonly confidence: number;
  /** Names what spoke for it. */
  readonly reason: string;
}

/** Suspicions below this are none. */
export const LEAST_CONFIDENCE = 0.5;
/** The same for a text that says several things: one of them may have changed, but hardly the whole. */
const LEAST_OF_NARRATIVE = 0.75;
/** Share of the words of the old from which a text says the same again. */
const REPEATED_SHARE = 0.8;

/** What speaks for a correction, and how much. */
const evidence = {
  strongWord: 0.35,
  weakWord: 0.2,
  topic: 0.25,
  closeTopic: 0.1,
  sameKind: 0.25,
  pointsBack: 0.25,
  overTentative: 0.3,
  returns: 0.4,
  decided: 0.2,
  recent: 0.1,
  otherKind: -0.35,
  sameAuthority: 0,
  lowerAuthority: -0.3,
} as const;
type Evidence = keyof typeof evidence;

const pointing = /\b(?:that|it|this|them|those)\b/i;

/** How a statement stands to the one it may correct. */
export interface Situation {
  /** What was said when the older came up, itself included: the topic is in these words. */
  readonly topic: ReadonlySet<string>;
  /** Said to be tentative, by itself or by what was said when it came up. */
  readonly isTentative: boolean;
  /** What the older took the place of: going back to it takes its place in turn. */
  readonly previous: readonly string[];
  /** Nothing else was stated between the two. */
  readonly isLatest: boolean;
  /** Turns between the two. */
  readonly distance: number;
  /** Whether the newer speaks with less authority than the older has. */
  readonly isLower: boolean;
}

/** How likely `newer` changes what `older` says, or undefined when it hardly does. */
export function suspectCorrection(older: Statement, newer: Statement, situation: Situation): Correction | undefined {
  if (!isAfter(newer.node, older.node) || selfMarked.test(newer.reading.text) || repeats(newer, older))
    return undefined;
  let best: { confidence: number; reason: string } | undefined;
  const clauses = newer.reading.clauses.flatMap(partsOf);
  for (const [at, clause] of clauses.entries()) {
    if (clause.isQuestion || clause.isAside) continue;
    // "I'm overriding that. The budget is …": the word that says it is a change may stand in the sentence before.
    const announced = unquoted(clauses[at - 1]?.text ?? '');
    const found = weigh(
      clause,
      strongCorrection.test(announced) ? announced + clause.text : clause.text,
      older,
      situation,
    );
    if (!found) continue;
    const confidence = Math.min(
      1,
      found.reduce((sum, name) => sum + evidence[name], 0),
    );
    if (confidence > (best?.confidence ?? 0)) best = { confidence, reason: found.join('+') };
  }
  const least = isNarrative(older) ? LEAST_OF_NARRATIVE : LEAST_CONFIDENCE;
  return best && best.confidence >= least ? { older, newer, ...best } : undefined;
}

/** Whether a fact is told in words of its own, and not a bare value under its key. */
export function isSentence(fact: Statement): boolean {
  return kindOf(fact) === undefined && fact.reading.terms.size >= 4;
}

function isNarrative({ reading }: Statement): boolean {
  return reading.clauses.filter(({ isAside }) => !isAside).length > 1 || reading.terms.size > 12;
}

function repeats(newer: Statement, older: Statement): boolean {
  const [words, said] = [older.reading.terms, newer.reading.terms];
  if (sharedCount(words, said) < words.size * REPEATED_SHARE || words.size < 3) return false;
  return newer.reading.values.every((value) => value.kind === 'name' || hasValue(older.reading.values, value));
}

function weigh(
  { terms, values }: Clause,
  text: string,
  older: Statement,
  situation: Situation,
): Evidence[] | undefined {
  const isStrong = strongCorrection.test(text);
  if (!isStrong && !weakCorrection.test(text)) return undefined;
  // Who names the old value either keeps it or says what becomes of it.
  if (containsPhrase(text, core(older)) && !saysChange(text, core(older))) return undefined;
  const found: Evidence[] = [isStrong ? 'strongWord' : 'weakWord'];
  const ofValues = new Set(values.flatMap((value) => value.text.split(/[^\p{L}\p{N}]+/u)));
  const topical = [...terms].filter((term) => !ofValues.has(term) && situation.topic.has(term)).length;
  if (topical > 0) found.push('topic');
  if (topical > 1) found.push('closeTopic');
  const kind = kindOf(older);
  if (kind) {
    const rivals = values.filter((value) => value.kind === kind && !hasValue(older.reading.values, value));
    found.push(rivals.length > 0 ? 'sameKind' : 'otherKind');
  }
  if (pointing.test(text) && situation.isLatest && terms.size <= 8) found.push('pointsBack');
  if (situation.isTentative && decisive.test(text)) found.push('overTentative');
  else if (decisive.test(text) && situation.isLatest) found.push('decided');
  const isReturn = reaffirmation.test(text) && situation.previous.some((phrase) => containsPhrase(text, phrase));
  if (isReturn) found.push('returns');
  if (situation.distance <= 4 && situation.isLatest) found.push('recent');
  if (situation.isLower) found.push('lowerAuthority');
  const isLinked =
    topical > 0 || isReturn || found.includes('pointsBack') || found.includes('overTentative') || situation.isLatest;
  return isLinked ? found : undefined;
}

/** What is quoted was said at another time, and changes nothing now. */
function unquoted(text: string): string {
  return text.replaceAll(/"[^"]{3,}"|“[^”]{3,}”|(?<![\p{L}\p{N}])['‘].{3,}?['’](?![\p{L}\p{N}])/gu, ' ');
}

/** "keep the place, but change the number": what is said of one thing is not said of the other. */
function partsOf(clause: Clause): Clause[] {
  const parts = clause.text.split(/,?\s+\b(?:but|while|whereas)\b\s+/i);
  if (parts.length === 1) return [clause];
  return parts
    .filter((text) => !reaffirmation.test(text) || strongCorrection.test(text))
    .map((text) => ({
      ...clause,
      text,
      terms: new Set(termsOf(text)),
      values: clause.values.filter((value) => text.toLowerCase().includes(value.text)),
    }));
}

function saysChange(text: string, old: string): boolean {
  const at = text.toLowerCase().indexOf(old.toLowerCase());
  const before = text.slice(Math.max(0, at - 40), Math.max(0, at));
  if (
    /\b(?:go(?:ing)? back|back to|return(?:ing)?|restor(?:e|ing)|revert(?:ing|ed)?|stick(?:ing)?|keep(?:ing)?|still)\b/i.test(
      before,
    )
  )
    return false;
  return /\b(?:instead of|in place of|rather than|over|not|no longer|from|was|were|had|used to|drop(?:ping|ped)?|cancel\w*|scrap\w*|abandon\w*|forget|undo|replac(?:e|es|ed|ing)|swap(?:ping|ped)?)\b/i.test(
    before,
  );
}

/** The kind of what a short value is: "$25,000" is money, "Tuesday" a date. Undefined for a sentence. */
function kindOf({ reading }: Statement): ValueKind | undefined {
  const telling: NamedValue[] = reading.values.filter(({ kind }) => kind !== 'name');
  const words = new Set(telling.flatMap(({ text }) => text.split(/[^\p{L}\p{N}]+/u)));
  const others = [...reading.terms].filter((term) => !words.has(term) && !/\d/.test(term)).length;
  return telling.length === 1 && others <= 1 ? telling[0]!.kind : undefined;
}

/** Whether a text says of itself that it is not settled. */
export function isTentativeText(text: string): boolean {
  return tentative.test(text);
}

/** Whether a statement tells of a change at all: the rest need not be compared with anything. */
export function mayCorrect({ reading }: Statement): boolean {
  return reading.clauses.some(
    ({ text, isQuestion }) => !isQuestion && (strongCorrection.test(text) || weakCorrection.test(text)),
  );
}
