// How far a skill may be deployed (Memory, Deployment governance): trust from where it comes from and how it has done, a
// ceiling from trust, a grant from the ceiling.
import { tiers, type Tier } from './model.ts';

export interface SkillProvenance {
  readonly signed: boolean;
  readonly signerTrusted: boolean;
  readonly scanned: boolean;
  readonly vulnerabilities: number;
  readonly successCount: number;
  readonly failCount: number;
}

export type SkillTrust = 'official' | 'verified' | 'community' | 'untrusted';

export interface DeploymentDecision {
  readonly trust: SkillTrust;
  readonly ceiling: Tier | null;
  readonly granted: Tier | null;
  readonly outcome: 'allow' | 'downgrade' | 'deny';
  readonly reason: string;
}

const ceilings: Readonly<Record<Exclude<SkillTrust, 'community'>, Tier | null>> = {
  official: 'full_access',
  verified: 'sandbox_edit',
  untrusted: null,
};

/** The operator says what the community's skills may do at most; the other ceilings are fixed. */
export function decideDeployment(
  provenance: SkillProvenance,
  requested: Tier,
  communityCeiling: Tier | null = 'read_only',
): DeploymentDecision {
  const [trust, why] = trustOf(provenance);
  const ceiling = trust === 'community' ? communityCeiling : ceilings[trust];
  if (ceiling === null) return { trust, ceiling, granted: null, outcome: 'deny', reason: `${trust}: ${why}` };
  if (tiers.indexOf(requested) <= tiers.indexOf(ceiling)) {
    return { trust, ceiling, granted: requested, outcome: 'allow', reason: `${trust}: ${why}` };
  }
  const reason = `${trust}: ${why}, so ${requested} is lowered to ${ceiling}`;
  return { trust, ceiling, granted: ceiling, outcome: 'downgrade', reason };
}

function trustOf(provenance: SkillProvenance): [SkillTrust, string] {
  const { signed, signerTrusted, scanned, vulnerabilities, successCount, failCount } = provenance;
  if (failCount > successCount + 2) return ['untrusted', `it failed ${failCount} times and succeeded ${successCount}`];
  if (vulnerabilities > 0) return ['untrusted', `a scan found vulnerabilities: ${vulnerabilities}`];
  if (!scanned) return ['untrusted', 'it was not scanned'];
  if (!signed) return ['community', 'it is scanned and not signed'];
  return signerTrusted
    ? ['official', 'it is scanned and signed by a trusted signer']
    : ['verified', 'it is scanned and signed'];
}

/** What people decided about a deployment that was denied. */
export type Verdict = 'approved' | 'rejected' | undefined;

export interface Enforcement {
  readonly deploy: boolean;
  readonly effectiveTier: Tier | null;
  readonly overridden: boolean;
  readonly blocked: boolean;
  readonly pending: boolean;
  readonly reason: string;
}

export function enforceDeployment(decision: DeploymentDecision, requested: Tier, verdict: Verdict): Enforcement {
  const nothing = { deploy: false, effectiveTier: null, overridden: false, blocked: false, pending: false };
  if (decision.outcome !== 'deny') {
    return { ...nothing, deploy: true, effectiveTier: decision.granted, reason: decision.reason };
  }
  if (verdict === 'approved') {
    const reason = `a person approved it although ${decision.reason}`;
    return { ...nothing, deploy: true, effectiveTier: requested, overridden: true, reason };
  }
  if (verdict === 'rejected') return { ...nothing, blocked: true, reason: `a person rejected it: ${decision.reason}` };
  return { ...nothing, pending: true, reason: `a person has to decide: ${decision.reason}` };
}
