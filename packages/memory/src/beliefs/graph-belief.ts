// Belief revision over a memory graph. Follows its changes, and keeps for each tenant the newest of each kind in reach.
import type { Belief, BeliefRequest, Standing, SupersessionCandidate } from '../belief.ts';
import type { GraphListener, MemoryGraph } from '../graph/graph.ts';
import type { MemoryNode, View } from '../graph/model.ts';
import { isOutOfScope, isWithheld } from './audience.ts';
import { selfMarked, unrealScope } from './markers.ts';
import { indexOrder, Revision, type Doubt, type Material } from './revision.ts';
import { readStatement, saidBy, type Statement } from './statement.ts';

/** Nodes of each kind that a revision reads, the newest; older ones are judged by them and judge no other. */
export const MAX_RECENT = 256;
/** Views whose revision is kept between two changes of the graph. */
const MAX_REVISIONS = 16;

type Shelf = 'facts' | 'turns' | 'observations' | 'ended';

export function createBelief(graph: MemoryGraph): Belief {
  const shelves = new Map<string, Record<Shelf, number[]>>();
  const read = new WeakMap<MemoryNode, Statement>();
  let revisions = new Map<string, Revision>();

  const put = (shelf: Shelf, { tenant, index }: MemoryNode): void => {
    let recent = shelves.get(tenant);
    if (!recent) shelves.set(tenant, (recent = { facts: [], turns: [], observations: [], ended: [] }));
    recent[shelf].push(index);
    if (recent[shelf].length > MAX_RECENT * 2) recent[shelf].splice(0, MAX_RECENT);
  };
  const changed = (): void => {
    if (revisions.size > 0) revisions = new Map();
  };
  const listener: GraphListener = {
    nodeAdded: (node) => {
      const shelf = shelfOf(node);
      if (shelf) put(shelf, node);
      changed();
    },
    nodeChanged: (node, before) => {
      if (node.kind !== before.kind && shelfOf(node) === 'ended') put('ended', node);
      changed();
    },
    nodeRemoved: changed,
    edgeAdded: changed,
    reset: () => {
      shelves.clear();
      changed();
    },
  };
  for (const node of graph.nodes()) listener.nodeAdded?.(node);
  const unsubscribe = graph.subscribe(listener);

  const statementOf = (node: MemoryNode): Statement => {
    let statement = read.get(node);
    if (!statement) read.set(node, (statement = readStatement(node)));
    return statement;
  };
  const recentOf = (shelf: Shelf, view: View): Statement[] =>
    (shelves.get(view.tenant ?? '')?.[shelf] ?? [])
      .slice(-MAX_RECENT)
      .map((index) => graph.node(index))
      .filter((node) => node !== undefined)
      .filter((node) => shelfOf(node) === shelf && graph.isVisible(node.index, view))
      .sort(indexOrder)
      .map(statementOf);
  const replacementOf = ({ node }: Statement): Statement | undefined => {
    for (const { from, kind } of graph.adjacency.in(node.index)) {
      const by = kind === 'supersedes' ? graph.node(from) : undefined;
      if (by) return statementOf(by);
    }
    return undefined;
  };
  const materialFor = (view: View): Material => ({
    facts: recentOf('facts', view),
    turns: recentOf('turns', view),
    observations: recentOf('observations', view),
    ended: recentOf('ended', view).map((statement) => ({ statement, by: replacementOf(statement) })),
  });
  const revisionFor = (view: View): Revision => {
    const key = JSON.stringify([view.tenant ?? '', view.partitions ?? []]);
    let revision = revisions.get(key);
    if (!revision) {
      if (revisions.size >= MAX_REVISIONS) revisions.clear();
      revisions.set(key, (revision = new Revision(materialFor(view))));
    }
    return revision;
  };
  return {
    mayShow: (node, request) => hiddenBecause(node, request) === undefined,
    standingOf: (node, request) => standingOf(node, request, () => revisionFor(request.view).judge(statementOf(node))),
    candidates: (view, limit) => candidatesOf(revisionFor(view), limit),
    [Symbol.dispose]: unsubscribe,
  };
}

function shelfOf({ kind }: MemoryNode): Shelf | undefined {
  if (kind === 'fact' || kind === 'conclusion') return 'facts';
  if (kind === 'fact_superseded' || kind === 'conclusion_invalidated') return 'ended';
  if (kind === 'conversation') return 'turns';
  return kind === 'environment' ? 'observations' : undefined;
}

const doubtful: ReadonlySet<Doubt | undefined> = new Set(['exploration', 'interruption']);

/** Why a node is shown to nobody, or not to who asks. */
function hiddenBecause(node: MemoryNode, { nowMs, actor }: BeliefRequest): string | undefined {
  if (node.expiresAtMs <= nowMs) return 'expired';
  if (node.isConstraint || !shelfOf(node)) return undefined;
  if (actor && isWithheld(saidBy(node).text, actor)) return 'withheld';
  if (isOutOfScope(node, actor)) return 'out_of_scope';
  return unrealScope.test(node.scope) ? 'exploration' : undefined;
}

function standingOf(node: MemoryNode, request: BeliefRequest, judge: () => ReturnType<Revision['judge']>): Standing {
  const reason = hiddenBecause(node, request);
  if (reason !== undefined) return { isCurrent: false, reason, isHidden: true };
  if (node.isConstraint || !shelfOf(node)) return { isCurrent: true };
  return selfMarked.test(saidBy(node).text) ? { isCurrent: false, reason: 'self_marked' } : toStanding(node, judge());
}

function toStanding(node: MemoryNode, { doubts, by }: ReturnType<Revision['judge']>): Standing {
  const [first] = doubts.filter((doubt) => doubt !== undefined);
  if (first === undefined) return { isCurrent: true };
  if (!doubts.includes(undefined)) {
    const isHidden = doubts.every((doubt) => doubtful.has(doubt));
    return { isCurrent: false, reason: first, ...(by !== undefined && { by }), ...(isHidden && { isHidden }) };
  }
  const { label } = saidBy(node);
  const clauses = readStatement(node).reading.clauses;
  const those = (wanted: (doubt: Doubt | undefined) => boolean): string =>
    clauses
      .filter((_, at) => wanted(doubts[at]))
      .map(({ text }) => text)
      .join('')
      .trim();
  const outdated = those((doubt) => doubt !== undefined && !doubtful.has(doubt));
  const holds = label + those((doubt) => doubt === undefined);
  return { isCurrent: true, holds, ...(outdated !== '' && { outdated }) };
}

function candidatesOf(revision: Revision, limit: number): SupersessionCandidate[] {
  return [...revision.corrections.values()]
    .sort((a, b) => b.confidence - a.confidence || a.older.node.index - b.older.node.index)
    .slice(0, limit)
    .map(({ older, newer, confidence, reason }) => ({
      older: older.node.index,
      newer: newer.node.index,
      confidence,
      reason,
    }));
}
