// How late the daemon's event loop comes to a timer while small requests and proposals saturate it.
import { callbackWorkload } from './callback.ts';
import { LoadSession, median, warmUp, type Throughput } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import { rpcWorkload } from './rpc.ts';

export async function loopDelay({ rounds, durationMs, warmUpMs, profileFolder }: Options): Promise<Row[]> {
  await using server = await ServerProcess.start('daemon', { profileFolder });
  await using requests = await LoadSession.open(server, rpcWorkload);
  await using proposals = await LoadSession.open(server, callbackWorkload);
  const driveBoth = (ms: number): Promise<Throughput[]> => Promise.all([requests.drive(ms), proposals.drive(ms)]);
  await warmUp(server, driveBoth, warmUpMs);
  const p99Ms: number[] = [];
  const loads: Throughput[][] = [];
  for (let round = 0; round < rounds; round++) {
    await server.startDelay();
    loads.push(await driveBoth(durationMs));
    p99Ms.push(await server.stopDelay());
  }
  const perSecond = (side: number): number => Math.round(median(loads.map((load) => load[side]?.perSecond ?? 0)));
  return [
    {
      benchmark: 'loop delay, p99',
      value: median(p99Ms),
      unit: 'ms',
      goal: { atMost: 10 },
      detail: `under ${perSecond(0)} requests/s and ${perSecond(1)} proposals/s at once`,
      measured: { p99Ms, loads },
    },
  ];
}
