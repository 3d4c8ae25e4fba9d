// How late the daemon's event loop comes to a timer while small requests and proposals saturate it.
import { callbackWorkload } from './callback.ts';
import { drive, median, type Throughput } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess } from './harness/server-process.ts';
import { rpcWorkload } from './rpc.ts';

export async function loopDelay({ rounds, durationMs, profileFolder }: Options): Promise<Row[]> {
  await using server = await ServerProcess.start('daemon', { profileFolder });
  const p99Ms: number[] = [];
  let load = await mixedLoad(server, durationMs);
  for (let round = 0; round < rounds; round++) {
    await server.startDelay();
    load = await mixedLoad(server, durationMs);
    p99Ms.push(await server.stopDelay());
  }
  const [requests, proposals] = load.map(({ perSecond }) => Math.round(perSecond));
  return [
    {
      benchmark: 'loop delay, p99',
      value: median(p99Ms),
      unit: 'ms',
      goal: { atMost: 10 },
      detail: `under ${requests} requests/s and ${proposals} proposals/s at once`,
      measured: { p99Ms },
    },
  ];
}

function mixedLoad(server: ServerProcess, durationMs: number): Promise<Throughput[]> {
  return Promise.all([drive(server, rpcWorkload, durationMs), drive(server, callbackWorkload, durationMs)]);
}
