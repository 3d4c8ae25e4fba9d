// Questions of nothing but function words ("same", "what is it"). No index holds these words, which are in most texts: where
// nothing else is asked for, the texts themselves are looked through, the newest first and within a bound.
import type { MemoryGraph } from '../graph/graph.ts';
import type { MemoryNode, View } from '../graph/model.ts';
import type { RankedHit } from './ranked-index.ts';
import { functionWordsOf, wordsOf } from './terms.ts';

/** Texts, and characters of them, that one such question reads: some milliseconds. */
const MAX_TEXTS = 4_096;
const MAX_CHARS = 131_072;

export interface Reading {
  readonly graph: MemoryGraph;
  readonly view: View;
  /** Texts that may be found, the newest first. */
  readonly newest: Iterable<number>;
  readonly isVisible: (index: number) => boolean;
  readonly limit: number;
}

/** Scores are shares of the question's words. Facts that have the question for their subject are found however old they are. */
export function byFunctionWords(text: string, { graph, view, newest, isVisible, limit }: Reading): RankedHit[] {
  const asked = functionWordsOf(text);
  if (asked.length === 0) return [];
  const hits = new Map<number, number>();
  let chars = MAX_CHARS;
  let texts = MAX_TEXTS;
  const read = (node: MemoryNode): boolean => {
    if (texts-- <= 0 || chars <= 0) return false;
    if (hits.has(node.index) || !isVisible(node.index)) return true;
    const said = `${node.key} ${node.value}`.slice(0, chars);
    chars -= said.length;
    const score = shared(asked, said).length / asked.length;
    if (score > 0) hits.set(node.index, score);
    return true;
  };
  for (const node of graph.factsOfKey(text.trim(), view)) if (!read(node)) break;
  for (const index of newest) {
    const node = graph.node(index);
    if (node && !read(node)) break;
  }
  return [...hits]
    .sort(([one, a], [other, b]) => b - a || one - other)
    .slice(0, limit)
    .map(([id, score]) => ({ id, score, parts: { words: score, turns: 0, cues: 0, activation: 0, likeness: 0 } }));
}

/** The words of such a question that a node has. */
export function sharedFunctionWords(text: string, { key, value }: MemoryNode): string[] {
  return shared(functionWordsOf(text), `${key} ${value}`.slice(0, MAX_CHARS));
}

function shared(asked: readonly string[], said: string): string[] {
  const words = new Set(wordsOf(said));
  return asked.filter((word) => words.has(word));
}
