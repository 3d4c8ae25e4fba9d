/** Checking a proposal without running anything (Verification). */
import { intrinsicFailure, prepareTools } from './action-checks.ts';
import type { ToolChecker } from './execution.ts';
import { hasMembers, ownValue, setOwn } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { isIndependent } from './order.ts';
import { paced } from './paced.ts';
import { ANY_TOOL, ProposalModel } from './proposal-model.ts';
import type { Action, Proposal } from './proposal.ts';
import { toIdLevels } from './simulate.ts';
import type { StateReader } from './state-store.ts';
import { VerifyFindings } from './verify-findings.ts';
import type { CheckName, VerifyEvidence, VerifyIssue } from './verify-findings.ts';
import {
  areAllDifferent,
  checkActionCount,
  checkOrdering,
  findConflicts,
  findRepeatedCalls,
  noteRisks,
} from './verify-structure.ts';
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

/** What `findIssues` is told; state is looked up key by key. */
export interface FindIssuesOptions extends Omit<VerifyOptions, 'initialState'> {
  readonly state?: StateReader | undefined;
}

const DEFAULT_MAX_ACTIONS = 30;
const NEEDS_TOOLS: ReadonlySet<CheckName> = new Set(['tools', 'parameters']);
const NO_STATE: StateReader = { get: () => null, has: () => false };

export async function verify(proposal: Proposal, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { tools, initialState = {} } = options;
  if (tools !== undefined) await prepareTools(proposal.actions, tools);
  const model = new ProposalModel(proposal, tools);
  const findings = new VerifyFindings();
  const simulated: JsonObject = {};
  for (const key of Object.keys(initialState)) setOwn(simulated, key, initialState[key]);
  const walk = new VerifyWalk(model, readerOf(initialState), findings, simulated);
  await paced(walk.steps());
  const conflicts = inspect(model, options, findings);
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

/**
 * The issues that `verify` would report, for those who want nothing else of it: costs no more for having much state. A
 * promise only when the schema of a tool has to be compiled first, or it takes long.
 */
export function findIssues(
  proposal: Proposal,
  options: FindIssuesOptions = {},
): VerifyIssue[] | Promise<VerifyIssue[]> {
  const { tools, state = NO_STATE } = options;
  const find = (): VerifyIssue[] | Promise<VerifyIssue[]> => {
    if (hasNothingToFind(proposal, options)) return [];
    const findings = new VerifyFindings();
    const model = new ProposalModel(proposal, tools);
    const conclude = (): VerifyIssue[] => {
      inspect(model, options, findings);
      return findings.issues;
    };
    const walking = paced(new VerifyWalk(model, state, findings, {}).steps());
    return walking === undefined ? conclude() : walking.then(conclude);
  };
  const preparation = tools && prepareTools(proposal.actions, tools);
  return preparation === undefined ? find() : preparation.then(find);
}

/**
 * Whether the actions are different calls of tools that accept them, and neither order nor state is between them. Most
 * plans that are submitted are like that, and seeing it costs a fifth of walking them. The schemas must have been prepared.
 */
function hasNothingToFind(
  { actions }: Proposal,
  { tools, maxActions = DEFAULT_MAX_ACTIONS }: FindIssuesOptions,
): boolean {
  return (
    actions.length <= maxActions && actions.every((action) => isPlainCall(action, tools)) && areAllDifferent(actions)
  );
}

function isPlainCall(action: Action, tools: ToolChecker | undefined): boolean {
  const { type, preconditions, expected_effects } = action;
  if (type !== 'tool_call' || preconditions.length > 0 || hasMembers(expected_effects)) return false;
  return isIndependent(action) && intrinsicFailure(action, tools ?? ANY_TOOL) === null;
}

/** What does not depend on state. */
function inspect(
  model: ProposalModel,
  { maxActions = DEFAULT_MAX_ACTIONS }: { readonly maxActions?: number | undefined },
  findings: VerifyFindings,
): WriteConflict[] {
  checkActionCount(model.actions.length, maxActions, findings);
  checkOrdering(model, findings);
  const conflicts = findConflicts(model, findings);
  findRepeatedCalls(model.actions, findings);
  return conflicts;
}

function readerOf(state: JsonObject): StateReader {
  return { get: (key) => ownValue(state, key) ?? null, has: (key) => Object.hasOwn(state, key) };
}
