// Skills: what an agent knows how to do, how well it does it, and how far it may be deployed.
import { z } from 'zod';
import { method } from './declare.ts';
import { once } from './once.ts';
import { tier } from './permission.ts';
import { jsonObject } from './records.ts';

const section = 'Memory, Skills';
const governance = 'Memory, Deployment governance';

const maxNameChars = 128;
const maxCodeChars = 524_288;
const maxTextChars = 8_192;
const maxKeywords = 64;
const maxResults = 100;
const maxEvents = 10_000;
const maxAtOnce = 256;

const text = (): z.ZodString => z.string().max(maxTextChars);
const tenant = () => ({ tenant_id: z.string().max(256).optional() });
const skillName = (): z.ZodString => z.string().min(1).max(maxNameChars);

/** "Global" and {Domain} are how older clients spell them. */
const scope = once(() =>
  z.union([
    z.enum(['global', 'Global']),
    z.object({ domain: z.string().min(1).max(256) }),
    z.object({ Domain: z.string().min(1).max(256) }),
  ]),
);

const skillStats = once(() =>
  z
    .object({
      success_count: z.number(),
      fail_count: z.number(),
      degraded: z.boolean(),
      broken_for_repair: z.boolean(),
      completion_rate: z.number().optional(),
      /** Outcomes that were reported as "complaint"; they are among the failures. */
      complaint_count: z.number().optional(),
      last_used_at: z.string().optional(),
    })
    .meta({ id: 'SkillStats' }),
);

const skillMeta = once(() =>
  z
    .object({
      name: z.string(),
      code: z.string(),
      platform: z.string(),
      description: z.string(),
      trigger: z.object({
        persona: z.string(),
        url_pattern: z.string(),
        task_keywords: z.array(z.string()),
        structured: z.object({ kind: z.string(), signature: z.unknown() }).optional(),
      }),
      scope: z.union([z.literal('global'), z.object({ domain: z.string() })]),
      when_to_apply: z.string(),
      stats: skillStats(),
      version: z.number(),
      tenant_id: z.string().optional(),
      status: z.enum(['active', 'provisional']),
      incumbent: z.string().optional(),
      deployment_tier: tier().optional(),
    })
    .meta({ id: 'SkillMeta' }),
);

const skillHit = once(() =>
  z
    .object({
      name: z.string(),
      code: z.string(),
      platform: z.string(),
      description: z.string(),
      stats: skillStats(),
      match_score: z.number(),
    })
    .meta({ id: 'SkillHit' }),
);

const ingested = () => ({
  name: skillName(),
  code: z.string().max(maxCodeChars),
  platform: text().default(''),
  persona: text().default(''),
  url_pattern: text().default(''),
  description: text().default(''),
  task_keywords: z.array(z.string().max(256)).max(maxKeywords).default([]),
  supersedes: skillName().optional(),
  /** Ours. */
  scope: scope().optional(),
  when_to_apply: text().optional(),
  ...tenant(),
});

/** Whatever `skills.distill` answered is accepted unchanged. */
const distilledSkill = once(() =>
  z
    .looseObject({
      name: skillName(),
      code: z.string().max(maxCodeChars).default(''),
      platform: text().optional(),
      description: text().default(''),
      when_to_apply: text().default(''),
      scope: scope().optional(),
      trigger: z
        .looseObject({
          persona: text().default(''),
          url_pattern: text().default(''),
          task_keywords: z.array(z.string().max(256)).max(maxKeywords).default([]),
          structured: z.object({ kind: text(), signature: z.unknown() }).optional(),
        })
        .prefault({}),
    })
    .meta({ id: 'DistilledSkill' }),
);

const traceEvent = once(() =>
  z
    .looseObject({
      kind: z.string().max(256),
      action_id: z.string().nullish(),
      tool: z.string().nullish(),
      error: z.unknown().optional(),
      state_before: z.unknown().optional(),
      state_after: z.unknown().optional(),
    })
    .meta({ id: 'TraceEvent' }),
);

const provenance = once(() =>
  z
    .object({
      signed: z.boolean().optional(),
      signer_trusted: z.boolean().optional(),
      scanned: z.boolean().optional(),
      vulnerabilities: z.number().int().min(0).optional(),
      source: z.enum(['official', 'first_party', 'community', 'unknown']).optional(),
      success_count: z.number().optional(),
      fail_count: z.number().optional(),
    })
    .meta({ id: 'SkillProvenance' }),
);

const deploymentDecision = once(() =>
  z
    .object({
      trust: z.enum(['official', 'verified', 'community', 'untrusted']),
      ceiling: tier().nullable(),
      granted: tier().nullable(),
      outcome: z.enum(['allow', 'downgrade', 'deny']),
      reason: z.string(),
    })
    .meta({ id: 'SkillDeploymentDecision' }),
);

const enforcement = once(() =>
  z
    .object({
      deploy: z.boolean(),
      effective_tier: tier().nullable(),
      overridden: z.boolean(),
      blocked: z.boolean(),
      pending: z.boolean(),
      reason: z.string(),
    })
    .meta({ id: 'SkillEnforcement' }),
);

const pendingApproval = once(() =>
  z.object({ fingerprint: z.string(), skill_name: z.string(), requested_tier: tier() }),
);

const deployed = once(() => ({
  decision: deploymentDecision(),
  enforcement: enforcement(),
  pending_approval: pendingApproval().optional(),
}));

const deployment = () => ({
  skill_name: skillName(),
  provenance: provenance().optional(),
  requested_tier: tier(),
  ...tenant(),
});

/** Ed25519 over the pack's skills as docs/skills.md says; the key in base64, as in `trusted_skill_signers`. */
const packManifest = once(() =>
  z.object({ public_key: z.string().max(256), signature: z.string().max(256) }).meta({ id: 'SkillPackManifest' }),
);

export const skill = {
  'skill.ingest': method({
    summary: 'Add a skill; one of the same name is deprecated. Answers the number of its node',
    params: () => z.object(ingested()),
    result: () => z.number(),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'skill.find': method({
    summary: 'Skills that fit a persona, an address or a task, best first; none is no error',
    params: () =>
      z.object({
        persona: text().default(''),
        url: text().default(''),
        task: z.string().max(maxCodeChars).default(''),
        max_results: z.number().int().min(0).max(maxResults).default(1),
        ...tenant(),
      }),
    result: () => z.array(skillHit()),
    access: 'session',
    effect: 'read',
    section,
  }),
  'skill.report': method({
    summary:
      'Count an outcome of a skill; anything but "success" is a failure, "complaint" one that somebody complained of',
    params: () => z.object({ skill_name: skillName(), outcome: text(), ...tenant() }),
    result: skillStats,
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'skill.repair': method({
    summary: 'Mended code for a broken skill, or null when it is not broken or no model is configured',
    params: () => z.object({ skill_name: skillName(), ...tenant() }),
    result: () => z.object({ code: z.string() }).nullable(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'skill.meta': method({
    summary: 'Everything about an active or provisional skill, or null',
    params: () => z.object({ key: skillName(), ...tenant() }),
    result: () => skillMeta().nullable(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'skill.export': method({
    summary: 'A healthy active skill as a document with a digest of its content, or null',
    params: () => z.object({ key: skillName(), ...tenant() }),
    result: () => z.string().nullable(),
    access: 'session',
    effect: 'read',
    section,
  }),
  'skill.import': method({
    summary: 'Add the skill of such a document; its digest must match, and its outcomes begin at nothing',
    params: () => z.object({ markdown: z.string().max(2 * maxCodeChars), ...tenant() }),
    result: () => z.object({ imported: z.literal(true) }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'skill.gate_deployment': method({
    summary: 'How far a skill may be deployed, from where it comes from and how it has done',
    params: () => z.object(deployment()),
    result: deploymentDecision,
    access: 'session',
    effect: 'read',
    section: governance,
  }),
  'skill.enforce_deployment': method({
    summary:
      'The same, with what people decided; an undecided denial waits for permission.approve or permission.reject',
    params: () => z.object(deployment()),
    result: () => z.object(deployed()),
    access: 'session',
    effect: 'read',
    section: governance,
  }),
  'skill.ingest_governed': method({
    summary: 'Add a skill if it may be deployed; what was granted stays with it',
    params: () => z.object({ ...ingested(), provenance: provenance().optional(), requested_tier: tier() }),
    result: () => z.object({ ingested: z.boolean(), node: z.number().optional(), ...deployed() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section: governance,
  }),
  'skill.adopt_pack': method({
    summary: 'Add the skills of a pack that may be deployed, each by itself',
    params: () =>
      z.object({
        pack: z.object({ name: text().optional(), skills: z.array(z.object(ingested())).max(maxAtOnce) }),
        requested_tier: tier().default('read_only'),
        manifest: packManifest().optional(),
        provenance: provenance().optional(),
        scanned: z.boolean().default(false),
        vulnerabilities: z.number().int().min(0).default(0),
        source: z.enum(['official', 'first_party', 'community', 'unknown']).default('unknown'),
        ...tenant(),
      }),
    result: () =>
      z.object({
        loaded: z.array(z.string()),
        pending: z.array(z.object({ skill_id: z.string(), fingerprint: z.string() })),
        refused: z.array(z.object({ skill_id: z.string(), reason: z.string() })),
        requested_tier: tier(),
        provenance: provenance(),
        trusted_signers: z.number(),
      }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section: governance,
  }),
  'skills.list': method({
    summary: 'Skills, degraded ones included; with a domain those of it and the global ones',
    params: () => z.object({ domain: z.string().max(256).optional(), ...tenant() }),
    result: () => z.array(skillMeta()),
    access: 'session',
    effect: 'read',
    section,
  }),
  'skills.distill': method({
    summary: 'Skills that a model finds in what happened; none without a model',
    params: () => z.object({ events: z.array(traceEvent()).max(maxEvents) }),
    result: () => z.array(distilledSkill()),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'skills.ingest_distilled': method({
    summary: 'Add distilled skills, active at once',
    params: () => z.object({ skills: z.array(distilledSkill()).max(maxAtOnce), ...tenant() }),
    result: () => z.object({ ingested: z.number() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'skills.evolve': method({
    summary: 'Better skills for a domain that a model makes of what happened; needs a model',
    params: () => z.object({ events: z.array(traceEvent()).max(maxEvents), domain: z.string().min(1).max(256) }),
    result: () => z.array(distilledSkill()),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'skills.domains_needing_evolution': method({
    summary: 'Domains with at least 3 outcomes and a rate of success below the threshold',
    params: () => z.object({ threshold: z.number().min(0).max(1).default(0.6), ...tenant() }),
    result: () => z.array(z.string()),
    access: 'session',
    effect: 'read',
    section,
  }),
  'skills.ingest_provisional': method({
    summary: 'Add candidates beside the skills they would replace; one on trial or decided before is left out',
    params: () =>
      z.object({ skills: z.array(distilledSkill()).max(maxAtOnce), tenant: z.string().max(256).optional() }),
    result: () => z.object({ ingested: z.number() }),
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'skills.gate': method({
    summary: 'Decide the candidates with enough outcomes: promoted when surely better, else rejected for good',
    params: () => jsonObject(),
    result: () => z.object({ promoted: z.array(z.string()), rejected: z.array(z.string()) }),
    access: 'session',
    effect: 'write',
    section,
  }),
};
