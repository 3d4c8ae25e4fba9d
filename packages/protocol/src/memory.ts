// Memory: facts that hold, found again and put into contexts. `proactive-memory.ts` has the reminders.
import { z } from 'zod';
import { event, method } from './declare.ts';
import { feedCursor } from './host.ts';
import { once } from './once.ts';

const section = 'Memory, memory.* methods';
const shapes = 'Memory, Shared shapes';
const extensions = 'Memory, Extensions';

const maxResults = 1_000;

const tenantId = () => z.string().max(256).optional();
/** Ours: how to rank. `hybrid` is the default, `classic` the contract's own. */
const ranking = () => z.enum(['hybrid', 'classic']).optional();

const origin = once(() => z.enum(['user', 'agent', 'tool', 'web', 'system', 'unknown']));
const trust = once(() => z.enum(['trusted', 'untrusted']));

/** What every answer about a fact may carry beyond the original's fields. */
const provenanceFields = () => ({
  origin: origin().optional(),
  trust: trust().optional(),
  source: z.string().optional(),
  run_id: z.string().optional(),
});

export const factRow = once(() =>
  z
    .object({
      subject: z.string(),
      body: z.string(),
      kind: z.string(),
      confidence: z.union([z.number(), z.string()]),
      fact_id: z.string().nullish(),
      tags: z.array(z.string()).optional(),
      score: z.number().optional(),
      ...provenanceFields(),
    })
    .meta({ id: 'FactRow' }),
);
export type FactRow = z.infer<ReturnType<typeof factRow>>;

const consolidationReport = once(() =>
  z
    .object({
      candidates_promoted: z.array(z.string()),
      candidates_rejected: z.array(z.string()),
      pruned: z.number(),
      collected: z.number(),
      turns_summarised: z.number(),
      summaries_dropped: z.number(),
      /** Candidates that a model made of what happened lately in this session; 0 without one. */
      distilled: z.number(),
    })
    .meta({ id: 'ConsolidationReport' }),
);

const utility = once(() => z.object({ utility_weight: z.number(), utility_exploration: z.number() }));

const contextParams = () => ({
  query: z.string(),
  model_context_window: z.number().optional(),
  tenant_id: tenantId(),
  ranking: ranking(),
});

const timelineEntry = once(() =>
  z
    .object({
      fact_id: z.string(),
      subject: z.string(),
      body: z.string(),
      kind: z.string(),
      at: z.string(),
      /** Absent while it holds. */
      ended_at: z.string().optional(),
      superseded_by: z.string().optional(),
      needs_review: z.boolean(),
      ...provenanceFields(),
    })
    .meta({ id: 'MemoryTimelineEntry' }),
);

const candidate = once(() =>
  z
    .object({
      older: z.string(),
      newer: z.string(),
      confidence: z.number(),
      reason: z.string(),
      older_text: z.string(),
      newer_text: z.string(),
    })
    .meta({ id: 'SupersessionCandidate' }),
);

const memoryChange = once(() =>
  z
    .object({
      cursor: feedCursor(),
      kind: z.enum(['added', 'superseded', 'invalidated', 'review', 'removed', 'reset', 'gap']),
      fact: factRow().optional(),
      /** Of a gap: how many changes this subscriber did not get. */
      missed: z.number().optional(),
    })
    .meta({ id: 'MemoryChange' }),
);
export type MemoryChange = z.infer<ReturnType<typeof memoryChange>>;

export const memory = {
  'memory.add_fact': method({
    summary:
      'Remember a fact; the count of facts afterwards. With supersedes (a fact id or a subject) it takes that fact’s place. The same fact_id with the same content changes nothing, with other content it is an error',
    params: () =>
      z.object({
        subject: z.string(),
        body: z.string(),
        kind: z.string().max(64).default('pattern'),
        fact_id: z.string().min(1).max(256).optional(),
        tags: z.array(z.string().max(256)).max(64).optional(),
        source: z.string().max(4_096).optional(),
        /** Ours, from here on. */
        supersedes: z.string().optional(),
        depends_on: z.array(z.string()).max(256).optional(),
        premises: z.array(z.string()).max(256).optional(),
        tenant_id: tenantId(),
        /** Where the writer has it from, where that is not the writer. What tools and the web say is not trusted. */
        origin: z.enum(['tool', 'web']).optional(),
        expires_at: z.string().optional(),
      }),
    result: () => z.number(),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'memory.query': method({
    summary: 'The facts that match a text best, the best first',
    params: () =>
      z.object({
        query: z.string(),
        k: z.number().int().min(0).max(maxResults).default(5),
        tenant_id: tenantId(),
        ranking: ranking(),
      }),
    result: () => z.array(factRow()),
    access: 'session',
    effect: 'read',
    section,
  }),
  'memory.build_context': method({
    summary: 'What a model should know for a text, as one string within the budget of its window',
    params: () => z.object(contextParams()),
    result: () => z.string(),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.build_context_fast': method({
    summary: 'The same without ranking, skills and repairs: facts in order of creation',
    params: () => z.object(contextParams()),
    result: () => z.string(),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.fact_count': method({
    summary: 'Number of facts that hold; with a tenant of its own alone',
    params: () => z.object({ tenant_id: tenantId() }),
    result: () => z.number(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'memory.consolidate': method({
    summary:
      'Remove what expired, collect what was superseded long ago, summarise old turns, decide candidates of skills, and with a model distil new ones',
    params: () => z.object({}),
    result: () => consolidationReport(),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.utility_get': method({
    summary: 'How much the order of facts in a context follows how they were rated',
    params: () => z.object({}),
    result: () => utility(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'memory.utility_set': method({
    summary: 'Change that; what is left out stays. In memory only',
    // A number that JSON cannot carry arrives as null, and counts as 0.
    params: () => z.object({ utility_weight: z.number().nullish(), utility_exploration: z.number().nullish() }),
    result: () => utility(),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.persist': method({
    summary: 'Write the whole memory to a file below <root>/memory, as a flat JSON array; the number of rows',
    params: () => z.object({ path: z.string() }),
    result: () => z.number(),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'memory.load': method({
    summary: 'Replace the whole memory by a file below <root>/memory; the number of rows',
    params: () => z.object({ path: z.string() }),
    result: () => z.number(),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'memory.explain': method({
    summary: 'Why a query returns what it returns, or why it returns one fact: seeds, ways and scores',
    params: () =>
      z.object({
        query: z.string(),
        fact_id: z.string().optional(),
        k: z.number().int().min(1).max(100).default(5),
        tenant_id: tenantId(),
        ranking: ranking(),
      }),
    result: () =>
      z.object({
        seeds: z.array(z.object({ fact_id: z.string(), score: z.number(), terms: z.array(z.string()) })),
        results: z.array(
          z.object({
            fact_id: z.string(),
            path: z.array(z.string()),
            parts: z.record(z.string(), z.number()),
            /** Set where it would not be shown as current. */
            not_current: z.string().optional(),
          }),
        ),
      }),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section: extensions,
    isExtension: true,
  }),
  'memory.timeline': method({
    summary: 'The values of a key over time, the oldest first, and what superseded each',
    params: () => z.object({ key: z.string(), tenant_id: tenantId() }),
    result: () => z.array(timelineEntry()),
    access: 'session',
    effect: 'read',
    section: extensions,
    isExtension: true,
  }),
  'memory.show': method({
    summary: 'One fact: where it came from, what it rests on, and what took its place',
    params: () => z.object({ fact_id: z.string(), tenant_id: tenantId() }),
    result: () =>
      z.object({
        fact: factRow(),
        at: z.string(),
        /** Absent while it holds. */
        ended_at: z.string().optional(),
        needs_review: z.boolean(),
        depends_on: z.array(z.string()),
        needed_by: z.array(z.string()),
        supersedes: z.array(z.string()),
        superseded_by: z.string().optional(),
        counters: z.record(z.string(), z.number()),
      }),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section: extensions,
    isExtension: true,
  }),
  'memory.export': method({
    summary:
      'What a memory holds, as lines of JSON or as Markdown; with a next there is more, to be asked for with after',
    params: () =>
      z.object({
        format: z.enum(['jsonl', 'markdown']).default('jsonl'),
        after: z
          .string()
          .regex(/^\d{1,10}$/)
          .optional(),
        tenant_id: tenantId(),
      }),
    result: () =>
      z.object({
        format: z.enum(['jsonl', 'markdown']),
        text: z.string(),
        rows: z.number(),
        next: z.string().optional(),
      }),
    access: 'session',
    effect: 'read',
    section: extensions,
    isExtension: true,
  }),
  'memory.import': method({
    summary: 'Add what an export holds to a memory. Rows that are there already are left alone',
    params: () =>
      z.object({ format: z.enum(['jsonl', 'markdown']).default('jsonl'), text: z.string(), tenant_id: tenantId() }),
    result: () => z.object({ imported: z.number(), skipped: z.number() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section: extensions,
    isExtension: true,
  }),
  'memory.candidates': method({
    summary:
      'Corrections that nobody declared, for review. Nothing is applied: memory.add_fact with supersedes does that',
    params: () => z.object({ limit: z.number().int().min(1).max(100).default(20), tenant_id: tenantId() }),
    result: () => z.array(candidate()),
    access: 'session',
    effect: 'read',
    section: extensions,
    isExtension: true,
  }),
  'memory.watch': method({
    summary: 'Follow what changes in a memory, from now on or from behind a cursor; then memory.watch.event',
    params: () => z.object({ after: feedCursor().nullish(), tenant_id: tenantId() }),
    result: () =>
      z.object({
        cursor: feedCursor(),
        /** `reset`: the cursor is of another start of the daemon, or too old. */
        delivery: z.enum(['live', 'replayed', 'reset']),
        changes: z.array(memoryChange()).optional(),
      }),
    access: 'session',
    effect: 'read',
    section: extensions,
    isExtension: true,
  }),
  'memory.unwatch': method({
    summary: 'Stop following a memory',
    params: () => z.object({}),
    result: () => z.object({ removed: z.boolean() }),
    access: 'session',
    effect: 'read',
    section: extensions,
    isExtension: true,
  }),
};

export const memoryEvents = {
  'memory.watch.event': event({
    summary: 'A change of the memory that this connection follows',
    params: () => memoryChange(),
    precondition: 'memory.watch',
    section: shapes,
  }),
};
