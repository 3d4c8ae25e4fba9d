export { classifyAction, declaredRollbackContract, isMissingCompensation } from './classify-action.ts';
export type { Classification } from './classify-action.ts';
export type { ProgramUse } from './command-tier.ts';
export { fingerprintOf, sha256 } from './fingerprint.ts';
export { toPlainText } from './plain-text.ts';
export { maxScanned, ScanBudget } from './scan-budget.ts';
export { higherTier, isWithin, lowerTier, worseReversibility } from './tier-order.ts';
export { tiers, type Tier } from './tier-tables.ts';
