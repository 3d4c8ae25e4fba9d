/** Checking a proposal without running anything (Verification). */
import { prepareTools } from './action-checks.ts';
import type { ToolChecker } from './execution.ts';
import { ownValue, setOwn } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { paced } from './paced.ts';
import { ProposalModel } from './proposal-model.ts';
import type { Proposal } from './proposal.ts';
import { toIdLevels } from './simulate.ts';
import type { StateReader } from './state-store.ts';
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
