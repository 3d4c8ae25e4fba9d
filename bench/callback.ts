// Proposals whose tools the client answers, through the whole engine with its journal on disk, against a bare server
// that makes the same legs.
import { compare, type Workload } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import { throughputRow } from './rpc.ts';

const tool = 'lookup';
const toolOutput = { text: 'forty-two' };
const connections = 8;
const depth = 8;

function workload(actions: number, extra: object = {}): Workload {
  const toProposal = (id: string): object => ({
    id,
    source: 'bench',
    actions: Array.from({ length: actions }, (_, index) => ({
      id: `step-${index + 1}`,
      type: 'tool_call',
      tool,
      parameters: { question: 'what is the answer', limit: 10 + index },
      ...extra,
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

export const callbackWorkload: Workload = workload(1);

export async function callback(options: Options): Promise<Row[]> {
  await using ours = await ServerProcess.start('daemon', { profileFolder: options.profileFolder });
  await using baseline = await ServerProcess.start('two-leg');
  return [
    throughputRow('callback 8 x 8, one action', 1.4, await compare(ours, baseline, callbackWorkload, options)),
    throughputRow('callback, eight actions in turn', 1.5, await compare(ours, baseline, workload(8), options)),
    throughputRow(
      'callback, eight actions at once',
      1.5,
      await compare(ours, baseline, workload(8, { failure_behavior: 'skip' }), options),
    ),
  ];
}
