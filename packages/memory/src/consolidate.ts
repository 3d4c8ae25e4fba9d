// House-keeping of a memory (Memory, memory.* methods, memory.consolidate).
import { cutTo } from './context/data-text.ts';
import type { MemoryEngine } from './engine.ts';
import type { MemoryNode } from './graph/model.ts';

/** Superseded nodes this far behind what holds are removed. */
const maxChainDepth = 3;
/** Turns kept word for word, in each conversation. */
const keptTurns = 6;
const maxSummaryChars = 2_000;
const maxTurnSummaryChars = 120;
/** Summaries kept of each conversation; the oldest go first. */
const maxSummaries = 32;

export interface ConsolidationCounts {
  /** Expired nodes that were removed. */
  readonly pruned: number;
  /** Nodes of deep supersession chains that were removed. */
  readonly collected: number;
  readonly turnsSummarised: number;
  readonly summariesDropped: number;
}

export function consolidate(engine: MemoryEngine): ConsolidationCounts {
  const expired = [...engine.graph.nodes()].filter(
    (node) => node.expiresAtMs <= engine.nowMs && !(node.isConstraint && node.endedAtMs === Infinity),
  );
  engine.removeNodes(expired);
  const deep = deeplySuperseded(engine);
  engine.removeNodes(deep);
  return { pruned: expired.length, collected: deep.length, ...compactConversations(engine) };
}

/** Superseded nodes with more than `maxChainDepth` nodes between them and what holds. */
function deeplySuperseded({ graph }: MemoryEngine): MemoryNode[] {
  const depths = new Map<number, number>();
  // A successor was made later than what it supersedes, so its depth is known before it is needed.
  const ended = [...graph.nodes()].filter(({ endedAtMs }) => endedAtMs !== Infinity).toReversed();
  for (const { index } of ended) {
    for (const { from, kind } of graph.adjacency.in(index)) {
      if (kind === 'supersedes') depths.set(index, Math.max(depths.get(index) ?? 0, (depths.get(from) ?? 0) + 1));
    }
  }
  return ended.filter(({ index }) => (depths.get(index) ?? 0) > maxChainDepth);
}

function compactConversations(engine: MemoryEngine): { turnsSummarised: number; summariesDropped: number } {
  let turnsSummarised = 0;
  let summariesDropped = 0;
  for (const turns of byConversation(engine.graph.turns())) {
    const older = turns.slice(0, -keptTurns);
    if (older.length === 0) continue;
    engine.addSummary(summaryOf(older));
    engine.removeNodes(older);
    turnsSummarised += older.length;
  }
  for (const summaries of byConversation(engine.graph.summaries())) {
    const surplus = summaries.slice(0, -maxSummaries);
    engine.removeNodes(surplus);
    summariesDropped += surplus.length;
  }
  return { turnsSummarised, summariesDropped };
}

/** Those of one tenant and partition, in the order of time. */
function byConversation(nodes: Iterable<MemoryNode>): MemoryNode[][] {
  const groups = Map.groupBy(nodes, ({ tenant, partition }) => JSON.stringify([tenant, partition]));
  return [...groups.values()].map((group) => group.sort((a, b) => a.createdAtMs - b.createdAtMs || a.index - b.index));
}

/** Without a model a summary is the beginning of every turn, the newest kept where not all fit. */
function summaryOf(turns: readonly MemoryNode[]) {
  const [first, last] = [turns[0] as MemoryNode, turns.at(-1) as MemoryNode];
  const lines: string[] = [];
  let left = maxSummaryChars;
  for (const { value } of turns.toReversed()) {
    const line = cutTo(value, maxTurnSummaryChars);
    left -= line.length + 3;
    if (left < 0) break;
    lines.unshift(line);
  }
  const isUntrusted = turns.some(({ provenance }) => provenance.trust === 'untrusted');
  return {
    key: `${turns.length} turns`,
    value: lines.join(' | '),
    tenant: first.tenant,
    partition: first.partition,
    atMs: last.createdAtMs,
    // A summary is no more to be trusted than the least of what it is made of.
    provenance: isUntrusted
      ? { origin: 'unknown' as const, trust: 'untrusted' as const }
      : { origin: 'system' as const, trust: 'trusted' as const },
  };
}
