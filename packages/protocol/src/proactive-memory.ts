// Proactive memory: what an agent should be reminded of, and when to be silent.
import { z } from 'zod';
import { method } from './declare.ts';
import { once } from './once.ts';

const section = 'Memory, Proactive memory';
const maxCases = 1_000;

const tenantId = () => z.string().max(256).optional();
const bankName = once(() => z.enum(['knowledge', 'procedural']));

const trigger = once(() =>
  z
    .object({
      repeated_failures: z.number().optional(),
      tool_error: z.boolean().optional(),
      explicit_uncertainty: z.boolean().optional(),
      high_risk_action: z.boolean().optional(),
      context_shift: z.boolean().optional(),
    })
    .meta({ id: 'ProactiveTrigger' }),
);
export type ProactiveTrigger = z.infer<ReturnType<typeof trigger>>;

const proactiveRequest = once(() =>
  z
    .object({
      query: z.string().optional(),
      recent: z.array(z.string()).max(256).optional(),
      trigger: trigger().optional(),
      force: z.boolean().optional(),
      max_candidates: z.number().int().min(1).max(32).optional(),
      tenant_id: tenantId(),
    })
    .meta({ id: 'ProactiveMemoryRequest' }),
);
export type ProactiveMemoryRequest = z.infer<ReturnType<typeof proactiveRequest>>;

const candidate = once(() =>
  z
    .object({
      id: z.string(),
      kind: bankName(),
      subject: z.string(),
      body: z.string(),
      score: z.number(),
      reasons: z.array(z.string()),
    })
    .meta({ id: 'ProactiveCandidate' }),
);
export type ProactiveCandidate = z.infer<ReturnType<typeof candidate>>;

const bank = once(() =>
  z.object({ knowledge: z.number(), procedural: z.number(), status: z.number() }).meta({ id: 'ProactiveBank' }),
);

const modeReport = once(() =>
  z
    .object({
      interventions: z.number(),
      true_positives: z.number(),
      false_positives: z.number(),
      false_negatives: z.number(),
      precision: z.number(),
      recall: z.number(),
      interruption_rate: z.number(),
      avg_candidates_exposed: z.number(),
    })
    .meta({ id: 'ProactiveModeReport' }),
);

const saveParams = () =>
  z.object({
    id: z.string().min(1).max(256).optional(),
    subject: z.string(),
    body: z.string(),
    tags: z.array(z.string().max(256)).max(64).optional(),
    confidence: z.string().max(64).optional(),
    tenant_id: tenantId(),
    is_constraint: z.boolean().optional(),
  });
const saved = () =>
  z.object({
    id: z.string(),
    kind: bankName(),
    fact_count: z.number(),
  });

export const proactiveMemory = {
  'memory.update_status': method({
    summary:
      'Replace what is being worked on now: one slot for each tenant, outside the memory, gone with the connection',
    params: () => z.object({ body: z.string().max(65_536), tenant_id: tenantId() }),
    result: () => z.object({ id: z.string(), body: z.string(), tenant_id: z.string().optional() }),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.save_knowledge': method({
    summary: 'Remember a requirement, a verified fact, a path or a policy for reminders',
    params: saveParams,
    result: saved,
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.save_procedural': method({
    summary: 'Remember what was tried, what failed and what helped, for reminders',
    params: saveParams,
    result: saved,
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.delete': method({
    summary: 'Remove an entry of proactive memory, or a status. An unknown id is no error',
    params: () => z.object({ id: z.string(), tenant_id: tenantId() }),
    result: () =>
      z.object({
        id: z.string(),
        deleted: z.boolean(),
        kind: z.enum(['knowledge', 'procedural', 'status']).nullable(),
        fact_count: z.number(),
      }),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.maintain': method({
    summary: 'Turn what went wrong lately in this session into entries; a rerun saves nothing again',
    params: () => z.object({ max_recent: z.number().int().min(0).max(10_000).default(32), tenant_id: tenantId() }),
    result: () =>
      z.object({
        trigger: trigger(),
        saved: z.number(),
        skipped_existing: z.number(),
        status: z.string().optional(),
      }),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.intervene': method({
    summary: 'At most one reminder for what is going on, or silence with a reason. Counts the reminder',
    params: () => proactiveRequest(),
    result: () =>
      z.discriminatedUnion('decision', [
        z.object({
          decision: z.literal('inject'),
          reminder: z.string(),
          selected: candidate(),
          candidates: z.array(candidate()),
          bank: bank(),
        }),
        z.object({
          decision: z.literal('silent'),
          reason: z.string(),
          candidates: z.array(candidate()),
          bank: bank(),
        }),
      ]),
    access: 'session',
    effect: 'write',
    section,
  }),
  'memory.evaluate': method({
    summary: 'How well reminders would have been chosen for these cases, in four modes. Changes nothing',
    params: () =>
      z.object({
        cases: z
          .array(
            z.object({
              id: z.string(),
              request: proactiveRequest(),
              relevant_fact_ids: z.array(z.string()).optional(),
            }),
          )
          .max(maxCases),
      }),
    result: () =>
      z.object({
        cases: z.number(),
        selective: modeReport(),
        always_inject: modeReport(),
        passive_retrieval: modeReport(),
        no_memory: modeReport(),
      }),
    access: 'session',
    effect: 'read',
    section,
  }),
};
