// Puts a context together (Memory, Context text). Reads the graph, changes nothing.
import type { Belief, BeliefRequest, Standing } from '../belief.ts';
import type { MemoryGraph } from '../graph/graph.ts';
import type { MemoryNode } from '../graph/model.ts';
import type { Ranked } from '../ranking.ts';
import { charsWithin, estimateTokens, layerBudget } from './budget.ts';
import { conversationPieces, maxTurnsRead, withoutDetours } from './conversation.ts';
import { toLine } from './data-text.ts';
import { doubtedPiece, factPieces, markOf, maxRepairsPerFact, repairPiece, statementOf } from './fact-lines.ts';
import type { ContextPiece } from './pieces.ts';
import { triggerPrefix } from '../skills/model.ts';

const maxEnvironment = 5;
/** Nodes looked at for facts that share no word with the query: the newest. */
const maxUnrankedRead = 10_000;
const maxOutdated = 64;

/** What other parts have to say in a context in full mode; each line is theirs and already safe. */
export interface ContextExtras {
  skills?(request: BeliefRequest): readonly string[];
  unknowns?(request: BeliefRequest): readonly string[];
}

export interface Assembly {
  readonly graph: MemoryGraph;
  readonly belief: Belief;
  readonly request: BeliefRequest;
  readonly budget: number;
  /** Best first; scores as they order the facts. Absent in fast mode, where facts come in order of creation. */
  readonly ranked?: readonly Ranked[];
  /** The newest turn of the conversation, from which the others are found. */
  readonly newestTurn?: MemoryNode | undefined;
  readonly extras: ContextExtras;
}

export function assembleContext(assembly: Assembly): ContextPiece[] {
  const { extras, request, ranked } = assembly;
  const isFull = ranked !== undefined;
  const facts = factSection(assembly);
  const lines = (section: 'skills' | 'unknowns'): ContextPiece[] =>
    (extras[section]?.(request) ?? []).map((text) => ({ section, text, isCurrent: true, ids: [] }));
  return [
    ...identityPieces(assembly),
    ...constraintPieces(assembly),
    ...(isFull ? lines('skills') : []),
    ...facts,
    ...conversationSection(assembly),
    ...environmentPieces(assembly),
    ...(isFull ? lines('unknowns') : []),
  ];
}

/** What a context begins with must not be what a stranger wrote: the untrusted stands among the facts, in quotes. */
function isTrusted({ provenance }: MemoryNode): boolean {
  return provenance.trust === 'trusted';
}

function* visible({ graph, request }: Assembly, nodes: Iterable<MemoryNode>): Generator<MemoryNode> {
  for (const node of nodes) if (graph.isVisible(node.index, request.view)) yield node;
}

function identityPieces(assembly: Assembly): ContextPiece[] {
  return [...visible(assembly, assembly.graph.identities())].filter(isTrusted).map((node) => ({
    section: 'identity',
    text: node.key === '' ? node.value : `${node.key}: ${node.value}`,
    isCurrent: true,
    ids: [node.id],
  }));
}

function constraintPieces(assembly: Assembly): ContextPiece[] {
  return [...visible(assembly, assembly.graph.constraints())].filter(isTrusted).map((node) => ({
    section: 'constraints',
    text: `⚠ ${toLine(node.id)} ${statementOf(node, Infinity)}${node.needsReview ? ' (needs review)' : ''}`,
    isCurrent: true,
    ids: [node.id],
  }));
}

function factSection(assembly: Assembly): ContextPiece[] {
  const { graph, budget, ranked } = assembly;
  const tokens = layerBudget(budget, 2);
  const maxChars = charsWithin(tokens);
  const repairs = ranked ? repairsByCorrection(assembly) : new Map<number, MemoryNode[]>();
  const chosen: ContextPiece[][] = [];
  const shown = new Set<number>();
  // An untrusted constraint is no instruction, but never missing either.
  for (const node of visible(assembly, graph.constraints())) {
    if (!isTrusted(node)) chosen.push(factPieces(graph, node, maxChars));
  }
  let left = tokens - costOf(chosen.flat());
  let count = 0;
  const take = (node: MemoryNode): boolean => {
    const standing = assembly.belief.standingOf(node, assembly.request);
    const pieces = factPieces(graph, node, maxChars, standing.isCurrent ? standing : {});
    const under = (repairs.get(node.index) ?? []).slice(0, maxRepairsPerFact);
    for (const repair of under) pieces.push(repairPiece(repair, 'facts', maxChars));
    left -= costOf(pieces);
    if (left < 0 && count > 0) return false;
    for (const repair of under) shown.add(repair.index);
    chosen.unshift(pieces);
    count++;
    return true;
  };
  const doubted: ContextPiece[] = [];
  const doubt = (node: MemoryNode, standing: Standing): void => {
    if (doubted.length < maxOutdated) doubted.push(doubtedPiece(graph, node, standing, maxChars));
  };
  for (const node of candidates(assembly, doubt)) if (!take(node)) break;
  if (!ranked) return chosen.flat();
  const spare = Math.max(0, left);
  const doubtful = doubted.filter((_, at) => costOf(doubted.slice(0, at + 1)) <= spare);
  return [
    ...chosen.flat(),
    ...doubtful,
    ...outdatedPieces(assembly, repairs, shown, Math.max(0, spare - costOf(doubtful)), maxChars),
  ];
}

function costOf(pieces: readonly ContextPiece[]): number {
  return pieces.reduce((sum, { text }) => sum + estimateTokens(text), 0);
}

/**
 * Facts that may be presented as current, the best first: those that were ranked, then the newest of the others. What may be
 * shown, but not as current, is handed to `doubt`.
 */
function* candidates(assembly: Assembly, doubt: (node: MemoryNode, standing: Standing) => void): Generator<MemoryNode> {
  const { graph, belief, request, ranked = [] } = assembly;
  const seen = new Set<number>();
  const isShown = (node: MemoryNode | undefined): node is MemoryNode => {
    if (node === undefined || (node.kind !== 'fact' && node.kind !== 'conclusion') || node.isConstraint) return false;
    if (node.key.startsWith(triggerPrefix)) return false;
    if (!graph.isVisible(node.index, request.view)) return false;
    if (assembly.ranked !== undefined && node.needsReview) return false;
    const standing = belief.standingOf(node, request);
    if (!standing.isCurrent && !standing.isHidden) doubt(node, standing);
    return standing.isCurrent;
  };
  for (const { index } of ranked) {
    const node = graph.node(index);
    seen.add(index);
    if (isShown(node)) yield node;
  }
  const oldest = Math.max(0, graph.size - maxUnrankedRead);
  for (let index = graph.size - 1; index >= oldest; index--) {
    const node = seen.has(index) ? undefined : graph.node(index);
    if (isShown(node)) yield node;
  }
}

/** What needs review, by the fact that corrected what it rests on; under -1 where nothing did. */
function repairsByCorrection(assembly: Assembly): Map<number, MemoryNode[]> {
  const { graph } = assembly;
  const found = new Map<number, MemoryNode[]>();
  for (const node of visible(assembly, graph.needingReview())) {
    if (node.isConstraint) continue;
    const at = correctionOf(graph, node) ?? -1;
    found.set(at, [...(found.get(at) ?? []), node]);
  }
  return found;
}

const maxRepairSteps = 64;

/** The valid fact that took the place of something that a node rests on, directly or through others. */
function correctionOf(graph: MemoryGraph, node: MemoryNode): number | undefined {
  const seen = new Set([node.index]);
  const queue = [node.index];
  for (let at = 0; at < queue.length && at < maxRepairSteps; at++) {
    for (const { to, kind } of graph.adjacency.out(queue[at] as number)) {
      if ((kind !== 'depends_on' && kind !== 'cites_premise') || seen.has(to)) continue;
      const correction = latestOf(graph, to);
      if (correction !== undefined && correction !== node.index) return correction;
      seen.add(to);
      queue.push(to);
    }
  }
  return undefined;
}

/** Follows supersession to what holds now; undefined where the node still holds itself, or nothing took its place. */
function latestOf(graph: MemoryGraph, index: number): number | undefined {
  let at = index;
  for (let step = 0; step < maxRepairSteps; step++) {
    let by: number | undefined;
    for (const { from, kind } of graph.adjacency.in(at)) if (kind === 'supersedes') by = from;
    if (by === undefined || by === index) break;
    at = by;
  }
  const node = at === index ? undefined : graph.node(at);
  return node?.endedAtMs === Infinity ? at : undefined;
}

function outdatedPieces(
  { request, belief }: Assembly,
  repairs: ReadonlyMap<number, readonly MemoryNode[]>,
  shown: ReadonlySet<number>,
  tokens: number,
  maxChars: number,
): ContextPiece[] {
  const left = [...repairs.values()].flat().filter(({ index }) => !shown.has(index));
  const pieces: ContextPiece[] = [];
  let budget = tokens;
  for (const node of left.sort(byAge).slice(0, maxOutdated)) {
    const standing = belief.standingOf(node, request);
    if (!standing.isCurrent && standing.isHidden) continue;
    const piece = repairPiece(node, 'outdated', maxChars);
    budget -= estimateTokens(piece.text);
    if (budget < 0) break;
    pieces.push(piece);
  }
  return pieces;
}

function conversationSection(assembly: Assembly): ContextPiece[] {
  const { graph, belief, request, budget, newestTurn } = assembly;
  const turns: MemoryNode[] = [];
  for (let turn = newestTurn; turn && turns.length < maxTurnsRead; turn = turnBefore(graph, turn)) {
    if (turn.kind === 'conversation' && graph.isVisible(turn.index, request.view)) turns.push(turn);
  }
  turns.sort((a, b) => byAge(b, a));
  const summaries = [...visible(assembly, graph.summaries())];
  const standings = new Map<MemoryNode, Standing>();
  for (const turn of turns)
    standings.set(turn, assembly.ranked ? belief.standingOf(turn, request) : { isCurrent: true });
  const standingOf = (turn: MemoryNode): Standing => standings.get(turn) ?? { isCurrent: true };
  const said = withoutDetours(turns).filter((turn) => {
    const standing = standingOf(turn);
    return standing.isCurrent || !standing.isHidden;
  });
  return conversationPieces(summaries, said, layerBudget(budget, 3), standingOf);
}

function turnBefore(graph: MemoryGraph, turn: MemoryNode): MemoryNode | undefined {
  for (const { from, kind } of graph.adjacency.in(turn.index)) if (kind === 'temporal_next') return graph.node(from);
  return undefined;
}

function environmentPieces(assembly: Assembly): ContextPiece[] {
  const { graph, belief, request, budget } = assembly;
  const maxChars = charsWithin(layerBudget(budget, 4) / maxEnvironment);
  /** The newest observation of each key: an older one of the same is history. */
  const newest = new Map<string, MemoryNode>();
  for (const node of visible(assembly, graph.environment())) {
    if (node.expiresAtMs <= request.nowMs || !belief.standingOf(node, request).isCurrent) continue;
    const other = newest.get(node.key);
    if (!other || byAge(node, other) < 0) newest.set(node.key, node);
  }
  return [...newest.values()]
    .sort(byAge)
    .slice(0, maxEnvironment)
    .map((node) => ({
      section: 'environment',
      text: `- ${markOf(node.authority)} ${statementOf(node, maxChars)}`,
      isCurrent: true,
      ids: [node.id],
    }));
}

/** The newest first. */
function byAge(a: MemoryNode, b: MemoryNode): number {
  return b.createdAtMs - a.createdAtMs || b.index - a.index;
}
