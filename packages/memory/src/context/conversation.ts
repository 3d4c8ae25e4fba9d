// The part of a conversation that a context shows: newest turns first into the budget, printed in the order of time.
import type { Standing } from '../belief.ts';
import type { MemoryNode } from '../graph/model.ts';
import { estimateTokens } from './budget.ts';
import { toBoundedLine } from './data-text.ts';
import type { ContextPiece } from './pieces.ts';

/** Turns looked at, the newest; older ones are what consolidation summarises. */
export const maxTurnsRead = 1_000;
const maxTurnChars = 4_000;

const opensInterruption = /\bhold on\b/i;
const closesInterruption = /\bback to\b/i;
const opensScope = /\[SCOPE:/i;
const closesScope = /\[\/SCOPE\]/i;

/**
 * Turns of an interruption ("hold on" to "back to") and of an exploratory stretch (`[SCOPE:` to `[/SCOPE]`, or one turn that
 * has no end mark) are left out. An interruption that was never ended is what is going on now, and stays.
 */
export function withoutDetours(turns: readonly MemoryNode[]): MemoryNode[] {
  const left = new Set<number>();
  for (let at = 0; at < turns.length; at++) {
    const text = (turns[at] as MemoryNode).value;
    if (opensScope.test(text)) {
      const end = turns.findIndex((turn, nth) => nth >= at && closesScope.test(turn.value));
      for (let nth = at; nth <= Math.max(at, end); nth++) left.add(nth);
      at = Math.max(at, end);
    } else if (opensInterruption.test(text) && !closesInterruption.test(text)) {
      const end = turns.findIndex((turn, nth) => nth > at && closesInterruption.test(turn.value));
      if (end === -1) continue;
      for (let nth = at; nth < end; nth++) left.add(nth);
      at = end;
    }
  }
  return turns.filter((_, nth) => !left.has(nth));
}

/** Turns in the order of time; summaries of earlier ones come first and count too. */
export function conversationPieces(
  summaries: readonly MemoryNode[],
  turns: readonly MemoryNode[],
  budget: number,
  standingOf: (turn: MemoryNode) => Standing,
): ContextPiece[] {
  let left = budget;
  const fit = (nodes: readonly MemoryNode[]): ContextPiece[] => {
    const fitted: ContextPiece[] = [];
    for (const node of nodes.toReversed()) {
      const pieces = turnPieces(node, standingOf(node));
      for (const { text } of pieces) left -= estimateTokens(text);
      if (left < 0) break;
      fitted.unshift(...pieces);
    }
    return fitted;
  };
  const recent = fit(turns);
  const earlier = fit(summaries);
  return [...titled('### Earlier (summarized)', earlier), ...titled('### Recent', recent)];
}

function turnPieces(node: MemoryNode, standing: Standing): ContextPiece[] {
  const quoted = (text: string): string => {
    const line = toBoundedLine(text, maxTurnChars);
    return node.provenance.trust === 'trusted'
      ? line
      : `untrusted ${node.provenance.origin} data: ${JSON.stringify(line)}`;
  };
  const piece = { section: 'conversation' as const, isCurrent: standing.isCurrent, ids: [node.id] };
  if (!standing.isCurrent) return [{ ...piece, text: `- (no longer holds) ${quoted(node.value)}` }];
  const { holds = node.value, outdated } = standing;
  const said = { ...piece, text: `- ${quoted(holds)}` };
  if (outdated === undefined) return [said];
  return [said, { ...piece, isCurrent: false, text: `(no longer holds: ${quoted(outdated)})`, continuesLine: true }];
}

function titled(title: string, pieces: readonly ContextPiece[]): ContextPiece[] {
  if (pieces.length === 0) return [];
  return [{ section: 'conversation', text: title, isCurrent: true, ids: [] }, ...pieces];
}
