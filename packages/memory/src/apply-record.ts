// The one way a graph changes: what the engine does and what a file says happened go through the same function.
import { MemoryError } from './errors.ts';
import type { MemoryGraph } from './graph/graph.ts';
import { isValidKind, type EdgeKind, type MemoryNode, type NodeDraft, type Provenance } from './graph/model.ts';
import { supersede, endNode } from './graph/supersede.ts';
import { formatVersion, type AddRecord, type MemoryRecord, type StoredNode } from './records.ts';

const unknownProvenance: Provenance = Object.freeze({ origin: 'unknown', trust: 'trusted' });
const noMetadata = Object.freeze({});

/** Index of the node that an `add` made. */
export function applyRecord(graph: MemoryGraph, record: MemoryRecord, version = formatVersion): number | undefined {
  if (record.op === 'add') return applyAdd(graph, record);
  if (record.op === 'reset') graph.reset();
  else if (record.op !== 'head') applyChange(graph, record, version);
  return undefined;
}

function applyChange(
  graph: MemoryGraph,
  record: Exclude<MemoryRecord, { op: 'head' | 'add' | 'reset' }>,
  version: number,
): void {
  const indexOf = (id: string): number => nodeOf(graph, id, tenantOf(graph, record, id, version)).index;
  switch (record.op) {
    case 'edge':
      graph.link(indexOf(record.from), indexOf(record.to), record.kind, record.weight);
      return;
    case 'asked':
      graph.restoreIdUses(record.id, record.uses, record.tenant);
      return;
    case 'end':
      endNode(graph, nodeOf(graph, record.id, tenantOf(graph, record, record.id, version)), record.at);
      return;
    case 'remove':
      for (const id of record.ids) graph.remove(indexOf(id));
      return;
    case 'review':
      graph.setNeedsReview(indexOf(record.id), record.needed);
      return;
    case 'count':
      for (const id of record.ids) {
        graph.count(indexOf(id), record.counter);
        if (record.at !== undefined) graph.setCounter(indexOf(id), 'lastUsedMs', record.at);
      }
  }
}

/** Whose id a record means. */
function tenantOf(graph: MemoryGraph, { tenant = '' }: { tenant?: string }, id: string, version: number): string {
  return version < 2 ? graph.ownerOf(id) : tenant;
}

function applyAdd(graph: MemoryGraph, record: AddRecord): number {
  const { node, asked, depends_on = [], premises = [], after, supersedes, links = [] } = record;
  const { tenant = '' } = node;
  const old = supersedes === undefined ? undefined : nodeOf(graph, supersedes, tenant);
  const index = graph.add(toDraft(node), node.counters);
  if (asked) graph.restoreIdUses(asked[0], asked[1], tenant);
  if (node.review) graph.setNeedsReview(index, true);
  if (node.ended !== undefined) graph.restoreEnd(index, node.ended);
  for (const id of depends_on) linkTo(graph, index, id, 'depends_on', tenant);
  for (const id of premises) linkTo(graph, index, id, 'cites_premise', tenant);
  const previous = after === undefined ? undefined : graph.indexOf(after, tenant);
  if (previous !== undefined) graph.link(previous, index, 'temporal_next');
  for (const [to, kind, weight] of links) linkTo(graph, index, to, kind, tenant, weight);
  if (old) supersede(graph, old, index, node.at);
  return index;
}

/** Ids that name nothing of the same tenant make no edge. */
function linkTo(graph: MemoryGraph, from: number, id: string, kind: EdgeKind, tenant: string, weight = 1): void {
  const to = graph.indexOf(id, tenant);
  if (to !== undefined && to !== from) graph.link(from, to, kind, weight);
}

function nodeOf(graph: MemoryGraph, id: string, tenant: string): MemoryNode {
  const node = graph.byId(id, tenant);
  if (!node) throw new MemoryError('unknown_id', `There is no node "${id}"`, 'id');
  return node;
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
