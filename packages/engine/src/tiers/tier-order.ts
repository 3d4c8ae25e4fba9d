import type { Reversibility } from '../proposal.ts';
import type { Tier } from './tier-tables.ts';

const tierRank: Readonly<Record<Tier, number>> = { read_only: 0, sandbox_edit: 1, full_access: 2 };
const reversibilityRank: Readonly<Record<Reversibility, number>> = { reversible: 0, compensable: 1, irreversible: 2 };

/** Whether `tier` is within what `ceiling` allows. */
export function isWithin(tier: Tier, ceiling: Tier): boolean {
  return tierRank[tier] <= tierRank[ceiling];
}

export function higherTier(left: Tier, right: Tier): Tier {
  return tierRank[left] >= tierRank[right] ? left : right;
}

export function lowerTier(left: Tier, right: Tier): Tier {
  return tierRank[left] <= tierRank[right] ? left : right;
}

/** The worse of the two; one that is unknown says nothing. */
export function worseReversibility<T extends Reversibility | undefined>(left: T, right: T): T {
  if (left === undefined) return right;
  if (right === undefined) return left;
  return reversibilityRank[left] >= reversibilityRank[right] ? left : right;
}
