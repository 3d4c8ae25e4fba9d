import type { CheckedParamsOf, proposal } from '@car-runtime/protocol';
import { normalizeProposal } from '@car-runtime/engine';
import type { Handlers } from '../../kernel/domain.ts';
import { callingEngine } from '../../kernel/engine-errors.ts';
import type { ProposalService } from './service.ts';

type Params = CheckedParamsOf<(typeof proposal)['proposal.submit']>;

/** Budget of an action that names none, for the deadline only. */
const assumedActionMs = 300_000;
const deadlineMarginMs = 15_000;

export function proposalMethods(service: ProposalService): Handlers<typeof proposal> {
  return {
    'proposal.submit': ({ proposal: input, session_id, scope, approval_wait_ms }, { connection, cancel }) => {
      const plan = callingEngine(() => normalizeProposal(input));
      // A scope takes the place of the policy session (Proposal lifecycle, proposal.submit).
      return service.submit(connection, plan, {
        signal: cancel,
        tenantId: scope?.tenantId ?? undefined,
        sessionId: scope ? undefined : (session_id ?? undefined),
        scope: scope ?? undefined,
        approvalWaitMs: approval_wait_ms ?? undefined,
      });
    },
    'replan.set_config': (config, { connection }) => {
      service.setReplanConfig(connection, config);
      return null;
    },
  };
}

/** Room for every attempt of every action, one after another, and for people to decide; it can only raise the default (Handler deadlines). */
export function deadlineOf({ proposal: { actions }, approval_wait_ms }: Params, defaultMs: number): number {
  const budget = actions.reduce((sum, { timeout_ms, failure_behavior, max_retries = 3 }) => {
    const attempts = failure_behavior === 'retry' ? max_retries + 1 : 1;
    return sum + (timeout_ms ?? assumedActionMs) * attempts;
  }, 0);
  return Math.max(defaultMs, budget + deadlineMarginMs) + (approval_wait_ms ?? 0);
}
