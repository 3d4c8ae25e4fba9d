import type { agentPermissions, permission } from '@car-runtime/protocol';
import {
  normalizeProposal,
  type Action,
  type ActionInput,
  type Proposal,
  type ProposalInput,
} from '@car-runtime/engine';
import type { Handlers } from '../../kernel/domain.ts';
import { awaitingEngine, callingEngine } from '../../kernel/engine-errors.ts';
import { presets } from './postures.ts';
import type { PermissionService, Verdict } from './service.ts';

export function permissionMethods(service: PermissionService): Handlers<typeof permission> {
  const decide =
    (isApproved: boolean): Handlers<typeof permission>['permission.approve'] =>
    ({ action, fingerprint = '', required_tier = 'full_access', reason, evidence }, { connection }) => {
      const verdict: Verdict = { isApproved, ...wordsOf(reason, evidence) };
      if (action) return service.decideAction(toAction(action), verdict, connection);
      return service.decideFingerprint(fingerprint, required_tier, verdict, connection);
    };
  return {
    'permission.get_tier': ({ session_id }, { connection }) => ({
      granted_tier: service.grantedTo(service.session(session_id, connection)),
    }),
    'permission.set_tier': ({ tier, session_id }, { connection }) => {
      service.grant(service.session(session_id, connection), tier);
      return { granted_tier: tier };
    },
    'permission.classify': ({ proposal }) => service.classify(toPlan(proposal)),
    'permission.evaluate': async ({ proposal, skill }, { connection }) => {
      const ceiling = await service.ceilingOf(skill, connection);
      const decisions = await service.evaluate(toPlan(proposal), connection, ceiling);
      return { decisions, ...(ceiling !== undefined && { skill_ceiling: ceiling }) };
    },
    'permission.pending': async ({ proposal, skill }, { connection }) => {
      const ceiling = await service.ceilingOf(skill, connection);
      const decisions = await service.evaluate(toPlan(proposal), connection, ceiling);
      return { pending: decisions.filter(({ decision }) => decision === 'needs_approval') };
    },
    'permission.approve': decide(true),
    'permission.reject': decide(false),
    'permission.review': async ({ proposal, skill, initial_state }, { connection, signal }) => {
      const ceiling = await service.ceilingOf(skill, connection);
      const initialState = initial_state ?? undefined;
      return await awaitingEngine(service.review(toPlan(proposal), connection, { ceiling, initialState, signal }));
    },
    'permission.plan': ({ digest }) => service.plan(digest),
    'permission.approve_plan': async ({ digest, proposal, reason, evidence }, { connection }) => {
      const plan = proposal && toPlan(proposal);
      const records = await service.approvePlan(digest, plan, wordsOf(reason, evidence), connection);
      return { digest, approved: records.length, records: records.slice(0, maxRecords) };
    },
  };
}

/** Of one answer. */
const maxRecords = 1_000;

export function agentPermissionMethods({ postures }: PermissionService): Handlers<typeof agentPermissions> {
  return {
    'agent_permissions.get': () => postures.policy,
    'agent_permissions.set': ({ agent_id, mode, tier }) => {
      postures.set(agent_id, mode, tier ?? undefined);
      return postures.policy;
    },
    'agent_permissions.set_default': ({ preset, tier, mode }) => {
      postures.setDefault(preset ? presets[preset] : tier && mode ? { [tier]: mode } : {});
      return postures.policy;
    },
    'agent_permissions.reset': ({ agent_id }) => {
      postures.reset(agent_id);
      return postures.policy;
    },
    'agent_permissions.evaluate': ({ agent_id, tier }) => ({
      agent_id,
      tier,
      mode: postures.modeOf(agent_id, tier),
      has_override: postures.hasOverride(agent_id, tier),
    }),
  };
}

function wordsOf(reason: string | null | undefined, evidence: string | null | undefined): Omit<Verdict, 'isApproved'> {
  return { reason: reason ?? undefined, evidence: evidence ?? undefined };
}

function toPlan(input: ProposalInput): Proposal {
  return callingEngine(() => normalizeProposal(input));
}

function toAction(input: ActionInput): Action {
  return toPlan({ actions: [input] }).actions[0]!;
}
