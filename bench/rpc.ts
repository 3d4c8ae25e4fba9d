// Small authenticated requests, against a bare server that keeps the same values.
import { compare, cpuRatio, median, ratioOf, type Comparison, type Workload } from './harness/measure.ts';
import type { LoopRequest } from './harness/loops.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';

const value = { text: 'forty-two', count: 42 };

const requests: readonly LoopRequest[] = [
  {
    method: 'state.set',
    params: { key: 'answer', value },
    checkResult: (result) => (result === 'ok' ? undefined : 'not ok'),
  },
  {
    method: 'state.get',
    params: { key: 'answer' },
    checkResult: (result) => (JSON.stringify(result) === JSON.stringify(value) ? undefined : 'not the value'),
  },
];

/** The value is there before the first `state.get` of a connection that begins with one. */
const prepare: Workload['prepare'] = (connection) => connection.request('state.set', { key: 'answer', value });

export const rpcWorkload: Workload = { connections: 8, depth: 16, requests, prepare };

export async function rpc(options: Options): Promise<Row[]> {
  await using ours = await ServerProcess.start('daemon', { profileFolder: options.profileFolder });
  await using baseline = await ServerProcess.start('state');
  const pipelined = await compare(ours, baseline, rpcWorkload, options);
  const wide = await compare(ours, baseline, { ...rpcWorkload, connections: 64, depth: 1 }, options);
  const single = await compare(ours, baseline, { ...rpcWorkload, connections: 1, depth: 1 }, options);
  return [
    throughputRow('rpc 8 x 16', 2.6, pipelined),
    throughputRow('rpc 64 x 1', 1, wide),
    {
      benchmark: 'rpc 1 x 1, p50',
      value: ratioOf(single.ours, single.baseline, ({ p50Ms }) => p50Ms),
      goal: { atMost: 1.1 },
      detail: `${microseconds(single.ours)} against ${microseconds(single.baseline)} us`,
      measured: single,
    },
  ];
}

export function throughputRow(benchmark: string, goal: number | undefined, comparison: Comparison): Row {
  const { ours, baseline } = comparison;
  const describe = (side: Comparison['ours']): string => {
    const [perSecond, cpu, busy] = (['perSecond', 'cpuMicros', 'busy'] as const).map((key) =>
      median(side.map((each) => each[key])),
    );
    return `${Math.round(perSecond as number)}/s, ${cpu?.toFixed(2)} us CPU, ${Math.round((busy as number) * 100)} % busy`;
  };
  return {
    benchmark,
    value: ratioOf(ours, baseline, ({ perSecond }) => perSecond),
    ...(goal !== undefined && { goal: { atLeast: goal } }),
    detail: `${describe(ours)} against ${describe(baseline)} (CPU ratio ${cpuRatio(comparison)})`,
    measured: comparison,
  };
}

function microseconds(side: Comparison['ours']): number {
  return Math.round(median(side.map(({ p50Ms }) => p50Ms)) * 1_000);
}
