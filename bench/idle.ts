// What a connection costs that is open, authenticated and silent.
import { LoadConnection } from './harness/load-connection.ts';
import { median, ratioOf } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess, type Memory, type ServerKind } from './harness/server-process.ts';

const fullCount = 2_000;
/** Enough to outgrow what the warm-up left behind. */
const shortCount = 1_024;
/** Opened and closed first, so that what is made once is not counted. */
const warmUpCount = 256;
/** Fewer than the daemon lets in unauthenticated. */
const atOnce = 64;
const maxRounds = 3;

type PerConnection = Record<keyof Memory, number>;

export async function idle({ rounds, isShort }: Options): Promise<Row[]> {
  const connectionCount = isShort ? shortCount : fullCount;
  const ours: PerConnection[] = [];
  const baseline: PerConnection[] = [];
  for (let round = 0; round < Math.min(rounds, maxRounds); round++) {
    ours.push(await measure('daemon', connectionCount));
    baseline.push(await measure('state', connectionCount));
  }
  const kbOf = (side: PerConnection[], key: keyof Memory): number => median(side.map((each) => each[key])) / 1024;
  const describe = (side: PerConnection[]): string =>
    `${kbOf(side, 'rss').toFixed(1)} kB (heap ${kbOf(side, 'heapUsed').toFixed(1)})`;
  const detail = `${describe(ours)} against ${describe(baseline)}, ${connectionCount} connections`;
  const measured = { ours, baseline };
  return [
    {
      benchmark: 'idle connection',
      value: ratioOf(ours, baseline, ({ rss }) => rss),
      goal: { atMost: 2 },
      detail,
      measured,
    },
    {
      benchmark: 'idle connection',
      value: kbOf(ours, 'rss'),
      unit: 'kB',
      goal: { atMost: 20 },
      detail: 'resident memory',
      measured,
    },
  ];
}

async function measure(kind: ServerKind, connectionCount: number): Promise<PerConnection> {
  await using server = await ServerProcess.start(kind);
  await close(await open(server, warmUpCount));
  const before = await server.settledMemory();
  const connections = await open(server, connectionCount);
  const after = await server.settledMemory();
  await close(connections);
  const difference = (key: keyof Memory): number => (after[key] - before[key]) / connectionCount;
  return { rss: difference('rss'), heapUsed: difference('heapUsed'), external: difference('external') };
}

async function open(server: ServerProcess, count: number): Promise<LoadConnection[]> {
  const connections: LoadConnection[] = [];
  while (connections.length < count) {
    const batch = Array.from({ length: Math.min(atOnce, count - connections.length) }, () =>
      LoadConnection.open(server, { isIdle: true }),
    );
    connections.push(...(await Promise.all(batch)));
  }
  return connections;
}

async function close(connections: LoadConnection[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.close()));
}
