// Turns of one agent to everybody who follows its run, in the file before they are acknowledged, against a bare server
// that stringifies each event once, sends it to each and has no file.
import { cpuRatio, interleave, median, p99, ratioOf, warmUp } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { batchesPerRun, RunFollower, RunProducer, turnsPerBatch, turnsPerRun } from './harness/run-producer.ts';
import { ServerProcess } from './harness/server-process.ts';

/** Batches of the producer under way at a time. */
const depth = 8;

export interface Delivery {
  /** Events that reached a follower. */
  perSecond: number;
  /** Processor time of the server for one of them, in microseconds. */
  cpuMicros: number;
  busy: number;
  /** From a batch to its acknowledgement. */
  ackP99Ms: number;
}

interface Case {
  followers: number;
  goal?: number;
}

const cases: readonly Case[] = [{ followers: 1 }, { followers: 10 }, { followers: 50, goal: 20 }, { followers: 100 }];

export async function fanout(options: Options): Promise<Row[]> {
  const { rounds, durationMs, warmUpMs, profileFolder } = options;
  await using ours = await ServerProcess.start('agents', { profileFolder });
  await using baseline = await ServerProcess.start('runs', { args: ['--events'] });
  const rows: Row[] = [];
  for (const { followers, goal } of cases) {
    await using ourSession = await FanoutSession.open(ours, { followers });
    await using bareSession = await FanoutSession.open(baseline, { followers });
    await warmUp(ours, (ms) => ourSession.drive(ms), warmUpMs);
    await warmUp(baseline, (ms) => bareSession.drive(ms), warmUpMs);
    const measured = await interleave(rounds, {
      ours: () => ourSession.drive(durationMs),
      baseline: () => bareSession.drive(durationMs),
    });
    rows.push({
      benchmark: `fanout, ${followers} subscriber${followers === 1 ? '' : 's'} x ${turnsPerBatch}`,
      value: ratioOf(measured.ours, measured.baseline, ({ perSecond }) => perSecond),
      ...(goal !== undefined && { goal: { atLeast: goal } }),
      detail: `${describe(measured.ours)} against ${describe(measured.baseline)} (CPU ratio ${cpuRatio(measured)})`,
      measured,
    });
  }
  rows.push(...(await withWedged(ours, 50, options)), ...(await withWedged(ours, 100, options)));
  return rows;
}

/** The same server with one subscriber besides that never reads, and without. */
async function withWedged(server: ServerProcess, followers: number, options: Options): Promise<Row[]> {
  const { rounds, durationMs, warmUpMs } = options;
  await using wedged = await FanoutSession.open(server, { followers: followers - 1, hasWedged: true, producer: 1 });
  await using free = await FanoutSession.open(server, { followers: followers - 1 });
  // Long enough for what the system buffers for the one that does not read to be full.
  await warmUp(server, (ms) => wedged.drive(ms), warmUpMs);
  await warmUp(server, (ms) => free.drive(ms), warmUpMs);
  const measured = await interleave(rounds, {
    ours: () => wedged.drive(durationMs),
    baseline: () => free.drive(durationMs),
  });
  const ms = (side: readonly Delivery[]): string => median(side.map(({ ackP99Ms }) => ackP99Ms)).toFixed(2);
  return [
    {
      benchmark: `fanout, 1 of ${followers} wedged`,
      value: ratioOf(measured.ours, measured.baseline, ({ perSecond }) => perSecond),
      goal: { atLeast: 0.95 },
      detail: `to the others ${describe(measured.ours)} against ${describe(measured.baseline)} without it`,
      measured,
    },
    {
      benchmark: `fanout, 1 of ${followers} wedged, p99`,
      value: ratioOf(measured.ours, measured.baseline, ({ ackP99Ms }) => ackP99Ms),
      goal: { atMost: 1.5 },
      detail: `of acknowledgements, ${ms(measured.ours)} ms against ${ms(measured.baseline)} without it`,
      measured,
    },
  ];
}

function describe(side: readonly Delivery[]): string {
  const of = (key: keyof Delivery): number => median(side.map((each) => each[key]));
  return `${Math.round(of('perSecond'))}/s, ${of('cpuMicros').toFixed(3)} us CPU, ${Math.round(of('busy') * 100)} % busy`;
}

interface SessionOptions {
  followers: number;
  hasWedged?: boolean;
  /** Which agent it is. */
  producer?: number;
}

/** One run after another, each followed from its start by all. Only the time of recording and delivering counts. */
export class FanoutSession implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #producer: RunProducer;
  readonly #followers: readonly RunFollower[];
  readonly #wedged: RunFollower | undefined;

  private constructor(
    server: ServerProcess,
    producer: RunProducer,
    followers: readonly RunFollower[],
    wedged: RunFollower | undefined,
  ) {
    this.#server = server;
    this.#producer = producer;
    this.#followers = followers;
    this.#wedged = wedged;
  }

  static async open(server: ServerProcess, options: SessionOptions): Promise<FanoutSession> {
    const producer = await RunProducer.open(server, options.producer ?? 0, depth);
    const followers: RunFollower[] = [];
    while (followers.length < options.followers) followers.push(await RunFollower.open(server));
    const wedged = options.hasWedged ? await RunFollower.open(server) : undefined;
    wedged?.wedge();
    return new FanoutSession(server, producer, followers, wedged);
  }

  async drive(durationMs: number): Promise<Delivery> {
    let [elapsedMs, cpu, runs] = [0, 0, 0];
    this.#producer.latencies = [];
    do {
      await this.#producer.startRun();
      await Promise.all(this.#followers.map((follower) => follower.subscribe(this.#producer.runId)));
      this.#wedged?.subscribeUnread(this.#producer.runId);
      const received = this.#followers.map((follower) => follower.receive(turnsPerRun));
      const cpuBefore = await this.#server.cpuMicros();
      const startedAt = performance.now();
      await Promise.all([this.#producer.fillRun(), ...received.map(({ turns }) => turns)]);
      elapsedMs += performance.now() - startedAt;
      cpu += (await this.#server.cpuMicros()) - cpuBefore;
      await this.#producer.completeRun();
      await Promise.all(received.map(({ end }) => end));
      runs++;
    } while (elapsedMs < durationMs);
    this.#server.dropRuns();
    const delivered = runs * batchesPerRun * turnsPerBatch * this.#followers.length;
    return {
      perSecond: (delivered / elapsedMs) * 1_000,
      cpuMicros: cpu / delivered,
      busy: cpu / 1_000 / elapsedMs,
      ackP99Ms: p99(this.#producer.latencies),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.#producer, ...this.#followers, ...(this.#wedged ? [this.#wedged] : [])].map((each) => each.close()),
    );
  }
}
