import { fail, type eventLog } from '@car-runtime/protocol';
import { CostTally } from '../../journal/event-data.ts';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import type { EventLog, EventRetention } from './event-log.ts';

const metered: ReadonlySet<string> = new Set(['inference_metered']);

export function eventMethods(logOf: (connection: Connection) => EventLog): Handlers<typeof eventLog> {
  return {
    'events.count': (_params, { connection }) => logOf(connection).count,
    'events.query': async (
      { kinds, action_id, proposal_id, since, until, data_matches, limit },
      { connection, signal },
    ) => {
      const filter = {
        kinds: kinds ?? undefined,
        actionId: action_id ?? undefined,
        proposalId: proposal_id ?? undefined,
        sinceMs: since == null ? undefined : toMs(since),
        untilMs: until == null ? undefined : toMs(until),
        dataMatches: data_matches ?? undefined,
        limit: limit ?? undefined,
      };
      const events = await logOf(connection).query(filter, signal);
      return { count: events.length, events };
    },
    'events.chain.enable': (_params, { connection }) => {
      const key_id = logOf(connection).enableChain();
      return { ok: true, ...(key_id !== undefined && { key_id }) };
    },
    'events.chain.verify': async (_params, { connection }) => {
      const verdict = await logOf(connection).verifyChain();
      if (!verdict) throw fail('failed', 'Cannot verify the journal: the disk refuses to take its newest events');
      return 'verified' in verdict ? verdict : { tampered_at: verdict.tamperedAt };
    },
    'events.retention': async ({ policy }, { connection }) => {
      const log = logOf(connection);
      if (policy == null) return { policy: toPolicy(log.retention) };
      const removed = await log.retain({
        ...(policy.max_events != null && { maxEvents: policy.max_events }),
        ...(policy.max_age_secs != null && { maxAgeSecs: policy.max_age_secs }),
      });
      return { policy: toPolicy(log.retention), removed };
    },
    'events.cost_by_agent': async (_params, { connection, signal }) => {
      const costs = new CostTally();
      await logOf(connection).visit(metered, (_kind, data) => costs.add(data()), signal);
      return costs.rows();
    },
    'events.stats': (_params, { connection }) => {
      const { count, eventBytes } = logOf(connection);
      return { events: count, spans: 0, approxEventBytes: eventBytes, approxSpanBytes: 0 };
    },
    'events.truncate': ({ max_events }, { connection }) => ({
      removed: logOf(connection).truncate(max_events ?? undefined),
    }),
    'events.clear': (_params, { connection }) => ({ removed: logOf(connection).truncate(0) }),
  };
}

function toPolicy({ maxEvents, maxAgeSecs }: EventRetention): { max_events?: number; max_age_secs?: number } {
  return {
    ...(maxEvents !== undefined && { max_events: maxEvents }),
    ...(maxAgeSecs !== undefined && { max_age_secs: maxAgeSecs }),
  };
}

/** Events are timed in whole ms: a bound between two of them moves up to the later one, which keeps both comparisons
 *  (at or after, before) true. */
function toMs(timestamp: string): number {
  const isBetween = /\.\d{3}\d*[1-9]/.test(timestamp);
  return Date.parse(timestamp) + (isBetween ? 1 : 0);
}
