// What the processes of agents use, from /proc: CPU time and resident memory of everything in an agent's session.
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ManagedAgent } from '@car-runtime/protocol';
import { allProcessIds, statOf, ticksPerSecond } from '../../infra/processes.ts';
import type { SupervisedAgent } from './supervised-agent.ts';

export type Resources = NonNullable<ManagedAgent['resources']>;

/** How old figures may be that are shown, and how often limits are looked at. */
const freshMs = 5_000;
/** Processes read before the event loop gets a turn; each costs some 15 us. */
const sliceLength = 64;
const defaultCpuSecs = 60;

interface Usage {
  pid: number;
  sampledAtMs: number;
  resources: Resources;
  /** Since when it has used more CPU time than it may. */
  aboveCpuSinceMs: number | undefined;
}

export class ResourceSampler implements Disposable {
  readonly #agents: () => Iterable<SupervisedAgent>;
  readonly #usages = new Map<string, Usage>();
  #sampledAtMs = -Infinity;
  #sampling: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(agents: () => Iterable<SupervisedAgent>) {
    this.#agents = agents;
  }

  of(agent: SupervisedAgent): Resources | undefined {
    const usage = this.#usages.get(agent.id);
    return usage?.pid === agent.pid ? usage?.resources : undefined;
  }

  /** Makes sure of figures no older than a few seconds, of every agent that runs. */
  async refresh(): Promise<void> {
    const isNew = running(this.#agents()).some((agent) => this.#usages.get(agent.id)?.pid !== agent.pid);
    if (!isNew && performance.now() - this.#sampledAtMs < freshMs) return;
    await this.#sample();
  }

  /** Called when an agent changed: looks at its use from time to time as long as an agent with limits runs. */
  follow(): void {
    const isNeeded = running(this.#agents()).some(({ spec }) => spec.limits !== undefined);
    if (isNeeded && !this.#timer) this.#timer = setInterval(() => void this.#sample(), freshMs).unref();
    if (!isNeeded) this[Symbol.dispose]();
  }

  #sample(): Promise<void> {
    this.#sampling ??= this.#read().finally(() => (this.#sampling = undefined));
    return this.#sampling;
  }

  async #read(): Promise<void> {
    const bySession = new Map(running(this.#agents()).map((agent) => [agent.pid, agent]));
    const sums = new Map<SupervisedAgent, { ticks: number; pages: number; processes: number }>();
    for (const [index, pid] of (bySession.size > 0 ? allProcessIds() : []).entries()) {
      if (index % sliceLength === sliceLength - 1) await nextTurn();
      const stat = statOf(pid);
      const agent = stat && bySession.get(stat.session);
      if (!agent) continue;
      const sum = sums.get(agent) ?? { ticks: 0, pages: 0, processes: 0 };
      sum.ticks += stat.cpuTicks;
      sum.pages += stat.residentPages;
      sum.processes++;
      sums.set(agent, sum);
    }
    this.#sampledAtMs = performance.now();
    for (const [agent, sum] of sums) this.#enter(agent, sum);
    for (const id of this.#usages.keys())
      if (![...sums.keys()].some((agent) => agent.id === id)) this.#usages.delete(id);
  }

  #enter(
    agent: SupervisedAgent,
    { ticks, pages, processes }: { ticks: number; pages: number; processes: number },
  ): void {
    const { id, pid, startedAtMs } = agent;
    if (pid === undefined || startedAtMs === undefined) return;
    const now = Date.now();
    const cpuSecs = ticks / ticksPerSecond;
    const before = this.#usages.get(id);
    const isSame = before?.pid === pid;
    // At first it is the share since the start.
    const sinceMs = Math.max(1, now - (isSame ? before.sampledAtMs : startedAtMs));
    const usedSecs = Math.max(0, cpuSecs - (isSame ? before.resources.cpu_secs : 0));
    const usage: Usage = {
      pid,
      sampledAtMs: now,
      resources: {
        cpu_percent: Math.round((usedSecs / sinceMs) * 1_000_000) / 10,
        cpu_secs: cpuSecs,
        rss_bytes: pages * pageBytes(),
        processes,
        sampled_at: Math.floor(now / 1_000),
      },
      aboveCpuSinceMs: undefined,
    };
    const { cpu_percent } = agent.spec.limits ?? {};
    if (cpu_percent != null && usage.resources.cpu_percent > cpu_percent)
      usage.aboveCpuSinceMs = (isSame ? before.aboveCpuSinceMs : undefined) ?? now - sinceMs;
    this.#usages.set(id, usage);
    const broken = brokenLimit(agent, usage);
    if (broken !== undefined) agent.breakLimit(broken);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function brokenLimit(
  { spec }: SupervisedAgent,
  { resources, aboveCpuSinceMs, sampledAtMs }: Usage,
): string | undefined {
  const { memory_bytes, processes, cpu_percent, cpu_secs } = spec.limits ?? {};
  if (memory_bytes != null && resources.rss_bytes > memory_bytes)
    return `used ${resources.rss_bytes} bytes of memory, and may use ${memory_bytes}`;
  if (processes != null && resources.processes > processes)
    return `had ${resources.processes} processes, and may have ${processes}`;
  const aboveMs = aboveCpuSinceMs === undefined ? 0 : sampledAtMs - aboveCpuSinceMs;
  if (aboveMs >= (cpu_secs ?? defaultCpuSecs) * 1_000)
    return `used more than ${cpu_percent} % of a core for ${Math.round(aboveMs / 1_000)} s`;
  return undefined;
}

function running(agents: Iterable<SupervisedAgent>): SupervisedAgent[] {
  return [...agents].filter(({ pid }) => pid !== undefined);
}

let knownPageBytes: number | undefined;

/** The size of a page is a power of two; our own memory in bytes and in pages tells which. */
function pageBytes(): number {
  if (knownPageBytes === undefined) {
    const pages = Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]);
    knownPageBytes = 2 ** Math.round(Math.log2(process.memoryUsage.rss() / pages));
  }
  return knownPageBytes;
}
