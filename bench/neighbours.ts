// How long others wait for small requests while one connection runs plans of a thousand actions, a hundred in flight,
// against how long they wait without it.
import { wideWorkload } from './callback.ts';
import { interleave, LoadSession, median, ratioOf, warmUp, type Throughput } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import { rpcWorkload } from './rpc.ts';

export async function neighbours({ rounds, durationMs, warmUpMs, profileFolder }: Options): Promise<Row[]> {
  await using server = await ServerProcess.start('daemon', { profileFolder });
  await using requests = await LoadSession.open(server, { ...rpcWorkload, depth: 1 });
  await using plans = await LoadSession.open(server, wideWorkload);
  const together = async (ms: number): Promise<Throughput> => {
    const [others] = await Promise.all([requests.drive(ms), plans.drive(ms)]);
    return others;
  };
  await warmUp(server, together, warmUpMs);
  const measured = await interleave(rounds, {
    ours: () => together(durationMs),
    baseline: () => requests.drive(durationMs),
  });
  const text = (side: readonly Throughput[]): string =>
    `p50 ${median(side.map(({ p50Ms }) => p50Ms)).toFixed(2)} ms, p99 ${median(side.map(({ p99Ms }) => p99Ms)).toFixed(2)} ms`;
  return [
    {
      benchmark: 'neighbours of 1 000 actions, p99',
      value: ratioOf(measured.ours, measured.baseline, ({ p99Ms }) => p99Ms),
      detail: `${text(measured.ours)} against ${text(measured.baseline)} without, 8 connections x 1`,
      measured,
    },
    {
      benchmark: 'neighbours of 1 000 actions, p99',
      value: median(measured.ours.map(({ p99Ms }) => p99Ms)),
      unit: 'ms',
      detail: 'the same as a time',
      measured,
    },
  ];
}
