// What of a memory, seen at one moment by one reader, can still be relied on. Reads a bounded piece of it: the newest facts,
// turns and observations, and what ended last.
import type { MemoryNode } from '../graph/model.ts';
import { authorityRank, isOverruled } from './authority.ts';
import {
  isSentence,
  isTentativeText,
  mayCorrect,
  suspectCorrection,
  type Correction,
  type Situation,
} from './corrections.ts';
import { outdatedClauses, overtakenClauses, toEnded, type Ended } from './quoting.ts';
import { containsPhrase, sharedCount } from './reading.ts';
import { core, isAfter, type Statement } from './statement.ts';
import { stretchesOf, type Membership } from './stretches.ts';

/** What a revision is made of, each list in the order of time. */
export interface Material {
  readonly facts: readonly Statement[];
  readonly turns: readonly Statement[];
  readonly observations: readonly Statement[];
  readonly ended: readonly { readonly statement: Statement; readonly by: Statement | undefined }[];
}

/** Why a clause, or all of a text, cannot be relied on. */
export type Doubt =
  | 'superseded_value'
  | 'possibly_corrected'
  | 'overruled'
  | 'exploration'
  | 'interruption'
  | 'question';

export interface Judgement {
  /** By clause; `undefined` for what holds. */
  readonly doubts: readonly (Doubt | undefined)[];
  /** What overrules it, where that is known. */
  readonly by?: number;
}

/** A declared change explains the words that announce it, when both came within this time. */
const DECLARED_WITHIN_MS = 120_000;

export class Revision {
  readonly #material: Material;
  readonly #stretches = new Map<number, Membership>();
  readonly #ended: Ended[];
  /** Facts that took the place of others. */
  readonly #replacements: ReadonlySet<number>;
  /** Orders and proposals, with the rule from above that they go against. */
  readonly #overruled = new Map<number, Statement>();
  readonly #overtaken = new Map<number, Statement>();
  /** By the index of the older statement. */
  readonly corrections: ReadonlyMap<number, Correction>;

  constructor(material: Material) {
    this.#material = material;
    const spoken = material.turns.map(({ reading }) => ({
      text: reading.text,
      clauses: reading.clauses.map(({ text }) => text),
    }));
    for (const [at, membership] of stretchesOf(spoken).entries()) {
      this.#stretches.set(material.turns[at]!.node.index, membership);
    }
    this.#replacements = new Set(material.ended.flatMap(({ by }) => (by ? [by.node.index] : [])));
    const replaced = this.#replacedObservations();
    this.#ended = [...material.ended.map(({ statement, by }) => toEnded(statement, by)), ...replaced];
    this.corrections = this.#suspectCorrections();
    for (const fact of material.facts) {
      const rule = fact.node.isConstraint ? undefined : material.facts.find((other) => isOverruled(fact, other));
      if (rule) this.#overruled.set(fact.node.index, rule);
    }
    for (const { older, newer } of this.corrections.values()) this.#ended.push(toEnded(older, newer));
    for (const fact of material.facts) {
      const rule = this.#overruled.get(fact.node.index);
      if (rule) this.#ended.push(toEnded(fact, rule));
    }
  }

  /** What of a statement holds, by clause. */
  judge(statement: Statement): Judgement {
    const { node, reading } = statement;
    const none = reading.clauses.map((): Doubt | undefined => undefined);
    const all = (doubt: Doubt): Doubt[] => reading.clauses.map(() => doubt);
    const corrected = this.corrections.get(node.index);
    if (corrected) return { doubts: all('possibly_corrected'), by: corrected.newer.node.index };
    const replacement = this.#overtaken.get(node.index);
    if (replacement) return { doubts: all('superseded_value'), by: replacement.node.index };
    if (node.kind === 'conversation') return this.#judgeTurn(statement, none);
    const rule = this.#overruled.get(node.index);
    if (rule) return { doubts: all('overruled'), by: rule.node.index };
    return this.#withQuotations(statement, none);
  }

  #judgeTurn(statement: Statement, none: (Doubt | undefined)[]): Judgement {
    const stretch = this.#stretches.get(statement.node.index);
    if (typeof stretch === 'string') return { doubts: none.map(() => stretch) };
    const doubts = none.map((_, at): Doubt | undefined => (stretch?.clauses[at] ? stretch.stretch : undefined));
    for (const fact of this.#material.facts) {
      if (this.corrections.has(fact.node.index)) continue;
      for (const [at, isOvertaken] of overtakenClauses(statement, fact).entries()) {
        if (isOvertaken) doubts[at] ??= 'superseded_value';
      }
    }
    const judgement = this.#withQuotations(statement, doubts);
    const asked = statement.reading.clauses.map(({ isQuestion }): Doubt | undefined =>
      isQuestion ? 'question' : undefined,
    );
    return { ...judgement, doubts: judgement.doubts.map((doubt, at) => doubt ?? asked[at]) };
  }

  #withQuotations(statement: Statement, known: (Doubt | undefined)[]): Judgement {
    const doubts = [...known];
    let by: number | undefined;
    for (const ended of this.#ended) {
      if (ended.statement.node.index === statement.node.index) continue;
      const asserted = (at: number, old: string): boolean => this.#isAsserted(statement, at, old);
      for (const [at, isOutdated] of outdatedClauses(statement, ended, asserted).entries()) {
        if (!isOutdated || doubts[at] !== undefined) continue;
        doubts[at] = 'superseded_value';
        by ??= ended.by?.node.index;
      }
    }
    return { doubts, ...(by !== undefined && { by }) };
  }

  /** Whether a clause says what a fact says that holds: then it names no old value, whatever words it shares with one. */
  #isAsserted({ node, reading }: Statement, at: number, old: string): boolean {
    const { text, isAside } = reading.clauses[at]!;
    if (isAside) return false;
    const says = (fact: string): boolean => containsPhrase(text, fact) && (old === '' || containsPhrase(fact, old));
    if (node.kind !== 'conversation') return this.#replacements.has(node.index) && says(text);
    return this.#material.facts.some(
      (fact) => !this.corrections.has(fact.node.index) && !this.#overruled.has(fact.node.index) && says(core(fact)),
    );
  }

  /** An observation tells how something stands at its moment: a later one about the same thing takes its place. */
  #replacedObservations(): Ended[] {
    const { observations } = this.#material;
    const replaced: Ended[] = [];
    for (const [at, older] of observations.entries()) {
      const newer = observations.findLast((other, nth) => nth > at && isAboutTheSame(older, other));
      if (!newer) continue;
      this.#overtaken.set(older.node.index, newer);
      replaced.push(toEnded(older, newer));
    }
    return replaced;
  }

  #suspectCorrections(): Map<number, Correction> {
    const { facts, turns } = this.#material;
    const newer = [...turns.filter((turn) => this.#mayCorrect(turn)), ...facts.filter(mayCorrect)];
    const found = new Map<number, Correction>();
    for (const older of facts) {
      if (older.node.isConstraint) continue;
      const introduction = introductionOf(older, turns);
      for (const each of newer) {
        if (each.node.index === older.node.index || !isLaterWord(each, older)) continue;
        const correction = suspectCorrection(older, each, this.#situationOf(older, each, introduction));
        if (correction && correction.confidence >= (found.get(older.node.index)?.confidence ?? 0)) {
          found.set(older.node.index, correction);
        }
      }
    }
    return found;
  }

  #mayCorrect(turn: Statement): boolean {
    if (/^(?:assistant|agent|ai|bot|system|tool)$/i.test(turn.node.key)) return false;
    if (typeof this.#stretches.get(turn.node.index) === 'string' || !mayCorrect(turn)) return false;
    return !this.#ended.some(({ by, statement }) => {
      if (!by || Math.abs(by.node.createdAtMs - turn.node.createdAtMs) > DECLARED_WITHIN_MS) return false;
      const { terms, values } = turn.reading;
      return (
        values.length === 0 || sharedCount(terms, by.reading.terms) + sharedCount(terms, statement.reading.terms) > 0
      );
    });
  }

  #situationOf(older: Statement, newer: Statement, introduction: readonly Statement[]): Situation {
    const { facts, turns } = this.#material;
    const around = [...older.keyTerms, ...introduction.flatMap(({ reading }) => [...reading.terms])];
    const own = older.reading.terms;
    // A short value is what changes; a sentence tells its topic itself.
    const topic = isSentence(older)
      ? [...around, ...own]
      : around.filter((term) => !own.has(term) || older.keyTerms.has(term));
    const between = (other: Statement): boolean => isAfter(newer.node, other.node) && isAfter(other.node, older.node);
    return {
      topic: new Set(topic),
      isTentative: [older, ...introduction].some(({ reading }) => isTentativeText(reading.text)),
      previous: this.#ended
        .filter(({ by }) => by?.node.index === older.node.index)
        .map((ended) => core(ended.statement)),
      isLatest: !facts.some((fact) => between(fact) && fact.node.createdAtMs > older.node.createdAtMs),
      distance: turns.filter(between).length,
      isLower: authorityRank(newer) < authorityRank(older),
    };
  }
}

/** Facts that came in together say nothing about each other. */
function isLaterWord({ node }: Statement, older: Statement): boolean {
  return node.kind === 'conversation' ? isAfter(node, older.node) : node.createdAtMs > older.node.createdAtMs;
}

/** Turns that say the very thing a fact holds: the talk in which it came up. */
function introductionOf(fact: Statement, turns: readonly Statement[]): Statement[] {
  return turns.filter(({ reading }) => containsPhrase(reading.text, core(fact)));
}

/** Same key, or the same thing named: an identifier, a name, or most of the words. */
function isAboutTheSame(one: Statement, other: Statement): boolean {
  if (one.node.key === other.node.key) return true;
  const named = one.reading.values.filter(({ kind }) => kind === 'identifier' || kind === 'name');
  const names = (value: { kind: string; text: string }): boolean => other.reading.values.some((each) => each.kind === value.kind && each.text === value.text); // prettier-ignore
  if (named.some(names)) return true;
  const shared = sharedCount(one.reading.terms, other.reading.terms);
  return shared >= 2 && shared / Math.min(one.reading.terms.size, other.reading.terms.size) >= 0.4;
}

export function indexOrder(one: MemoryNode, other: MemoryNode): number {
  return one.createdAtMs - other.createdAtMs || one.index - other.index;
}
