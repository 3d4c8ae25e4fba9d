import { z } from 'zod';
import { method } from './declare.ts';
import { once } from './once.ts';
import { admissionRefusal, maxApprovalWaitMs } from './permission.ts';
import { isPlainSubmission } from './plain-proposal.ts';
import { actionProposal, actionResult, costSummary, runtimeScope } from './records.ts';

const proposalResult = once(() =>
  z
    .object({
      proposal_id: z.string(),
      results: z.array(actionResult()),
      cost: costSummary(),
      /** Ours: why nothing of it ran, where people have a say. */
      admission: admissionRefusal().optional(),
    })
    .meta({ id: 'ProposalResult' }),
);

export const proposal = {
  'proposal.submit': method({
    summary: 'Check a plan and run it; actions that fail are results, not errors',
    params: () =>
      z.object({
        proposal: actionProposal(),
        session_id: z.string().nullish(),
        scope: runtimeScope().nullish(),
        /** Ours: how long it waits for people where it needs their approval; without it, it is refused at once. */
        approval_wait_ms: z.int().min(0).max(maxApprovalWaitMs).nullish(),
      }),
    isPlain: isPlainSubmission,
    result: proposalResult,
    access: 'session',
    effect: 'write',
    errors: ['failed', 'deadline_exceeded'],
    section: 'Proposal lifecycle',
  }),
  'replan.set_config': method({
    summary: 'When an aborted plan is replaced by another; acts only where the program embedding the core makes plans',
    params: () =>
      z.object({
        max_replans: z.int().min(0).max(100).default(0),
        delay_ms: z.number().min(0).max(3_600_000).default(0),
        verify_before_execute: z.boolean().default(true),
        replan_on_rejected: z.boolean().default(false),
      }),
    result: () => z.null(),
    access: 'session',
    effect: 'write',
    section: 'Proposal lifecycle',
  }),
};

export type ProposalResult = z.output<ReturnType<typeof proposalResult>>;
