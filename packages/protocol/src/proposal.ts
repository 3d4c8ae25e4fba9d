import { z } from 'zod';
import { method } from './declare.ts';
import { actionProposal, proposalResult, runtimeScope } from './records.ts';

export const proposal = {
  'proposal.submit': method({
    summary: 'Check a plan and run it; actions that fail are results, not errors',
    params: z.object({ proposal: actionProposal, session_id: z.string().optional(), scope: runtimeScope.optional() }),
    result: proposalResult,
    access: 'session',
    effect: 'write',
    errors: ['failed', 'deadline_exceeded'],
    section: 'Proposal lifecycle',
  }),
};
