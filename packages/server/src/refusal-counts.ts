// Requests and sockets turned away, by reason: counted for the metrics, and logged without letting whoever is turned
// away fill the log.
import type { Logger } from '@car-runtime/core';
import type { Refusal } from './request-guard.ts';
import type { CutReason } from './unauthenticated-sockets.ts';

export type RefusalReason = Refusal | CutReason | 'too-many-connections' | 'accept-failed' | 'credential';

/** At most one line per reason in this time. */
const quietMs = 10_000;

export class RefusalCounts {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #counts = new Map<RefusalReason, { total: number; unlogged: number; loggedAt: number }>();

  constructor(logger: Logger, now: () => number = Date.now) {
    this.#logger = logger;
    this.#now = now;
  }

  count(reason: RefusalReason): void {
    let entry = this.#counts.get(reason);
    if (!entry) this.#counts.set(reason, (entry = { total: 0, unlogged: 0, loggedAt: Number.NEGATIVE_INFINITY }));
    entry.total++;
    entry.unlogged++;
    if (this.#now() - entry.loggedAt < quietMs) return;
    this.#logger.warn({ reason, count: entry.unlogged }, 'connections refused');
    entry.unlogged = 0;
    entry.loggedAt = this.#now();
  }

  totals(): [RefusalReason, number][] {
    return [...this.#counts].map(([reason, { total }]) => [reason, total]);
  }
}
