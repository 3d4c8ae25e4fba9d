// The one way a graph changes: what the engine does and what a file says happened go through the same function.
import { MemoryError } from './errors.ts';
import type { MemoryGraph } from './graph/graph.ts';
import { isValidKind, type EdgeKind, type MemoryNode, type NodeDraft, type Provenance } from './graph/model.ts';
import { supersede, endNode } from './graph/supersede.ts';
import type { AddRecord, MemoryRecord, StoredNode } from './records.ts';

const unknownProvenance: Provenance = Object.freeze({ origin: 'unknown', trust: 'trusted' });
const noMetadata = Object.freeze({});

/** Index of the node that an `add` made. */
export function applyRecord(graph: MemoryGraph, record: MemoryRecord): number | undefined {
  switch (record.op) {
    case 'head':
      return undefined;
    case 'add':
      return applyAdd(graph, record);
    case 'edge':
      graph.link(indexOf(graph, record.from), indexOf(graph, record.to), record.kind, record.weight);
      return undefined;
    case 'asked':
      graph.restoreIdUses(record.id, record.uses);
      return undefined;
    case 'end':
      endNode(graph, nodeOf(graph, record.id), record.at);
      return undefined;
    case 'remove':
      for (const id of record.ids) graph.remove(indexOf(graph, id));
      return undefined;
    case 'review':
      graph.setNeedsReview(indexOf(graph, record.id), record.needed);
      return undefined;
    case 'count':
      for (const id of record.ids) {
        graph.count(indexOf(graph, id), record.counter);
        if (record.at !== undefined) graph.setCounter(indexOf(graph, id), 'lastUsedMs', record.at);
      }
      return undefined;
    case 'reset':
      graph.reset();
      return undefined;
  }
}

function applyAdd(graph: MemoryGraph, record: AddRecord): number {
  const { node, asked, depends_on = [], premises = [], after, supersedes, links = [] } = record;
  const old = supersedes === undefined ? undefined : nodeOf(graph, supersedes);
  const index = graph.add(toDraft(node), node.counters);
  if (asked) graph.restoreIdUses(...asked);
  if (node.review) graph.setNeedsReview(index, true);
  if (node.ended !== undefined) graph.restoreEnd(index, node.ended);
  for (const id of depends_on) linkTo(graph, index, id, 'depends_on');
  for (const id of premises) linkTo(graph, index, id, 'cites_premise');
  const previous = after === undefined ? undefined : graph.indexOf(after);
  if (previous !== undefined) graph.link(previous, index, 'temporal_next');
  for (const [to, kind, weight] of links) linkTo(graph, index, to, kind, weight);
  if (old) supersede(graph, old, index, node.at);
  return index;
}

/** Ids that name nothing make no edge. */
function linkTo(graph: MemoryGraph, from: number, id: string, kind: EdgeKind, weight = 1): void {
  const to = graph.indexOf(id);
  // A tenant cannot tell whether an id of another exists.
  if (to !== undefined && to !== from && graph.tenants.at(to) === graph.tenants.at(from))
    graph.link(from, to, kind, weight);
}

function nodeOf(graph: MemoryGraph, id: string): MemoryNode {
  const node = graph.byId(id);
  if (!node) throw new MemoryError('unknown_id', `There is no node "${id}"`, 'id');
  return node;
}

function indexOf(graph: MemoryGraph, id: string): number {
  return nodeOf(graph, id).index;
}

export function toDraft(stored: StoredNode): NodeDraft {
  return {
    kind: stored.kind,
    key: stored.key,
    value: stored.value,
    id: stored.id,
    tenant: stored.tenant ?? '',
    partition: stored.partition ?? '',
    scope: stored.scope ?? 'global',
    authority: stored.authority ?? 'external',
    isConstraint: stored.constraint ?? false,
    contentType: stored.content ?? 'natural_language',
    createdAtMs: stored.at,
    expiresAtMs: stored.expires ?? Infinity,
    provenance: stored.from ?? unknownProvenance,
    metadata: stored.meta ?? noMetadata,
  };
}

/** Everything of a node but its edges, as a file keeps it. */
export function toStored(node: MemoryNode): StoredNode {
  return {
    id: node.id,
    kind: node.kind,
    key: node.key,
    value: node.value,
    at: node.createdAtMs,
    ...(node.tenant !== '' && { tenant: node.tenant }),
    ...(node.partition !== '' && { partition: node.partition }),
    ...(node.scope !== 'global' && { scope: node.scope }),
    ...(node.authority !== 'external' && { authority: node.authority }),
    ...(node.isConstraint && { constraint: true as const }),
    ...(node.contentType !== 'natural_language' && { content: node.contentType }),
    ...(node.expiresAtMs !== Infinity && { expires: node.expiresAtMs }),
    ...(!isValidKind(node.kind) && { ended: node.endedAtMs }),
    ...(node.needsReview && { review: true as const }),
    ...(node.provenance !== unknownProvenance && { from: node.provenance }),
    ...(Object.keys(node.metadata).length > 0 && { meta: node.metadata }),
    ...(Object.keys(node.counters).length > 0 && { counters: node.counters }),
  };
}
