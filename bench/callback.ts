// Proposals whose tools the client answers, through the whole engine with its journal on disk, against a bare server
// that makes the same legs.
import { compare, type Workload } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import { throughputRow } from './rpc.ts';

const tool = 'lookup';
const toolOutput = { text: 'forty-two' };

interface Shape {
  actions: number;
  /** Actions under way at a time. Default 1. */
  atOnce?: number;
  /** What the action at an index has besides. */
  extra?: (index: number) => object;
  depth?: number;
  connections?: number;
}

const together = { failure_behavior: 'skip' };

export function workload({ actions, atOnce = 1, extra, depth = 8, connections = 8 }: Shape): Workload {
  const toProposal = (id: string): object => ({
    id,
    source: 'bench',
    context: { at_once: atOnce },
    actions: Array.from({ length: actions }, (_, index) => ({
      id: `step-${index + 1}`,
      type: 'tool_call',
      tool,
      parameters: { question: 'what is the answer', limit: 10 + index },
      ...extra?.(index),
    })),
  });
  const checkResult = (result: unknown): string | undefined => {
    const { results } = result as { results: { status: string; output: unknown }[] };
    const isRight = ({ status, output }: { status: string; output: unknown }): boolean =>
      status === 'succeeded' && JSON.stringify(output) === JSON.stringify(toolOutput);
    return results.length === actions && results.every(isRight) ? undefined : `not ${actions} outputs`;
  };
  return {
    connections,
    depth,
    requests: Array.from({ length: depth }, (_, slot) => {
      return { method: 'proposal.submit', params: { proposal: toProposal(`plan-${slot}`) }, checkResult };
    }),
    toolOutput,
    prepare: (connection) => connection.request('tools.register', [{ name: tool, parameters: {} }]),
  };
}

export const callbackWorkload: Workload = workload({ actions: 1 });

/** Plans of a thousand actions on one connection, a hundred of them in flight at a time. */
export const wideWorkload: Workload = workload({
  actions: 1_000,
  atOnce: 100,
  extra: () => together,
  depth: 1,
  connections: 1,
});

/** Each waits for the one before. */
function chained(index: number): object {
  return index === 0 ? {} : { dependencies: [`step-${index}`] };
}

/** Layers of ten, each action of which waits for two of the layer before. */
function layered(index: number): object {
  const place = index % 10;
  const before = index - place - 10;
  if (before < 0) return together;
  return { ...together, dependencies: [place, (place + 3) % 10].map((other) => `step-${before + other + 1}`) };
}

interface Case {
  name: string;
  goal?: number;
  shape: Shape;
}

export const cases: readonly Case[] = [
  { name: 'callback 8 x 8, one action', goal: 1.4, shape: { actions: 1 } },
  { name: 'callback, eight actions in turn', goal: 1.5, shape: { actions: 8 } },
  { name: 'callback, eight actions at once', goal: 1.5, shape: { actions: 8, atOnce: 8, extra: () => together } },
  { name: 'callback, chain of 16', shape: { actions: 16, extra: chained } },
  { name: 'callback, level of 64', shape: { actions: 64, atOnce: 64, extra: () => together, depth: 2 } },
  {
    name: 'callback, DAG of 1 000',
    shape: { actions: 1_000, atOnce: 10, extra: layered, depth: 1, connections: 4 },
  },
];

export async function callback(options: Options): Promise<Row[]> {
  await using ours = await ServerProcess.start('daemon', { profileFolder: options.profileFolder });
  await using baseline = await ServerProcess.start('two-leg');
  const rows: Row[] = [];
  for (const { name, goal, shape } of cases) {
    rows.push(throughputRow(name, goal, await compare(ours, baseline, workload(shape), options)));
  }
  return rows;
}
