/** How a proposal is likely to end when tools sometimes fail (Verification, Monte Carlo). */
import { prepareTools } from './action-checks.ts';
import { EngineError } from './errors.ts';
import type { ToolChecker } from './execution.ts';
import { evaluateGoal, underivableConditions } from './goals.ts';
import type { Goal } from './goals.ts';
import type { JsonObject } from './json-value.ts';
import { MonteCarloTally } from './monte-carlo-tally.ts';
import type { ActionOutcome, Spread, StateDistribution } from './monte-carlo-tally.ts';
import { paced } from './paced.ts';
import { ModelRun, ProposalModel } from './proposal-model.ts';
import type { Proposal } from './proposal.ts';
import { SplitMix64 } from './split-mix64.ts';
import { toSuccessRates } from './success-rates.ts';
import type { RateProvenance, ToolHistory } from './success-rates.ts';

export interface MonteCarloConfig {
  trials?: number | undefined;
  seed?: number | undefined;
  /** Rate of a tool nobody knows anything about. */
  default_success_rate?: number | undefined;
  /** Further attempts that actions with failure behavior `retry` are given. */
  retry_attempts?: number | undefined;
}

export interface MonteCarloOptions {
  readonly tools?: ToolChecker | undefined;
  readonly initialState?: JsonObject | undefined;
  /** Rates the caller knows, by tool; they go before what history says. */
  readonly toolSuccessRates?: Readonly<Record<string, number>> | undefined;
  readonly goal?: Goal | undefined;
  /** What was seen of the tools; without it, or with a window of 0 days, only given and default rates are used. */
  readonly history?: ToolHistory | undefined;
  readonly config?: MonteCarloConfig | undefined;
  /** Whether a tool can be started and left running. Without it none can. */
  readonly canDetach?: ((tool: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface MonteCarloReport {
  trials: number;
  seed: number;
  /** Null without a goal. */
  p_goal_reached: number | null;
  goal_underivable_conditions: string[];
  p_all_effects_landed: number;
  tool_calls: Spread;
  actions_executed: Spread;
  state_distribution: StateDistribution[];
  action_outcomes: ActionOutcome[];
  rate_provenance: RateProvenance;
}

export const DEFAULT_TRIALS = 1_000;
export const DEFAULT_SEED = 42;
export const MAX_TRIALS = 100_000;
/** Trials times actions: about ten seconds of one core. */
export const MAX_MODEL_STEPS = 20_000_000;

/** Trials give way to other work after this long. */
const MAX_BUSY_MS = 5;

/** The same arguments give the same report to the last byte. */
export async function verifyMonteCarlo(proposal: Proposal, options: MonteCarloOptions = {}): Promise<MonteCarloReport> {
  const { tools, initialState = {}, goal, config = {} } = options;
  const { trials = DEFAULT_TRIALS, seed = DEFAULT_SEED, retry_attempts: retryAttempts = 0 } = config;
  refuseTooMuch(trials, trials * proposal.actions.length * (1 + Math.max(0, retryAttempts)));
  if (tools !== undefined) await prepareTools(proposal.actions, tools);
  const provenance = toSuccessRates(proposal.actions, options);
  const rateOf = new Map(provenance.tools.map(({ tool, rate }) => [tool, rate]));
  const rates = proposal.actions.map(({ tool }) => rateOf.get(tool ?? '') ?? 0);

  const model = new ProposalModel(proposal, tools);
  const random = new SplitMix64(seed);
  const base = new Map(Object.entries(initialState));
  const tally = new MonteCarloTally(proposal.actions, base);
  const attempt = (index: number): boolean => random.next() < rates[index]!;
  let goalsReached = 0;
  let busySince = performance.now();
  for (let trial = 0; trial < trials; trial += 1) {
    const run = new ModelRun(model, base, { attempt, retryAttempts, canDetach: options.canDetach });
    const running = paced(run.steps());
    if (running !== undefined) await running;
    tally.add(run);
    if (goal !== undefined && evaluateGoal(goal, run.state).met) goalsReached += 1;
    if (performance.now() - busySince > MAX_BUSY_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      options.signal?.throwIfAborted();
      busySince = performance.now();
    }
  }
  return {
    trials,
    seed,
    p_goal_reached: goal === undefined ? null : goalsReached / trials,
    goal_underivable_conditions: goal === undefined ? [] : underivableConditions(goal),
    ...tally.toReport(),
    rate_provenance: provenance,
  };
}

function refuseTooMuch(trials: number, steps: number): void {
  if (!Number.isInteger(trials) || trials < 1 || trials > MAX_TRIALS) {
    throw new EngineError(
      'invalid_trials',
      `Cannot run ${trials} trials: a whole number from 1 to ${MAX_TRIALS} is allowed`,
    );
  }
  if (steps > MAX_MODEL_STEPS) {
    throw new EngineError(
      'too_many_steps',
      `Cannot run ${trials} trials of this proposal: ${steps} steps, at most ${MAX_MODEL_STEPS} are allowed`,
    );
  }
}
