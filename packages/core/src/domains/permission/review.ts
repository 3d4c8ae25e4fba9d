// A whole plan on one card: what it does, grouped; what is new in it; what a person has to agree to; how far a failure reaches.
import {
  declaredRollbackContract,
  higherTier,
  verifyMonteCarlo,
  worseReversibility,
  type Proposal,
  type Reversibility,
  type Tier,
} from '@car-runtime/engine';
import { quoteText, visibleText, type PermissionDecision } from '@car-runtime/protocol';
import { fingerprintFor, toDecision, type Judgement } from './judge.ts';

export interface PlanGroup {
  tool: string | null;
  type: string;
  required_tier: Tier;
  reversibility: string;
  count: number;
  action_ids: string[];
  signals: string[];
  new: number;
  needs_approval: number;
}

export interface PlanReview {
  digest: string;
  source: string;
  actions: number;
  required_tier: Tier;
  reversibility: string;
  declared_rollback_contract: string;
  groups: PlanGroup[];
  decisions: PermissionDecision[];
  needs_approval: number;
  denied: number;
  since: { digest: string; decided_at: string; new_action_ids: string[]; gone: number } | null;
  blast_radius: {
    trials: number;
    p_all_effects_landed: number;
    worst: { action_id: string; p_failed: number; mean_blast_radius: number }[];
  };
  card: string;
}

export interface ReviewOptions {
  digest: string;
  since: { digest: string; decidedAt: string; fingerprints: ReadonlySet<string> } | undefined;
  initialState: Record<string, unknown>;
  signal: AbortSignal;
}

const maxGroups = 200;
const maxIds = 20;
const maxDecisions = 100;
const maxNewIds = 1_000;
const maxTrials = 200;
/** Trials times actions. */
const maxSteps = 500_000;
const maxWorst = 5;
const maxCardGroups = 30;

export async function review(
  plan: Proposal,
  judgements: readonly Judgement[],
  { digest, since, initialState, signal }: ReviewOptions,
): Promise<PlanReview> {
  const isNew = (judgement: Judgement): boolean => !since?.fingerprints.has(fingerprintFor(judgement.action));
  const groups = groupsOf(judgements, isNew);
  const refused = judgements.filter(({ decision }) => decision !== 'allow');
  const known = new Set(judgements.map(({ action }) => fingerprintFor(action)));
  const reviewed: Omit<PlanReview, 'card'> = {
    digest,
    source: plan.source,
    actions: plan.actions.length,
    required_tier: judgements.map(({ classification }) => classification.tier).reduce<Tier>(higherTier, 'read_only'),
    reversibility: judgements
      .map(({ classification }) => classification.reversibility)
      .reduce<Reversibility>(worseReversibility, 'reversible'),
    declared_rollback_contract: declaredRollbackContract(plan),
    groups,
    decisions: refused.slice(0, maxDecisions).map(toDecision),
    needs_approval: refused.filter(({ decision }) => decision === 'needs_approval').length,
    denied: refused.filter(({ decision }) => decision === 'deny').length,
    since: since
      ? {
          digest: since.digest,
          decided_at: since.decidedAt,
          new_action_ids: judgements
            .filter(isNew)
            .slice(0, maxNewIds)
            .map(({ action }) => action.id),
          gone: [...since.fingerprints].filter((fingerprint) => !known.has(fingerprint)).length,
        }
      : null,
    blast_radius: await blastRadius(plan, initialState, signal),
  };
  return { ...reviewed, card: renderPlanCard(reviewed) };
}

/** Those that a person decides about together: of one tool, one tier and one reversibility. The gravest first. */
function groupsOf(judgements: readonly Judgement[], isNew: (judgement: Judgement) => boolean): PlanGroup[] {
  const groups = new Map<string, PlanGroup>();
  for (const judgement of judgements) {
    const { action, classification, decision } = judgement;
    const { tier, reversibility, signals } = classification;
    const key = JSON.stringify([action.type, action.tool, tier, reversibility]);
    const group = groups.get(key) ?? {
      tool: action.tool ?? null,
      type: action.type,
      required_tier: tier,
      reversibility,
      count: 0,
      action_ids: [],
      signals: [],
      new: 0,
      needs_approval: 0,
    };
    groups.set(key, group);
    group.count++;
    if (group.action_ids.length < maxIds) group.action_ids.push(action.id);
    for (const signal of signals) {
      if (group.signals.length < maxIds && !group.signals.includes(signal)) group.signals.push(signal);
    }
    if (isNew(judgement)) group.new++;
    if (decision === 'needs_approval') group.needs_approval++;
  }
  return [...groups.values()].toSorted((left, right) => gravity(right) - gravity(left)).slice(0, maxGroups);
}

function gravity({ required_tier, reversibility }: PlanGroup): number {
  const tier = { read_only: 0, sandbox_edit: 1, full_access: 2 }[required_tier];
  return 3 * tier + (reversibility === 'irreversible' ? 2 : reversibility === 'compensable' ? 1 : 0);
}

async function blastRadius(
  plan: Proposal,
  initialState: Record<string, unknown>,
  signal: AbortSignal,
): Promise<PlanReview['blast_radius']> {
  const trials = Math.max(1, Math.min(maxTrials, Math.floor(maxSteps / Math.max(1, plan.actions.length))));
  const sampled = await verifyMonteCarlo(plan, { initialState, config: { trials }, signal });
  const worst = sampled.action_outcomes
    .filter(({ mean_blast_radius }) => mean_blast_radius > 0)
    .toSorted((left, right) => right.mean_blast_radius - left.mean_blast_radius)
    .slice(0, maxWorst)
    .map(({ action_id, p_failed, mean_blast_radius }) => ({ action_id, p_failed, mean_blast_radius }));
  return { trials, p_all_effects_landed: sampled.p_all_effects_landed, worst };
}

/** Every word of it is ours, but for what is quoted. */
function renderPlanCard(plan: Omit<PlanReview, 'card'>): string {
  const { groups, since, blast_radius } = plan;
  const lines = [
    `Plan of ${plan.actions} ${plan.actions === 1 ? 'action' : 'actions'} from ${quoteText(plan.source, 80)}: ${plan.required_tier}, ${plan.reversibility} at worst`,
    plan.denied > 0
      ? `${plan.denied} denied: it does not run, whatever is approved`
      : plan.needs_approval > 0
        ? `${plan.needs_approval} need approval`
        : 'Nothing needs approval',
    ...groups.slice(0, maxCardGroups).map(groupLine),
  ];
  if (groups.length > maxCardGroups) lines.push(`  and ${groups.length - maxCardGroups} more kinds of action`);
  lines.push(
    since === null
      ? 'No plan of this source was approved before: all of it is new'
      : `Since the plan approved at ${since.decided_at}: ${since.new_action_ids.length} new, ${since.gone} gone`,
  );
  for (const { action_id, mean_blast_radius } of blast_radius.worst) {
    lines.push(`If ${quoteText(action_id, 60)} fails, ${mean_blast_radius.toFixed(1)} others are lost on average`);
  }
  lines.push(`Digest ${plan.digest}`);
  return lines.join('\n');
}

function groupLine(group: PlanGroup): string {
  const what = group.tool === null ? group.type : quoteText(group.tool, 80);
  const marks = [
    ...(group.needs_approval > 0 ? [`${group.needs_approval} to approve`] : []),
    ...(group.new > 0 && group.new < group.count ? [`${group.new} new`] : []),
    ...group.signals.slice(0, 4).map((signal) => visibleText(signal, 80)),
  ];
  const more = marks.length === 0 ? '' : ` (${marks.join('; ')})`;
  return `  ${group.count} x ${what}: ${group.required_tier}, ${group.reversibility}${more}`;
}
