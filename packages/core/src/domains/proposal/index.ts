import { proposal } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { deadlineOf, proposalMethods } from './methods.ts';
import type { ProposalService } from './service.ts';

export { staticCheck, type AdmissionGate, type AdmissionVerdict, type Submission } from './admission.ts';
export { ProposalService, type PlanRecord, type PlanRecorder, type ProposalDependencies } from './service.ts';

/** `proposal.submit`: plans, checked and run. */
export function proposalDomain(service: ProposalService): Domain<typeof proposal> {
  return {
    name: 'proposal',
    contract: proposal,
    methods: proposalMethods(service),
    deadlines: { 'proposal.submit': deadlineOf },
  };
}
