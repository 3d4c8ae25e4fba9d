// Plans as turns: every action of a plan that was submitted while a run was open (Run tracing, The proposal recorder).
import type { ActionResult, ProposalResult } from '@car-runtime/engine';
import type { RunningPlan } from './running-plan.ts';
import type { NewTurn } from './turns.ts';

/** One turn for every action, in the order of the plan, whatever became of it. */
export function planToTurns(running: RunningPlan, planned: ProposalResult): NewTurn[] {
  const resultOf = new Map(planned.results.map((result) => [result.action_id, result]));
  const actions = running.toTurnActions(planned);
  return running.plan.actions.map(({ id, type, tool, parameters }, index) => {
    const result = resultOf.get(id);
    const { prompt } = parameters;
    return {
      tool: tool ?? type,
      parameters,
      prompt: typeof prompt === 'string' ? prompt : undefined,
      output: result && outputText(result),
      verifier_verdict: 'not_run',
      policy_rejected: result?.status === 'rejected',
      action: actions[index],
    };
  });
}

function outputText({ output, error }: ActionResult): string | undefined {
  if (error !== null) return error;
  if (typeof output === 'string') return output;
  return output === undefined || output === null ? undefined : JSON.stringify(output);
}
