// How well reminders would have been chosen, case by case (Memory, Proactive memory). Deterministic and read-only.
import type { MemoryEngine } from '../engine.ts';
import { findCandidates, injectThreshold, type Candidate, type ProactiveRequest } from './select.ts';

export interface EvaluationCase {
  readonly request: ProactiveRequest;
  readonly relevantIds: ReadonlySet<string>;
}

export interface ModeReport {
  readonly interventions: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly precision: number;
  readonly recall: number;
  readonly interruptionRate: number;
  readonly avgCandidatesExposed: number;
}

export const evaluationModes = {
  /** The selector of `memory.intervene`. */
  selective: (candidates: readonly Candidate[], { isForced }: ProactiveRequest) =>
    candidates.slice(0, 1).filter(({ score }) => isForced || score >= injectThreshold),
  /** The best candidate, always. */
  alwaysInject: (candidates: readonly Candidate[]) => candidates.slice(0, 1),
  /** All candidates, for the model to choose from. */
  passiveRetrieval: (candidates: readonly Candidate[]) => candidates,
  noMemory: () => [],
} satisfies Record<string, (candidates: readonly Candidate[], request: ProactiveRequest) => readonly Candidate[]>;

export type EvaluationMode = keyof typeof evaluationModes;

export function evaluate(engine: MemoryEngine, cases: readonly EvaluationCase[]): Record<EvaluationMode, ModeReport> {
  const found = cases.map(({ request }) => findCandidates(engine, request));
  const report = (mode: EvaluationMode): ModeReport => {
    let interventions = 0;
    let truePositives = 0;
    let falsePositives = 0;
    let falseNegatives = 0;
    for (const [nth, { request, relevantIds }] of cases.entries()) {
      const exposed = evaluationModes[mode](found[nth] ?? [], request);
      const right = exposed.filter(({ node }) => relevantIds.has(node.id)).length;
      if (exposed.length > 0) interventions++;
      truePositives += right;
      falsePositives += exposed.length - right;
      falseNegatives += relevantIds.size - right;
    }
    return {
      interventions,
      truePositives,
      falsePositives,
      falseNegatives,
      precision: ratio(truePositives, truePositives + falsePositives),
      recall: ratio(truePositives, truePositives + falseNegatives),
      interruptionRate: ratio(interventions, cases.length),
      avgCandidatesExposed: ratio(truePositives + falsePositives, cases.length),
    };
  };
  return {
    selective: report('selective'),
    alwaysInject: report('alwaysInject'),
    passiveRetrieval: report('passiveRetrieval'),
    noMemory: report('noMemory'),
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
