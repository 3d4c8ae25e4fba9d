// Permission tiers: what an action needs, what was granted, and what a person said about it; and what each agent may.
import { z } from 'zod';
import { approvalOutcome } from './approvals.ts';
import { method } from './declare.ts';
import { once } from './once.ts';
import { action, actionProposal, jsonObject } from './records.ts';

const section = 'Permission tiers';

const maxReasonChars = 4_096;
const maxEvidenceChars = 16_384;
const maxIdChars = 200;
/** Longest time a submit waits for people, in ms. */
export const maxApprovalWaitMs = 3_600_000;

export const tier = once(() => z.enum(['read_only', 'sandbox_edit', 'full_access']).meta({ id: 'Tier' }));

const fingerprint = once(() => z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'));

/** The programs a command line starts, as this machine has them, and the folder it starts in. */
const content = once(() =>
  z.object({
    programs: z.array(z.object({ name: z.string(), path: z.string().nullable(), digest: z.string().nullable() })),
    folder: z.string().nullable(),
  }),
);

const permissionDecision = once(() =>
  z
    .object({
      action_id: z.string(),
      fingerprint: z.string(),
      decision: z.enum(['allow', 'needs_approval', 'deny']),
      required: tier(),
      reversibility: z.string(),
      granted: tier().optional(),
      reason: z.string().optional(),
      /** Ours: what was found, never a value of the action. */
      signals: z.array(z.string()).optional(),
      /** Ours: what is not as it was when somebody approved it. */
      changed: jsonObject().optional(),
    })
    .meta({ id: 'PermissionDecision' }),
);

const approvalRecord = once(() =>
  z
    .object({
      fingerprint: z.string(),
      required_tier: tier(),
      decision: z.enum(['approved', 'rejected']),
      reviewer: z.string(),
      reason: z.string(),
      evidence: z.string().optional(),
      decided_at: z.string(),
      /** Ours: what it covers besides the fingerprint. */
      content: content().optional(),
      /** Ours: tool of the operation, null for one that is no tool call; absent where only the fingerprint was known. */
      tool: z.string().nullish(),
      /** Ours: the plan it was approved with. */
      plan: z.object({ digest: z.string(), source: z.string() }).optional(),
    })
    .meta({ id: 'ApprovalRecord' }),
);

/** Why a plan was not admitted, for programs. */
export const admissionRefusal = once(() =>
  z
    .object({
      /** `needs_approval`, `permission_denied`, `supervision_denied`, `supervision_timeout`, `supervision_withdrawn` or
       *  `supervision_overloaded`. */
      reason: z.string(),
      /** The gate that refused: `permission_tier` where it is not said, or `supervision`. */
      gate: z.string().optional(),
      /** Of supervision: what supervisors were asked as. */
      intent_id: z.string().optional(),
      /** How waiting for people ended, where the submit waited. */
      outcome: approvalOutcome().optional(),
      /** Of the actions that may not run; the first of very many. */
      decisions: z.array(permissionDecision()),
      /** Approvals that wait for somebody, as `host.approvals` lists them. */
      approval_ids: z.array(z.string()),
      /** Decisions and approvals left out. */
      left_out: z.number().optional(),
      /** For `permission.approve_plan`. */
      plan_digest: z.string().optional(),
    })
    .meta({ id: 'AdmissionRefusal' }),
);

/** An action that is decided about need not say more than what it would do. */
const decided = once(() => ({
  fingerprint: fingerprint().optional(),
  required_tier: tier().optional(),
  action: action().optional(),
  reason: z.string().max(maxReasonChars).nullish(),
  evidence: z.string().max(maxEvidenceChars).nullish(),
}));

const decision = once(() =>
  z
    .object(decided())
    .refine(({ fingerprint: print, required_tier, action: given }) => given || (print && required_tier), {
      path: ['fingerprint'],
      error: 'expected fingerprint and required_tier, or action',
    }),
);

const evaluated = once(() => ({ proposal: actionProposal(), skill: z.string().max(maxIdChars).nullish() }));

const group = once(() =>
  z.object({
    tool: z.string().nullable(),
    type: z.string(),
    required_tier: tier(),
    reversibility: z.string(),
    count: z.number(),
    /** The first of them. */
    action_ids: z.array(z.string()),
    signals: z.array(z.string()),
    /** How many are in no earlier approved plan of the same source. */
    new: z.number(),
    needs_approval: z.number(),
  }),
);

export const permission = {
  'permission.get_tier': method({
    summary: 'The tier granted to a session: this one, unless `session_id` (ours) names another',
    params: () => z.object({ session_id: z.string().nullish() }),
    result: () => z.object({ granted_tier: tier() }),
    access: 'session',
    effect: 'read',
    errors: ['failed'],
    section,
  }),
  'permission.set_tier': method({
    summary: 'Grant a tier to a session: this one, unless `session_id` (ours) names another',
    params: () => z.object({ tier: tier(), session_id: z.string().nullish() }),
    result: () => z.object({ granted_tier: tier() }),
    access: 'host',
    effect: 'write',
    errors: ['failed', 'forbidden'],
    section,
  }),
  'permission.classify': method({
    summary: 'The tier each action of a plan needs, and whether it can be undone',
    params: () => z.object({ proposal: actionProposal() }),
    result: () =>
      z.object({
        classifications: z.array(
          z.object({
            action_id: z.string(),
            tool: z.string().nullable(),
            required_tier: tier(),
            reversibility: z.string(),
            missing_compensation: z.boolean(),
            /** Ours: what was found, never a value of the action. */
            signals: z.array(z.string()).optional(),
          }),
        ),
        declared_rollback_contract: z.string(),
      }),
    access: 'session',
    effect: 'read',
    section,
  }),
  'permission.evaluate': method({
    summary: 'What `proposal.submit` would say of each action now. An unknown `skill` has the ceiling read_only',
    params: () => z.object(evaluated()),
    result: () => z.object({ decisions: z.array(permissionDecision()), skill_ceiling: tier().optional() }),
    access: 'session',
    effect: 'read',
    section,
  }),
  'permission.pending': method({
    summary: 'The actions of a plan that need an approval they do not have',
    params: () => z.object(evaluated()),
    result: () => z.object({ pending: z.array(permissionDecision()) }),
    access: 'session',
    effect: 'read',
    section,
  }),
  'permission.approve': method({
    summary: 'Approve an operation, by fingerprint and tier or as an action, for every session from now on',
    params: decision,
    result: approvalRecord,
    access: 'host',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
  'permission.reject': method({
    summary: 'Reject an operation, by fingerprint and tier or as an action, for every session from now on',
    params: decision,
    result: approvalRecord,
    access: 'host',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
  }),
  'permission.review': method({
    summary: 'A whole plan on one card: grouped, what is new in it, what needs approval, and how far a failure reaches',
    params: () => z.object({ ...evaluated(), initial_state: jsonObject().nullish() }),
    result: () =>
      z.object({
        /** For `permission.approve_plan`. */
        digest: z.string(),
        source: z.string(),
        actions: z.number(),
        required_tier: tier(),
        reversibility: z.string(),
        declared_rollback_contract: z.string(),
        groups: z.array(group()),
        /** Decisions that are no `allow`; the first of very many. */
        decisions: z.array(permissionDecision()),
        needs_approval: z.number(),
        denied: z.number(),
        /** Since the last approved plan of the same source; null when there was none. */
        since: z
          .object({ digest: z.string(), decided_at: z.string(), new_action_ids: z.array(z.string()), gone: z.number() })
          .nullable(),
        blast_radius: z.object({
          trials: z.number(),
          p_all_effects_landed: z.number(),
          /** Actions whose failure takes most others with it. */
          worst: z.array(z.object({ action_id: z.string(), p_failed: z.number(), mean_blast_radius: z.number() })),
        }),
        /** The same in words, written by the daemon. */
        card: z.string(),
      }),
    access: 'session',
    effect: 'read',
    deadlineMs: 30_000,
    section,
    isExtension: true,
  }),
  'permission.plan': method({
    summary: 'A plan that was reviewed or refused: every operation of it, the gravest first, and how each stands now',
    params: () => z.object({ digest: z.string().max(maxIdChars) }),
    result: () =>
      z.object({
        digest: z.string(),
        source: z.string(),
        agent_id: z.string().optional(),
        actions: z.number(),
        required_tier: tier(),
        reversibility: z.string(),
        needs_approval: z.number(),
        denied: z.number(),
        operations: z.array(
          z.object({
            fingerprint: z.string(),
            type: z.string(),
            tool: z.string().nullable(),
            /** The first of the actions that do this. */
            action_ids: z.array(z.string()),
            count: z.number(),
            required_tier: tier(),
            reversibility: z.string(),
            signals: z.array(z.string()),
            /** In words, as on a card. */
            parameters: z.string(),
            decision: z.enum(['allow', 'needs_approval', 'deny']),
            /** In no earlier approved plan of the same source. */
            is_new: z.boolean(),
            /** What waits for it. */
            approval_id: z.string().optional(),
          }),
        ),
        left_out: z.number().optional(),
        since: z.object({ digest: z.string(), decided_at: z.string(), gone: z.number() }).nullable(),
      }),
    access: 'client',
    effect: 'read',
    errors: ['failed'],
    section,
    isExtension: true,
  }),
  'permission.approve_plan': method({
    summary:
      'Approve every action of a plan that was reviewed or refused before, or of `proposal` if its digest is this one',
    params: () =>
      z.object({
        digest: z.string().max(maxIdChars),
        proposal: actionProposal().optional(),
        reason: z.string().max(maxReasonChars).nullish(),
        evidence: z.string().max(maxEvidenceChars).nullish(),
      }),
    result: () => z.object({ digest: z.string(), approved: z.number(), records: z.array(approvalRecord()) }),
    access: 'host',
    effect: 'write',
    errors: ['failed', 'forbidden', 'overloaded'],
    section,
    isExtension: true,
  }),
};

const mode = once(() => z.enum(['always_allow', 'require_approval', 'deny']));
const posture = once(() =>
  z.object({ read_only: mode().optional(), sandbox_edit: mode().optional(), full_access: mode().optional() }),
);
const policy = once(() =>
  z.object({ default: posture(), agents: z.record(z.string(), posture()) }).meta({ id: 'AgentPermissionPolicy' }),
);
const agentId = once(() => z.string().min(1).max(maxIdChars));

export const agentPermissions = {
  'agent_permissions.get': method({
    summary: 'What each agent may do without asking, by tier',
    params: () => z.object({}),
    result: policy,
    access: 'session',
    effect: 'read',
    section,
  }),
  'agent_permissions.set': method({
    summary: 'Set the mode of an agent, for one tier or for all three',
    params: () => z.object({ agent_id: agentId(), mode: mode(), tier: tier().nullish() }),
    result: policy,
    access: 'client',
    effect: 'write',
    errors: ['failed', 'overloaded'],
    section,
  }),
  'agent_permissions.set_default': method({
    summary: 'Set the mode of agents that have none of their own: a preset, or a tier and its mode',
    params: () =>
      z
        .object({
          preset: z.enum(['cautious', 'balanced', 'trusting']).nullish(),
          tier: tier().nullish(),
          mode: mode().nullish(),
        })
        .refine(({ preset, tier: given, mode: how }) => preset || (given && how), {
          path: ['preset'],
          error: 'expected preset, or tier and mode',
        }),
    result: policy,
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'agent_permissions.reset': method({
    summary: 'Take the modes of an agent back: the default counts for it again',
    params: () => z.object({ agent_id: agentId() }),
    result: policy,
    access: 'client',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'agent_permissions.evaluate': method({
    summary: 'The mode that counts for an agent at a tier',
    params: () => z.object({ agent_id: agentId(), tier: tier() }),
    result: () => z.object({ agent_id: z.string(), tier: tier(), mode: mode(), has_override: z.boolean() }),
    access: 'session',
    effect: 'read',
    section,
  }),
};

export type PermissionDecision = z.output<ReturnType<typeof permissionDecision>>;
export type ApprovalRecord = z.output<ReturnType<typeof approvalRecord>>;
export type AdmissionRefusal = z.output<ReturnType<typeof admissionRefusal>>;
export type AgentPermissionPolicy = z.output<ReturnType<typeof policy>>;
export type AgentPermissionMode = z.output<ReturnType<typeof mode>>;
