// What the daemon itself reads out of events.
import type { AgentCost, JournalEvent } from '@car-runtime/protocol';

/** A line as an event, or `undefined` when it is none. */
export function parseEvent(line: string): JournalEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, action_id, proposal_id, data, timestamp } = value as Record<string, unknown>;
  const isEvent =
    typeof kind === 'string' &&
    typeof timestamp === 'string' &&
    typeof data === 'object' &&
    data !== null &&
    [action_id, proposal_id].every((id) => id == null || typeof id === 'string');
  return isEvent ? (value as JournalEvent) : undefined;
}

/** A field that should be a number of 0 or more; anything else counts as 0. */
export function amountOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY ? value : 0;
}

const unknownAgent = 'unknown';

/** Sums of `inference_metered` events by agent. */
export class CostTally {
  readonly #rows = new Map<string, AgentCost>();

  add({ agent, tokens_in, tokens_out, cost_usd }: Readonly<Record<string, unknown>>): void {
    const name = typeof agent === 'string' ? agent : unknownAgent;
    let row = this.#rows.get(name);
    if (!row) this.#rows.set(name, (row = { agent: name, calls: 0, tokens_in: 0, tokens_out: 0, cost_usd: 0 }));
    row.calls++;
    row.tokens_in += amountOf(tokens_in);
    row.tokens_out += amountOf(tokens_out);
    row.cost_usd += amountOf(cost_usd);
  }

  /** Dearest first; equal ones by name. */
  rows(): AgentCost[] {
    return [...this.#rows.values()].toSorted(
      (left, right) => right.cost_usd - left.cost_usd || (left.agent < right.agent ? -1 : 1),
    );
  }
}
