// A node of the graph as belief revision reads it.
import type { MemoryNode } from '../graph/model.ts';
import { termsOf } from '../retrieval/terms.ts';
import { readText, type Reading } from './reading.ts';

export interface Statement {
  readonly node: MemoryNode;
  /** What is said: the value of a fact, the words of a turn without the speaker. */
  readonly reading: Reading;
  readonly keyTerms: ReadonlySet<string>;
}

/** "[Mike (CFO)]: ", "[VP] Victor (Engineering): " and the like: who speaks, when a text says so itself. */
const speakerLabel =
  /^\s*(?:\[[^\]:]{1,60}\]\s*)?(?:\[[^\]]{1,80}\]|[A-Z][\w.' -]{0,40}\([^)]{1,60}\)):\s*|^\s*\[[A-Z][\w -]{1,30}\]\s+(?=[A-Z])/;

/** What a node says, and what stands before it: who says it. */
export function saidBy({ kind, key, value }: MemoryNode): { label: string; text: string } {
  const spoken = kind === 'conversation' && value.startsWith(`${key}: `) ? `${key}: ` : '';
  const words = value.slice(spoken.length);
  const label = speakerLabel.exec(words)?.[0] ?? '';
  return { label: spoken + label, text: words.slice(label.length) };
}

export function readStatement(node: MemoryNode): Statement {
  return { node, reading: readText(saidBy(node).text), keyTerms: new Set(termsOf(node.key.replaceAll('_', ' '))) };
}

/** Whether one was said after another; of one moment, the one that came in later. */
export function isAfter(one: MemoryNode, other: MemoryNode): boolean {
  return one.createdAtMs > other.createdAtMs || (one.createdAtMs === other.createdAtMs && one.index > other.index);
}

/** The value without what it says of itself: "phased rollout (tentative)" is the phased rollout. */
export function core({ reading }: Statement): string {
  const kept = reading.clauses.filter(({ isAside }) => !isAside).map(({ text }) => text);
  return (kept.length > 0 ? kept.join('') : reading.text).trim().replace(/[.!]+$/, '');
}
