// Which reminder is worth an interruption (Memory, Proactive memory). Reads, counts nothing.
import { tokensOf, stemOf } from '../classic/text.ts';
import type { MemoryEngine } from '../engine.ts';
import type { MemoryNode, View } from '../graph/model.ts';
import { byRank } from '../ranking.ts';

export interface Trigger {
  readonly repeatedFailures: number;
  readonly toolError: boolean;
  readonly explicitUncertainty: boolean;
  readonly highRiskAction: boolean;
  readonly contextShift: boolean;
}

export interface ProactiveRequest {
  readonly query: string;
  readonly recent: readonly string[];
  readonly trigger: Trigger;
  /** Takes the best whatever its score. */
  readonly isForced: boolean;
  readonly maxCandidates: number;
  readonly view: View;
}

export type Bank = 'knowledge' | 'procedural';

export interface Candidate {
  readonly node: MemoryNode;
  readonly bank: Bank;
  readonly score: number;
  /** Stable and short, such as `matches_query`. */
  readonly reasons: readonly string[];
}

export const injectThreshold = 0.35;
const triggerFactor = 1.5;
const constraintBonus = 0.1;
/** Entries looked at: the newest. */
const maxEntriesRead = 10_000;
/** An entry or a text of fewer words counts as one of so many: two chance words are no match. */
const minWords = 3;

/** Words that say nothing about what a text is about. */
const commonWords = new Set(
  'a an and are as at be but by do for from had has have how i if in into is it its my no not of on or our so that the their then there this to up us was we were what when which who why will with you your'.split(
    ' ',
  ),
);

/** The best first. */
export function findCandidates(engine: MemoryEngine, request: ProactiveRequest): Candidate[] {
  const query = wordsOf(request.query);
  const recent = wordsOf(request.recent.join(' '));
  return entriesOf(engine, request.view)
    .flatMap((node) => candidateOf(node, query, recent, request.trigger))
    .sort((a, b) => byRank({ ...a, index: a.node.index }, { ...b, index: b.node.index }))
    .slice(0, request.maxCandidates);
}

function candidateOf(
  node: MemoryNode,
  query: ReadonlySet<string>,
  recent: ReadonlySet<string>,
  trigger: Trigger,
): Candidate[] {
  const bank = node.metadata.bank as Bank;
  const words = wordsOf(`${node.key} ${node.value}`);
  const [byQuery, byRecent] = [overlap(query, words), overlap(recent, words)];
  const relevance = Math.max(byQuery, byRecent);
  if (relevance === 0 && !node.isConstraint) return [];
  const isTriggered = bank === 'procedural' ? isAboutFailure(trigger) : isAboutRisk(trigger);
  const score = relevance * (isTriggered ? triggerFactor : 1) + (node.isConstraint ? constraintBonus : 0);
  const reasons = [
    ...(byQuery > 0 ? ['matches_query'] : []),
    ...(byRecent > 0 ? ['matches_recent'] : []),
    ...(isTriggered ? ['trigger'] : []),
    ...(node.isConstraint ? ['constraint'] : []),
  ];
  return [{ node, bank, score, reasons }];
}

function isAboutFailure({ toolError, repeatedFailures }: Trigger): boolean {
  return toolError || repeatedFailures > 0;
}

function isAboutRisk({ highRiskAction, explicitUncertainty, contextShift }: Trigger): boolean {
  return highRiskAction || explicitUncertainty || contextShift;
}

/** Valid entries of both banks that a reader may see, the newest. */
export function entriesOf({ graph, banks, nowMs }: MemoryEngine, view: View): MemoryNode[] {
  const found: MemoryNode[] = [];
  for (const index of [...banks].toReversed().slice(0, maxEntriesRead)) {
    const node = graph.node(index);
    if (node?.endedAtMs !== Infinity || node.expiresAtMs <= nowMs) continue;
    if (graph.isVisible(index, view)) found.push(node);
  }
  return found;
}

/** What two texts share, as a part of the shorter: long recent output must not drown what it is about. */
function overlap(words: ReadonlySet<string>, entry: ReadonlySet<string>): number {
  let shared = 0;
  for (const word of words) if (entry.has(word)) shared++;
  return shared / Math.max(minWords, Math.min(words.size, entry.size));
}

function wordsOf(text: string): Set<string> {
  return new Set(
    tokensOf(text.slice(0, 65_536))
      .map((word) => word.replaceAll(/[^\p{L}\p{N}]/gu, ''))
      .filter((word) => word !== '' && !commonWords.has(word))
      .map((word) => stemOf(word)),
  );
}
