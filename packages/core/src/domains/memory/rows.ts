// Facts as the wire shows them.
import { factKindOf, type MemoryNode, type TimelineEntry } from '@car-runtime/memory';
import type { BrowsedFact, FactRow } from '@car-runtime/protocol';

const defaultConfidence = 'medium';
/** Longest subject or body of a fact on a page. */
const maxPageChars = 2_000;

export function toRow(node: MemoryNode, score?: number): FactRow {
  const { key: subject, value: body, id: fact_id, metadata } = node;
  return {
    subject,
    body,
    kind: factKindOf(node),
    confidence: metadata.confidence ?? defaultConfidence,
    fact_id,
    ...(metadata.tags && { tags: [...metadata.tags] }),
    ...(score !== undefined && { score }),
    ...provenanceOf(node),
  };
}

function provenanceOf({ provenance: { origin, trust, source, runId } }: MemoryNode) {
  return {
    origin,
    trust,
    ...(source !== undefined && { source }),
    ...(runId !== undefined && { run_id: runId }),
  };
}

export function toTimelineRow({ node, supersededBy, needsReview }: TimelineEntry) {
  const { id: fact_id, key: subject, value: body, createdAtMs, endedAtMs } = node;
  return {
    fact_id,
    subject,
    body,
    kind: factKindOf(node),
    at: new Date(createdAtMs).toISOString(),
    ...(endedAtMs !== Infinity && { ended_at: new Date(endedAtMs).toISOString() }),
    ...(supersededBy !== undefined && { superseded_by: supersededBy }),
    needs_review: needsReview,
    ...provenanceOf(node),
  };
}

/** A fact of a page. */
export function toBrowsedRow(node: MemoryNode): BrowsedFact {
  const { id: fact_id, key, value, createdAtMs, endedAtMs, needsReview } = node;
  const isCut = key.length > maxPageChars || value.length > maxPageChars;
  return {
    ...toRow(node),
    fact_id,
    ...(isCut && { subject: key.slice(0, maxPageChars), body: value.slice(0, maxPageChars), is_cut: true as const }),
    at: new Date(createdAtMs).toISOString(),
    ...(endedAtMs !== Infinity && { ended_at: new Date(endedAtMs).toISOString() }),
    needs_review: needsReview,
  };
}
