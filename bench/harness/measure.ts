// Measuring two servers against each other: interleaved rounds, and the median of the ratios of each round.
import { setTimeout as delay } from 'node:timers/promises';
import { LoadConnection } from './load-connection.ts';
import { Loop, type LoopRequest } from './loops.ts';
import type { ServerProcess } from './server-process.ts';

const settleMs = 200;
const warmUpMs = 2_000;

export interface Workload {
  connections: number;
  /** Requests under way on each connection. */
  depth: number;
  requests: readonly LoopRequest[];
  /** Output of every tool the server calls back. */
  toolOutput?: unknown;
  /** Made on every connection before the load. */
  prepare?(connection: LoadConnection): Promise<unknown>;
}

export interface Throughput {
  perSecond: number;
  /** Processor time of the server for one request, in microseconds. */
  cpuMicros: number;
  /** How much of the time the server was at work: much below 1, something else was the limit. */
  busy: number;
  /** Median round trip in ms, where one request was under way at a time. */
  p50Ms: number;
}

/** Drives one server for `durationMs`, on new connections. */
export async function drive(server: ServerProcess, workload: Workload, durationMs: number): Promise<Throughput> {
  const { promise: failure, reject: onFailure } = Promise.withResolvers<never>();
  failure.catch(() => undefined); // reported by the race below
  const connections = await Promise.all(
    Array.from({ length: workload.connections }, () => LoadConnection.open(server)),
  );
  try {
    for (const connection of connections) await workload.prepare?.(connection);
    const loops = connections.map((connection) => new Loop({ ...workload, connection, onFailure }));
    return await Promise.race([run(server, loops, durationMs), failure]);
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
    server.dropJournals();
  }
}

async function run(server: ServerProcess, loops: readonly Loop[], durationMs: number): Promise<Throughput> {
  for (const loop of loops) loop.start();
  await delay(Math.min(settleMs, durationMs / 2));
  const cpuBefore = await server.cpuMicros();
  const startedAt = performance.now();
  const completed = (): number => loops.reduce((sum, loop) => sum + loop.completed, 0);
  const before = completed();
  await delay(durationMs);
  const answered = completed() - before;
  const elapsedMs = performance.now() - startedAt;
  const cpu = (await server.cpuMicros()) - cpuBefore;
  await Promise.all(loops.map((loop) => loop.stop()));
  return {
    perSecond: (answered / elapsedMs) * 1_000,
    cpuMicros: cpu / answered,
    busy: cpu / 1_000 / elapsedMs,
    p50Ms: median(loops.flatMap((loop) => loop.latencies)),
  };
}

export interface Comparison {
  ours: Throughput[];
  baseline: Throughput[];
}

/** Both servers under the same load, turn by turn, the order changing each round. */
export async function compare(
  ours: ServerProcess,
  baseline: ServerProcess,
  workload: Workload,
  { rounds, durationMs }: { rounds: number; durationMs: number },
): Promise<Comparison> {
  await drive(ours, workload, warmUpMs);
  await drive(baseline, workload, warmUpMs);
  const comparison: Comparison = { ours: [], baseline: [] };
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? (['ours', 'baseline'] as const) : (['baseline', 'ours'] as const)) {
      comparison[side].push(await drive(side === 'ours' ? ours : baseline, workload, durationMs));
    }
  }
  return comparison;
}

/** Median over the rounds of ours divided by the baseline's. */
export function ratioOf<T>(ours: readonly T[], baseline: readonly T[], value: (measured: T) => number): number {
  return median(ours.map((measured, round) => value(measured) / value(baseline[round] as T)));
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
