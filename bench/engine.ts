// The engine alone, in this process: plans whose tools answer at once, and the check of a plan against parsing it.
import {
  executeProposal,
  normalizeProposal,
  StateStore,
  ToolRegistry,
  verify,
  type Proposal,
} from '@car-runtime/engine';
import { median } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';

const actionCount = 1_000;

function proposalText(count: number): string {
  const actions = Array.from({ length: count }, (_, index) => ({
    id: `step-${index + 1}`,
    type: 'tool_call',
    tool: 'lookup',
    parameters: { question: 'what is the answer', limit: 10 + index },
    failure_behavior: 'skip',
  }));
  return JSON.stringify({ id: 'plan', source: 'bench', actions });
}

export async function engine({ rounds, durationMs, warmUpMs }: Options): Promise<Row[]> {
  const tools = new ToolRegistry();
  await tools.register([{ name: 'lookup', parameters: {} }]);
  const state = new StateStore();
  let events = 0;
  const env = { tools, state, dispatch: () => 42, emit: () => void events++ };
  const execute = (proposal: Proposal) => async (): Promise<void> => {
    const { results } = await executeProposal(proposal, env);
    if (results.at(-1)?.output !== 42) throw new Error('not the output');
  };
  const text = proposalText(actionCount);
  const level = execute(parse(text));
  const single = execute(parse(proposalText(1)));
  const check = async (): Promise<void> => {
    const { valid } = await verify(parse(text), { tools, initialState: {} });
    if (!valid) throw new Error('not valid');
  };
  const parseOnly = (): Promise<void> => Promise.resolve(void JSON.parse(text));
  for (const work of [level, single, check, parseOnly]) await timeOf(work, warmUpMs / 4);
  const times = { level: [] as number[], single: [] as number[], check: [] as number[], parse: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.level.push(await timeOf(level, durationMs));
    times.single.push(await timeOf(single, durationMs));
    times.check.push(await timeOf(check, durationMs));
    times.parse.push(await timeOf(parseOnly, durationMs));
  }
  const measured = times;
  const checkMs = median(times.check);
  return [
    {
      benchmark: 'engine, actions of a level of 1 000',
      value: (actionCount / median(times.level)) * 1_000,
      unit: '/s',
      goal: { atLeast: 200_000 },
      detail: 'tools answered in process',
      measured,
    },
    {
      benchmark: 'engine, plan of one action',
      value: median(times.single) * 1_000,
      unit: 'us',
      detail: 'tool answered in process',
      measured,
    },
    {
      benchmark: 'verify of 1 000 actions',
      value: median(times.check.map((ms, round) => ms / (times.parse[round] as number))),
      goal: { atMost: 15 },
      detail: `parsed and checked, ${checkMs.toFixed(2)} ms against ${median(times.parse).toFixed(2)} ms of JSON.parse`,
      measured,
    },
    {
      benchmark: 'verify of 1 000 actions',
      value: checkMs,
      unit: 'ms',
      goal: { atMost: 10 },
      detail: 'median',
      measured,
    },
  ];
}

function parse(text: string): Proposal {
  return normalizeProposal(JSON.parse(text) as Parameters<typeof normalizeProposal>[0]);
}

/** Time of one repetition, in ms: the median of so many as fit. */
async function timeOf(work: () => Promise<void>, durationMs: number): Promise<number> {
  const times: number[] = [];
  const until = performance.now() + durationMs;
  do {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  } while (performance.now() < until);
  return median(times);
}
