/** What executing a proposal would come to, if every tool did what its action declares. */
import { prepareTools } from './action-checks.ts';
import type { ToolChecker } from './execution.ts';
import { jsonEquals, ownValue } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { paced } from './paced.ts';
import type { ModelStatus } from './proposal-model.ts';
import { ModelRun, ProposalModel } from './proposal-model.ts';
import type { Proposal } from './proposal.ts';

export interface SimulationOptions {
  /** Without it every tool is taken to exist and to accept anything. */
  readonly tools?: ToolChecker | undefined;
  readonly initialState?: JsonObject | undefined;
  /** Whether a tool can be started and left running. Without it none can. */
  readonly canDetach?: ((tool: string) => boolean) | undefined;
}

export interface SimulatedAction {
  action_id: string;
  status: ModelStatus;
  error: string | null;
  state_changes: JsonObject;
  rolled_back?: true;
}

export interface SimulationResult {
  /** State afterwards. Where a tool's answer would be written, its reference stands for it. */
  state: JsonObject;
  actions: SimulatedAction[];
  execution_levels: string[][];
  tool_calls: number;
}

/**
 * Simulates a proposal by the rules of execution: an action that would be rejected changes nothing, stops what it would
 * stop, and a failing `abort` assertion takes everything back. Policies are not asked.
 */
export async function simulate(proposal: Proposal, options: SimulationOptions = {}): Promise<SimulationResult> {
  if (options.tools !== undefined) await prepareTools(proposal.actions, options.tools);
  return simulateModel(new ProposalModel(proposal, options.tools), options.initialState ?? {}, options.canDetach);
}

async function simulateModel(
  model: ProposalModel,
  initialState: JsonObject,
  canDetach?: (tool: string) => boolean,
): Promise<SimulationResult> {
  const base = new Map(Object.entries(initialState));
  const run = new ModelRun(model, base, { attempt: () => true, retryAttempts: 0, canDetach });
  await paced(run.steps());
  return {
    state: run.state.toObject(),
    actions: model.actions.map((action, index): SimulatedAction => {
      const isRolledBack = run.isRolledBack && run.statuses[index] === 'succeeded';
      return {
        action_id: action.id,
        status: run.statuses[index]!,
        error: run.errors[index]!,
        state_changes: isRolledBack ? {} : (run.changes[index] ?? {}),
        ...(isRolledBack ? { rolled_back: true } : {}),
      };
    }),
    execution_levels: toIdLevels(model),
    tool_calls: run.toolCalls,
  };
}

export function toIdLevels({ plan, actions }: ProposalModel): string[][] {
  return plan.levels.map((level) => level.map((index) => actions[index]!.id));
}

export interface EquivalenceOptions {
  readonly tools?: ToolChecker | undefined;
  /** States to start from. */
  readonly probes?: readonly JsonObject[] | undefined;
}

export interface EquivalenceResult {
  equivalent: boolean;
  probes: number;
  /** Keys that end up different, by the index of the probe; a value is absent where the key is. */
  differences: { probe: number; key: string; left?: unknown; right?: unknown }[];
}

const DEFAULT_PROBES: readonly JsonObject[] = [{}, { x: 1, y: 2 }];

/**
 * Whether two proposals leave the same state behind, from each of the probed states. It says nothing about what their
 * tools do outside: two proposals that declare no effects are equivalent here whatever they call.
 */
export async function equivalent(
  left: Proposal,
  right: Proposal,
  { tools, probes = DEFAULT_PROBES }: EquivalenceOptions = {},
): Promise<EquivalenceResult> {
  if (tools !== undefined) await prepareTools([...left.actions, ...right.actions], tools);
  const models = [new ProposalModel(left, tools), new ProposalModel(right, tools)] as const;
  const differences: EquivalenceResult['differences'] = [];
  for (const [at, probe] of probes.entries()) {
    const [ours, theirs] = [await simulateModel(models[0], probe), await simulateModel(models[1], probe)];
    for (const difference of differencesOf(ours.state, theirs.state)) differences.push({ probe: at, ...difference });
  }
  return { equivalent: differences.length === 0, probes: probes.length, differences };
}

function differencesOf(left: JsonObject, right: JsonObject): { key: string; left?: unknown; right?: unknown }[] {
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])].toSorted();
  return keys
    .filter((key) => {
      const isInBoth = Object.hasOwn(left, key) && Object.hasOwn(right, key);
      return !isInBoth || !jsonEquals(ownValue(left, key), ownValue(right, key));
    })
    .map((key) => ({
      key,
      ...(Object.hasOwn(left, key) ? { left: left[key] } : {}),
      ...(Object.hasOwn(right, key) ? { right: right[key] } : {}),
    }));
}
