// The event log of a connection: what a journal line holds, and the methods that read and bound the log.
import { z } from 'zod';
import { once } from './once.ts';
import { method } from './declare.ts';
import { jsonObject } from './records.ts';

const section = 'Events and metrics';

/** Kinds of journal events. More may come: a reader takes an unknown kind as it finds it. */
export const eventKinds = [
  'proposal_received',
  'proposal_completed',
  'action_validated',
  'action_rejected',
  'action_executing',
  'action_succeeded',
  'action_failed',
  'action_skipped',
  'action_retrying',
  'action_deduplicated',
  'policy_violation',
  'state_changed',
  'state_committed',
  'state_snapshot',
  'state_rollback',
  'skill_distilled',
  'skill_evolved',
  'skill_deprecated',
  'evolution_triggered',
  'candidate_promoted',
  'candidate_rejected',
  'consolidated',
  'proactive_memory_maintained',
  'proactive_memory_intervention',
  'replan_attempted',
  'replan_proposal_received',
  'replan_rejected',
  'replan_exhausted',
  'voice_fast_turn_started',
  'voice_fast_turn_ended',
  'voice_sidecar_resolved',
  'voice_sidecar_failed',
  'voice_sidecar_timed_out',
  'voice_turn_cancelled',
  'voice_bridge_played',
  'gate_accepted',
  'gate_rejected',
  'model_fallback',
  'session_scope',
  'permission_decision',
  'approval_recorded',
  'branch_decision',
  'alternative_rejected',
  'inference_metered',
  'transaction_conflict',
  'admission_gate_decision',
  'tool_receipt_hallucination',
  'goal_evaluated',
  'turn_completed',
  'run_started',
  'run_cancellation_requested',
  'run_cancellation_result',
  'run_completed',
  'budget_charged',
] as const;
export type EventKind = (typeof eventKinds)[number];

/**
 * One line of a journal. `data` is open; these of its fields are read by the daemon itself:
 *
 * | kind | field | meaning |
 * | --- | --- | --- |
 * | `inference_metered` | `agent: string` | who the call is booked on; absent counts as `unknown` |
 * | | `tokens_in`, `tokens_out`, `cost_usd: number` | what it used; absent counts as 0 |
 * | `action_succeeded`, `action_failed` | `duration_ms: number` | its latency |
 * | `goal_evaluated` | `met`, `grounded: boolean` | the verdict, and whether evidence carried it |
 * | `admission_gate_decision` | `decision: string` | all but `allow` count as refusals |
 *
 * What queries shall find (`tool`, `caller`, `tenant`, `gate`, `decision`, `agent`) is there as strings.
 */
export const journalEvent = once(() =>
  z
    .object({
      kind: z.string(),
      action_id: z.string().nullish(),
      proposal_id: z.string().nullish(),
      data: jsonObject(),
      timestamp: z.string(),
      /** Hash of the chained event before it; 64 zeros for the first. Present from `events.chain.enable` on. */
      prev_hash: z.string().optional(),
      hash: z.string().optional(),
    })
    .meta({ id: 'JournalEvent' }),
);
export type JournalEvent = z.output<ReturnType<typeof journalEvent>>;

/** Both limits hold at once. Absent means no limit. */
const eventRetention = once(() =>
  z.object({
    max_events: z.int().min(0).nullish(),
    max_age_secs: z.number().min(0).nullish(),
  }),
);
const retentionPolicy = once(() =>
  z.object({ max_events: z.number().optional(), max_age_secs: z.number().optional() }),
);

const rfc3339 = once(() => z.iso.datetime({ offset: true, error: 'not an RFC 3339 date and time' }));

export const agentCost = once(() =>
  z
    .object({
      agent: z.string(),
      calls: z.number(),
      tokens_in: z.number(),
      tokens_out: z.number(),
      cost_usd: z.number(),
    })
    .meta({ id: 'AgentCost' }),
);
export type AgentCost = z.output<ReturnType<typeof agentCost>>;

const removed = once(() => z.object({ removed: z.number() }));

export const eventLog = {
  'events.count': method({
    summary: 'Events the log of this connection holds',
    params: () => z.object({}),
    result: () => z.number(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'events.query': method({
    summary: 'Events of this connection that pass every filter, newest first',
    params: () =>
      z.object({
        kinds: z.array(z.string()).max(256).nullish(),
        action_id: z.string().nullish(),
        proposal_id: z.string().nullish(),
        /** Inclusive. */
        since: rfc3339().nullish(),
        /** Exclusive. */
        until: rfc3339().nullish(),
        /** Every entry must be a string of that value at the top level of `data`. */
        data_matches: z
          .record(z.string(), z.string())
          .refine((entries) => Object.keys(entries).length <= 32, 'more than 32 entries')
          .nullish(),
        /** 0 and absent mean all. */
        limit: z.int().min(0).nullish(),
      }),
    result: () => z.object({ count: z.number(), events: z.array(journalEvent()) }),
    access: 'session',
    effect: 'read',
    section,
  }),
  'events.chain.enable': method({
    summary: 'Chain every event from now on to the one before it by SHA-256; again is fine',
    params: () => z.object({}),
    // `key_id` names the key that signs checkpoints of the chain; absent when none can be had.
    result: () => z.object({ ok: z.literal(true), key_id: z.string().optional() }),
    access: 'session',
    effect: 'write',
    section,
  }),
  'events.chain.verify': method({
    summary: 'Check the chained events of the journal on disk; tampered_at is the index of the first bad line',
    params: () => z.object({}),
    result: () => z.union([z.object({ verified: z.number() }), z.object({ tampered_at: z.number() })]),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'events.retention': method({
    summary: 'Bound the log by number and age of events, or read the bounds',
    params: () => z.object({ policy: eventRetention().nullish() }),
    result: () => z.object({ policy: retentionPolicy(), removed: z.number().optional() }),
    access: 'session',
    effect: 'write',
    section,
  }),
  'events.cost_by_agent': method({
    summary: 'What model calls used, by agent, dearest first',
    params: () => z.object({}),
    result: () => z.array(agentCost()),
    access: 'session',
    effect: 'read',
    section,
  }),
  'events.stats': method({
    summary: 'Size of the log; this log keeps no spans',
    params: () => z.object({}),
    result: () =>
      z.object({
        events: z.number(),
        spans: z.number(),
        approxEventBytes: z.number(),
        approxSpanBytes: z.number(),
      }),
    access: 'session',
    effect: 'read',
    section,
  }),
  'events.truncate': method({
    summary: 'Keep the newest max_events in the log, or what the retention says; the journal stays as it is',
    params: () => z.object({ max_events: z.int().min(0).nullish() }),
    result: removed,
    access: 'session',
    effect: 'write',
    section,
  }),
  'events.clear': method({
    summary: 'Empty the log; the journal stays as it is',
    params: () => z.object({}),
    result: removed,
    access: 'session',
    effect: 'write',
    section,
  }),
};
