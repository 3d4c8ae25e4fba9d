// Measuring two servers against each other: many short rounds, interleaved, and the median of their ratios. What else the
// machine does then falls on both sides, and on a round here and there.
import { setTimeout as delay } from 'node:timers/promises';
import { LoadConnection } from './load-connection.ts';
import { Loop, type LoopRequest } from './loops.ts';
import type { Options } from './report.ts';
import type { ServerProcess } from './server-process.ts';

/** Until all requests of a round are under way. */
const settleMs = 50;

export interface Workload {
  connections: number;
  /** Requests under way on each connection. */
  depth: number;
  requests: readonly LoopRequest[];
  /** Output of every tool the server calls back. */
  toolOutput?: unknown;
  /** The connections are those of a host, where the server knows one. */
  isHost?: boolean;
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
  p99Ms: number;
}

/** Connections to one server, prepared once and driven as often as asked: what a daemon keeps for a connection that has
 *  been at work for a while is part of what it costs. */
export class LoadSession implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #connections: readonly LoadConnection[];
  readonly #loops: readonly Loop[];
  readonly #failure: Promise<never>;

  private constructor(server: ServerProcess, workload: Workload, connections: readonly LoadConnection[]) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined); // `drive` reports it
    this.#server = server;
    this.#connections = connections;
    this.#failure = promise;
    this.#loops = connections.map((connection) => new Loop({ ...workload, connection, onFailure: reject }));
  }

  static async open(server: ServerProcess, workload: Workload): Promise<LoadSession> {
    const connections: LoadConnection[] = [];
    for (let count = 0; count < workload.connections; count++) {
      const credentials =
        workload.isHost && server.hostToken !== undefined ? { host_token: server.hostToken } : undefined;
      const connection = await LoadConnection.open(server, { credentials });
      await workload.prepare?.(connection);
      connections.push(connection);
    }
    return new LoadSession(server, workload, connections);
  }

  async drive(durationMs: number): Promise<Throughput> {
    const driven = await Promise.race([this.#drive(durationMs), this.#failure]);
    this.#server.dropJournals();
    return driven;
  }

  async #drive(durationMs: number): Promise<Throughput> {
    for (const loop of this.#loops) loop.start();
    await delay(Math.min(settleMs, durationMs / 2));
    for (const loop of this.#loops) loop.reset();
    const cpuBefore = await this.#server.cpuMicros();
    const startedAt = performance.now();
    const before = this.#completed;
    do await delay(durationMs);
    while (this.#completed === before);
    const answered = this.#completed - before;
    const elapsedMs = performance.now() - startedAt;
    const cpu = (await this.#server.cpuMicros()) - cpuBefore;
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    const latencies = this.#loops.flatMap((loop) => loop.latencies);
    return {
      perSecond: (answered / elapsedMs) * 1_000,
      cpuMicros: cpu / answered,
      busy: cpu / 1_000 / elapsedMs,
      p50Ms: median(latencies),
      p99Ms: p99(latencies),
    };
  }

  get #completed(): number {
    return this.#loops.reduce((sum, loop) => sum + loop.completed, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

export interface Comparison {
  ours: Throughput[];
  baseline: Throughput[];
}

/** Both servers under the same load, or the baseline under one of its own, turn by turn. */
export async function compare(
  ours: ServerProcess,
  baseline: ServerProcess,
  workload: Workload,
  { rounds, durationMs, warmUpMs }: Pick<Options, 'rounds' | 'durationMs' | 'warmUpMs'>,
  baselineWorkload: Workload = workload,
): Promise<Comparison> {
  await using oursLoad = await LoadSession.open(ours, workload);
  await using baselineLoad = await LoadSession.open(baseline, baselineWorkload);
  await warmUp(ours, (ms) => oursLoad.drive(ms), warmUpMs);
  await warmUp(baseline, (ms) => baselineLoad.drive(ms), warmUpMs);
  return await interleave(rounds, {
    ours: () => oursLoad.drive(durationMs),
    baseline: () => baselineLoad.drive(durationMs),
  });
}

/** Drives a server until it has had so much processor time, in ms, most of which its optimising compiler needs: on a busy
 *  machine that takes longer, up to four times as long. */
export async function warmUp(
  server: ServerProcess,
  drive: (ms: number) => Promise<unknown>,
  warmUpMs: number,
): Promise<void> {
  const until = performance.now() + 4 * warmUpMs;
  const enough = (await server.cpuMicros()) + warmUpMs * 1_000;
  do await drive(warmUpMs / 4);
  while (performance.now() < until && (await server.cpuMicros()) < enough);
}

/** Both sides, turn by turn, the order changing each round. */
export async function interleave<T>(
  rounds: number,
  measure: { ours(): Promise<T>; baseline(): Promise<T> },
): Promise<{ ours: T[]; baseline: T[] }> {
  const measured = { ours: [] as T[], baseline: [] as T[] };
  for (let round = 0; round < rounds; round++) {
    const sides = ['ours', 'baseline'] as const;
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) measured[side].push(await measure[side]());
  }
  return measured;
}

/** Median over the rounds of ours divided by the baseline's. */
export function ratioOf<T>(ours: readonly T[], baseline: readonly T[], value: (measured: T) => number): number {
  return median(ours.map((measured, round) => value(measured) / value(baseline[round] as T)));
}

/** How much less processor time ours takes: what to go by on a busy machine. */
export function cpuRatio<T extends { cpuMicros: number }>({ ours, baseline }: { ours: T[]; baseline: T[] }): string {
  return (1 / ratioOf(ours, baseline, ({ cpuMicros }) => cpuMicros)).toFixed(2);
}

export function p99(values: readonly number[]): number {
  return quantile(values, 0.99);
}

function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
