import { z } from 'zod';
import { once } from './once.ts';
import { method } from './declare.ts';
import { actionProposal, jsonObject } from './records.ts';

const section = 'Verification';
const verifyDeadlineMs = 30_000;

const issue = once(() =>
  z.object({
    action_id: z.string(),
    severity: z.enum(['error', 'warning', 'info']),
    message: z.string(),
    tier: z.enum(['decision_procedure', 'heuristic', 'sampled']),
  }),
);

const check = once(() =>
  z.object({
    name: z.string(),
    ran: z.boolean(),
    verifies: z.string(),
    cannot_verify: z.string(),
    findings: z.number(),
    tier: z.enum(['decision_procedure', 'heuristic', 'sampled']),
  }),
);

const spread = once(() =>
  z.object({ mean: z.number(), min: z.number(), p50: z.number(), p95: z.number(), max: z.number() }),
);

const goal = once(() => z.looseObject({ type: z.string() }));

const toolRate = once(() =>
  z.object({
    tool: z.string(),
    rate: z.number(),
    source: z.enum(['caller', 'trajectories', 'default']),
    succeeded: z.number(),
    dispatched: z.number(),
  }),
);

/** Where analysis starts. Left out, it is the session's own state of now. */
const initial = once(() => ({ initial_state: jsonObject().nullish() }));

export const verification = {
  verify: method({
    summary: 'Check a plan without running anything: issues, order, conflicts, and the state it would lead to',
    params: () => z.object({ proposal: actionProposal(), ...initial() }),
    result: () =>
      z.object({
        valid: z.boolean(),
        issues: z.array(issue()),
        simulated_state: jsonObject(),
        execution_levels: z.array(z.array(z.string())),
        conflicts: z.array(z.tuple([z.string(), z.string(), z.string()])),
        evidence: z.object({
          checks: z.array(check()),
          assumptions: z.array(z.string()),
          untested_regions: z.array(z.string()),
          residual_risks: z.array(z.string()),
          confidence: z.number(),
        }),
      }),
    access: 'session',
    effect: 'read',
    deadlineMs: verifyDeadlineMs,
    section,
  }),
  'verify.monte_carlo': method({
    summary: 'How a plan is likely to end when tools sometimes fail; the same call gives the same answer',
    params: () =>
      z.object({
        proposal: actionProposal(),
        ...initial(),
        tool_success_rates: z.record(z.string(), z.number()).nullish(),
        goal: goal().nullish(),
        rate_window_days: z.number().min(0).optional(),
        config: z
          .object({
            trials: z.int().min(1).optional(),
            seed: z.int().min(0).optional(),
            default_success_rate: z.number().optional(),
            retry_attempts: z.int().min(0).optional(),
          })
          .optional(),
      }),
    result: () =>
      z.object({
        trials: z.number(),
        seed: z.number(),
        p_goal_reached: z.number().nullable(),
        goal_underivable_conditions: z.array(z.string()),
        p_all_effects_landed: z.number(),
        tool_calls: spread(),
        actions_executed: spread(),
        state_distribution: z.array(
          z.object({
            key: z.string(),
            p_present: z.number(),
            values: z.array(z.object({ value: z.unknown(), probability: z.number() })),
          }),
        ),
        action_outcomes: z.array(
          z.object({
            action_id: z.string(),
            p_rejected: z.number(),
            p_failed: z.number(),
            p_effects_landed: z.number(),
            mean_blast_radius: z.number(),
          }),
        ),
        rate_provenance: z.object({
          window_days: z.number(),
          trajectories_available: z.number(),
          overridden_by_caller: z.array(z.string()),
          tools: z.array(toolRate()),
        }),
      }),
    access: 'session',
    effect: 'read',
    deadlineMs: verifyDeadlineMs,
    section,
  }),
  simulate: method({
    summary: 'What running a plan would come to if every tool did what its action declares',
    params: () => z.object({ proposal: actionProposal(), ...initial() }),
    result: () =>
      z.object({
        state: jsonObject(),
        actions: z.array(
          z.object({
            action_id: z.string(),
            status: z.string(),
            error: z.string().nullable(),
            state_changes: jsonObject(),
            rolled_back: z.literal(true).optional(),
          }),
        ),
        execution_levels: z.array(z.array(z.string())),
        tool_calls: z.number(),
      }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  equivalent: method({
    summary: 'Whether two plans leave the same state behind, from each probed state',
    params: () =>
      z.object({
        left: actionProposal(),
        right: actionProposal(),
        probes: z.array(jsonObject()).min(1).max(100).optional(),
      }),
    result: () =>
      z.object({
        equivalent: z.boolean(),
        probes: z.number(),
        differences: z.array(
          z.object({ probe: z.number(), key: z.string(), left: z.unknown().optional(), right: z.unknown().optional() }),
        ),
      }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  optimize: method({
    summary: 'The plan without state dependencies that order nothing; never reordered',
    params: () => z.object({ proposal: actionProposal(), ...initial() }),
    result: () =>
      z.object({
        proposal: actionProposal(),
        removed: z.array(z.object({ action_id: z.string(), key: z.string() })),
      }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  transaction_check: method({
    summary: 'Whether a plan still fits the state it was made for, and its actions keep out of each other’s way',
    params: () => z.object({ proposal: actionProposal(), tenant_id: z.string().nullish() }),
    result: () =>
      z.object({
        ok: z.boolean(),
        conflicts: z.array(z.object({ action_id: z.string(), key: z.string(), kind: z.string(), message: z.string() })),
      }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
  evaluate_goal: method({
    summary: 'Whether state meets a goal; what state cannot decide counts as not met and is listed',
    params: () => z.object({ goal: goal(), state: jsonObject().optional(), tenant_id: z.string().nullish() }),
    result: () => z.object({ met: z.boolean(), underivable: z.array(z.string()) }),
    access: 'session',
    effect: 'read',
    section,
    isExtension: true,
  }),
};
