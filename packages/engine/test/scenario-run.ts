/** Executing a random proposal for real, with tools that behave as its scenario says. */
import { executeProposal, IdempotencyCache, StateStore, ToolRegistry } from '../src/index.ts';
import type { Clock, ExecutionEventKind, ProposalResult } from '../src/index.ts';
import type { Scenario } from './random-proposals.ts';
import { settled } from './support.ts';

export interface Observed {
  result: ProposalResult;
  state: StateStore;
  /** What happened, in order: `start n0`, `end n0`, of all actions that got that far. */
  trace: string[];
  /** `n0#1` for the first attempt of a tool call. */
  attempts: string[];
  timedOut: string[];
}

/** Every pause and deadline is over on the next turn of the event loop. */
const hastyClock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  setTimeout: (callback) => setImmediate(callback),
  clearTimeout: (timer) => {
    clearImmediate(timer as NodeJS.Immediate);
  },
};

const ENDS: readonly ExecutionEventKind[] = ['action_succeeded', 'action_failed', 'action_rejected'];

export function scenarioTools(): ToolRegistry {
  const tools = new ToolRegistry();
  tools.add({ name: 'ok', description: '', parameters: {}, idempotent: false });
  return tools;
}

/** `answer` is what tools answer that succeed; the parameters unless told. */
export async function runScenario(
  scenario: Scenario,
  answer: (actionId: string, parameters: unknown) => unknown = (_id, parameters) => parameters,
): Promise<Observed> {
  const state = new StateStore();
  for (const [key, value] of scenario.before) state.set(key, value);
  const trace: string[] = [];
  const attempts: string[] = [];
  const timedOut: string[] = [];
  const result = await executeProposal(scenario.proposal, {
    tools: scenarioTools(),
    state,
    idempotency: new IdempotencyCache(),
    clock: hastyClock,
    emit: (kind, { action_id }) => {
      if (kind === 'action_executing') trace.push(`start ${action_id}`);
      else if (ENDS.includes(kind)) trace.push(`end ${action_id}`);
    },
    dispatch: ({ action_id, parameters, attempt }, signal) => {
      attempts.push(`${action_id}#${attempt}`);
      const isFailing = attempt <= scenario.failing.get(action_id)!;
      const turns = scenario.turns.get(action_id)!;
      if (isFailing && scenario.hanging.get(action_id)!) {
        signal.addEventListener('abort', () => timedOut.push(`${action_id}#${attempt}`));
        return new Promise(() => undefined);
      }
      if (turns > 0) return answerAfter(turns, isFailing, answer(action_id, parameters));
      if (isFailing) throw new Error('fails at once');
      return answer(action_id, parameters);
    },
  });
  return { result, state, trace, attempts, timedOut };
}

async function answerAfter(turns: number, isFailing: boolean, answer: unknown): Promise<unknown> {
  for (let turn = 0; turn < turns; turn += 1) await settled();
  if (isFailing) throw new Error('fails later');
  return answer;
}
