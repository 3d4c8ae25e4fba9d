import type { MonteCarloReport, VerifyReport } from '@car-runtime/engine';
import type { MethodResult } from '@car-runtime/client';
import type { CommandInput } from '../command-spec.ts';
import type { CliContext } from '../context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { startProgress } from '../progress.ts';
import { printLine } from '../terminal.ts';
import { readAssumptions, type Assumptions } from './assumptions.ts';
import { printCheck } from './check-text.ts';
import { PlanFileError, type PlanFile } from './plan-file.ts';
import { safeJson } from './plan-text.ts';
import { withPlan } from './with-plan.ts';

export type Checked = VerifyReport | MethodResult<'verify'>;
export type Sampled = MonteCarloReport | MethodResult<'verify.monte_carlo'>;

export interface CheckResult {
  readonly report: Checked;
  readonly sampled: Sampled | undefined;
}

export async function run(input: CommandInput): Promise<number> {
  return await withPlan(input, (file) => check(file, input));
}

/** Checks a plan and prints what was found; returns the exit status. */
export async function check(file: PlanFile, input: CommandInput): Promise<number> {
  const { context, options } = input;
  const asked: Asked = { ...readAssumptions(input), wantsSamples: options['monteCarlo'] === true };
  refuseIdleRates(file, asked);
  const { report, sampled } = options['online']
    ? await checkOnline(file, context, asked)
    : await checkOffline(file, asked);
  if (context.isJson) printLine(safeJson(sampled ? { ...report, monte_carlo: sampled } : report));
  else printCheck(file, report, sampled);
  return report.valid ? exitCode.ok : exitCode.failed;
}

interface Asked extends Assumptions {
  readonly wantsSamples: boolean;
}

/** A rate that changes nothing is a mistake: of the flag, or of the tool's name. */
function refuseIdleRates({ name, plan }: PlanFile, { rates, wantsSamples }: Asked): void {
  const tools = Object.keys(rates);
  if (tools.length > 0 && !wantsSamples) throw new UsageError('--rate goes with --monte-carlo');
  const idle = tools.find((tool) => !plan.actions.some((action) => action.tool === tool));
  if (idle !== undefined) throw new UsageError(`--rate: no action of ${name} calls tool ${JSON.stringify(idle)}`);
}

/** With the tools of the file and the built-in ones, from the given state or an empty one. */
async function checkOffline(file: PlanFile, { state, rates, wantsSamples }: Asked): Promise<CheckResult> {
  const [{ EngineError, ToolError, ToolRegistry, verify, verifyMonteCarlo }, { builtinTools, linearRegExp }] =
    await Promise.all([import('@car-runtime/engine'), import('@car-runtime/core/daemon')]);
  const tools = new ToolRegistry({ regExp: linearRegExp });
  try {
    await tools.register(file.tools);
  } catch (error) {
    throw error instanceof ToolError ? new PlanFileError({ file: file.name, message: error.message }) : error;
  }
  for (const tool of builtinTools) if (!tools.has(tool.name)) tools.add(tool);
  using _progress = startProgress('checking');
  const report = await verify(file.plan, { tools, initialState: state });
  if (!wantsSamples) return { report, sampled: undefined };
  try {
    const canDetach = (tool: string): boolean => tools.get(tool)?.streaming === true;
    const options = { tools, canDetach, initialState: state, toolSuccessRates: rates };
    return { report, sampled: await verifyMonteCarlo(file.plan, options) };
  } catch (error) {
    throw error instanceof EngineError ? new PlanFileError({ file: file.name, message: error.message }) : error;
  }
}

/** As the daemon sees it, on a session that has the tools of the file and the built-in ones and ends with the check. */
async function checkOnline(
  file: PlanFile,
  context: CliContext,
  { state, rates, wantsSamples }: Asked,
): Promise<CheckResult> {
  using _progress = startProgress('asking the daemon');
  await using client = await context.connect();
  if (file.tools.length > 0) await client.tools.register([...file.tools]);
  await client.agents.register_basics({});
  const { proposal } = file;
  const ground = { proposal, ...(state && { initial_state: state }) };
  const report = await client.verify(ground);
  if (!wantsSamples) return { report, sampled: undefined };
  return { report, sampled: await client.call('verify.monte_carlo', { ...ground, tool_success_rates: rates }) };
}
