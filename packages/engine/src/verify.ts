/** Checking a proposal without running anything (Verification). */
import { prepareTools } from './action-checks.ts';
import type { ToolChecker } from './execution.ts';
import type { JsonObject } from './json-value.ts';
import { ProposalModel } from './proposal-model.ts';
import type { Proposal } from './proposal.ts';
import { toIdLevels } from './simulate.ts';
import { VerifyFindings } from './verify-findings.ts';
import type { CheckName, VerifyEvidence, VerifyIssue } from './verify-findings.ts';
import { checkActionCount, checkOrdering, findConflicts, findRepeatedCalls, noteRisks } from './verify-structure.ts';
import type { WriteConflict } from './verify-structure.ts';
import { VerifyWalk } from './verify-walk.ts';

export interface VerifyOptions {
  /** Without it, whether tools exist and accept their parameters is not checked. */
  readonly tools?: ToolChecker | undefined;
  readonly initialState?: JsonObject | undefined;
  /** A proposal with more actions gets a warning. */
  readonly maxActions?: number | undefined;
}

export interface VerifyReport {
  /** Whether no issue is an error: then tools that do what their actions declare meet no rejection. */
  valid: boolean;
  issues: VerifyIssue[];
  /** State afterwards, with the effects of every action applied, also of those that would be rejected. */
  simulated_state: JsonObject;
  execution_levels: string[][];
  conflicts: WriteConflict[];
  evidence: VerifyEvidence;
}

const DEFAULT_MAX_ACTIONS = 30;
const NEEDS_TOOLS: ReadonlySet<CheckName> = new Set(['tools', 'parameters']);

export async function verify(proposal: Proposal, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { tools, initialState = {}, maxActions = DEFAULT_MAX_ACTIONS } = options;
  if (tools !== undefined) await prepareTools(proposal.actions, tools);
  const model = new ProposalModel(proposal, tools);
  const findings = new VerifyFindings();
  const simulated = new VerifyWalk(model, initialState, findings).run();
  checkActionCount(proposal.actions.length, maxActions, findings);
  checkOrdering(model, findings);
  const conflicts = findConflicts(model, findings);
  findRepeatedCalls(proposal.actions, findings);
  noteRisks(proposal.actions, findings);
  return {
    valid: findings.isValid,
    issues: findings.issues,
    simulated_state: simulated,
    execution_levels: toIdLevels(model),
    conflicts,
    evidence: findings.toEvidence(proposal.actions.length, tools === undefined ? NEEDS_TOOLS : new Set()),
  };
}
