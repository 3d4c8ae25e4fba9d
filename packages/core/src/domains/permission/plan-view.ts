// A known plan as people look at it before they approve all of it: every operation, the gravest first, and how each stands now.
import { higherTier, worseReversibility, type Reversibility, type Tier } from '@car-runtime/engine';
import { covers, type Entry } from './ledger.ts';
import type { KnownPlan, PlanEntry } from './plans.ts';

export interface PlanOperation {
  fingerprint: string;
  type: string;
  tool: string | null;
  action_ids: string[];
  count: number;
  required_tier: Tier;
  reversibility: Reversibility;
  signals: string[];
  parameters: string;
  decision: 'allow' | 'needs_approval' | 'deny';
  is_new: boolean;
  approval_id?: string;
}

export interface PlanDescription {
  digest: string;
  source: string;
  agent_id?: string;
  actions: number;
  required_tier: Tier;
  reversibility: Reversibility;
  needs_approval: number;
  denied: number;
  operations: PlanOperation[];
  left_out?: number;
  since: { digest: string; decided_at: string; gone: number } | null;
}

export interface PlanStanding {
  since: { digest: string; decidedAt: string; fingerprints: ReadonlySet<string> } | undefined;
  standingOf(fingerprint: string): Entry | undefined;
  approvalOf(fingerprint: string): string | undefined;
}

/** Of one answer. */
const maxOperations = 1_000;

export function describePlan(plan: KnownPlan, { since, standingOf, approvalOf }: PlanStanding): PlanDescription {
  const entries = [...plan.entries.values()].toSorted((left, right) => gravity(right) - gravity(left));
  const decisions = new Map(entries.map((entry) => [entry, decisionOn(entry, standingOf(entry.fingerprint))]));
  const operations = entries.slice(0, maxOperations).map((entry): PlanOperation => {
    const { fingerprint, type, tool, actionIds, count, tier, reversibility, signals, parameters } = entry;
    const decision = decisions.get(entry) ?? entry.decision;
    const approvalId = decision === 'needs_approval' ? approvalOf(fingerprint) : undefined;
    return {
      fingerprint,
      type,
      tool,
      action_ids: actionIds,
      count,
      required_tier: tier,
      reversibility,
      signals: [...signals],
      parameters,
      decision,
      is_new: !since?.fingerprints.has(fingerprint),
      ...(approvalId !== undefined && { approval_id: approvalId }),
    };
  });
  const all = [...decisions.values()];
  return {
    digest: plan.digest,
    source: plan.source,
    ...(plan.agentId !== undefined && { agent_id: plan.agentId }),
    actions: plan.actions,
    required_tier: entries.map(({ tier }) => tier).reduce<Tier>(higherTier, 'read_only'),
    reversibility: entries
      .map(({ reversibility }) => reversibility)
      .reduce<Reversibility>(worseReversibility, 'reversible'),
    needs_approval: all.filter((decision) => decision === 'needs_approval').length,
    denied: all.filter((decision) => decision === 'deny').length,
    operations,
    ...(entries.length > operations.length && { left_out: entries.length - operations.length }),
    since: since
      ? {
          digest: since.digest,
          decided_at: since.decidedAt,
          gone: [...since.fingerprints].filter((fingerprint) => !plan.entries.has(fingerprint)).length,
        }
      : null,
  };
}

/** What people decided since counts. */
function decisionOn({ decision, tier }: PlanEntry, entry: Entry | undefined): PlanOperation['decision'] {
  if (entry && !entry.isApproved) return 'deny';
  return decision === 'needs_approval' && entry && covers(entry, tier) ? 'allow' : decision;
}

const tierRanks: Readonly<Record<Tier, number>> = { read_only: 0, sandbox_edit: 1, full_access: 2 };
const reversibilityRanks: Readonly<Record<Reversibility, number>> = { reversible: 0, compensable: 1, irreversible: 2 };

function gravity({ tier, reversibility }: PlanEntry): number {
  return 3 * tierRanks[tier] + reversibilityRanks[reversibility];
}
