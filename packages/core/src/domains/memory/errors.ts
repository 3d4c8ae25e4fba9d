// The memory package throws errors of its own; on the wire they keep their reason.
import { MemoryError, type CounterName, type MemoryEngine, type MemoryNode } from '@car-runtime/memory';
import { fail } from '@car-runtime/protocol';

/** Runs what works on a memory; what it throws on purpose becomes an error the caller can act on. */
export function onMemory<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    const data = { reason: error.reason, ...(error.field !== undefined && { field: error.field }) };
    throw fail(error.reason === 'too_long' ? 'invalid_params' : 'failed', error.message, { data, cause: error });
  }
}

/** Facts that hold: all of the memory's, or a tenant's own, who cannot count what others have. */
export function factCountOf({ graph }: MemoryEngine, tenant: string): number {
  return tenant === '' ? graph.validFactCount : graph.validFactCountOf(tenant);
}

/** What a reader calls by an id, or the error that there is none: whether another tenant has one is not told. */
export function factOf({ graph }: MemoryEngine, verb: string, factId: string, tenant: string): MemoryNode {
  const node = graph.byId(factId, tenant);
  if (node && graph.isVisible(node.index, { tenant })) return node;
  throw fail('failed', `Cannot ${verb} "${factId}": there is no such fact`, { data: { reason: 'unknown_fact' } });
}

/** Counts for those who read, whom a full disk does not keep from reading: then nothing is counted. */
export function countIfStored(
  engine: MemoryEngine,
  ids: readonly string[],
  counter: CounterName,
  tenant: string,
): void {
  try {
    engine.count(ids, counter, { tenant });
  } catch (error) {
    if (!(error instanceof MemoryError && error.reason === 'not_stored')) throw error;
  }
}
