import type { LexicalWeights } from './bm25f.ts';

/** What the ranking weighs. Chosen on one half of public dialogues and checked on the other: docs/benchmarks.md. */
export interface RankingWeights extends LexicalWeights {
  /** What the best texts of a first look lend to the question: how many texts, how many of their terms, how much. */
  readonly feedbackTexts: number;
  readonly feedbackTerms: number;
  readonly feedback: number;
  /** What a turn inherits from the turns one and two before it, and from the one after. */
  readonly previousTurn: number;
  readonly turnBeforePrevious: number;
  readonly nextTurn: number;
  /** Added for a text that speaks of a moment, when the question asks for one. */
  readonly moment: number;
  /** Added for a text of the very day that the question names. */
  readonly sameDay: number;
  /** Added for a text with a number, when the question asks for one. */
  readonly quantity: number;
  /** Taken from a text that itself asks. */
  readonly asking: number;
  /** How much activation through the graph adds, relative to the best text. */
  readonly activation: number;
  /** How much an embedder's likeness adds, relative to the best text. */
  readonly semantic: number;
}

export const rankingWeights: RankingWeights = {
  saturation: 0.9,
  subjectNormalisation: 0,
  bodyNormalisation: 0.4,
  subject: 1.5,
  feedbackTexts: 5,
  feedbackTerms: 15,
  feedback: 0.2,
  previousTurn: 0.4,
  turnBeforePrevious: 0.25,
  nextTurn: 0.4,
  moment: 0.3,
  sameDay: 0.75,
  quantity: 0.15,
  asking: 0.25,
  activation: 0.3,
  semantic: 0.5,
};
