// Acknowledged turns: a producer is answered when its batch is in the file, or on the medium, against a bare server that
// appends the same bytes to a file it keeps open, and flushes it for all who wait at once.
import { cpuRatio, interleave, median, ratioOf, warmUp } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { RunProducer, turnsPerBatch, turnsPerRun } from './harness/run-producer.ts';
import { ServerProcess } from './harness/server-process.ts';

const producers = 8;
/** Batches of each under way at a time. */
const depth = 4;

interface Appended {
  /** Turns acknowledged. */
  perSecond: number;
  /** Processor time of the server for one of them, in microseconds. */
  cpuMicros: number;
  busy: number;
}

export async function append(options: Options): Promise<Row[]> {
  return [await compareModes('append', [], options), await compareModes('append, on the medium', ['--fsync'], options)];
}

async function compareModes(benchmark: string, flags: readonly string[], options: Options): Promise<Row> {
  const { rounds, durationMs, warmUpMs, profileFolder } = options;
  await using ours = await ServerProcess.start('agents', { profileFolder, args: flags });
  await using baseline = await ServerProcess.start('runs', { args: ['--files', ...flags] });
  await using ourSession = await AppendSession.open(ours);
  await using bareSession = await AppendSession.open(baseline);
  await warmUp(ours, (ms) => ourSession.drive(ms), warmUpMs);
  await warmUp(baseline, (ms) => bareSession.drive(ms), warmUpMs);
  const measured = await interleave(rounds, {
    ours: () => ourSession.drive(durationMs),
    baseline: () => bareSession.drive(durationMs),
  });
  return {
    benchmark: `${benchmark}, ${producers} x ${depth} x ${turnsPerBatch}`,
    value: ratioOf(measured.ours, measured.baseline, ({ perSecond }) => perSecond),
    goal: { atLeast: 0.5 },
    detail: `${describe(measured.ours)} against ${describe(measured.baseline)} (CPU ratio ${cpuRatio(measured)})`,
    measured,
  };
}

function describe(side: readonly Appended[]): string {
  const of = (key: keyof Appended): number => median(side.map((each) => each[key]));
  return `${Math.round(of('perSecond'))} turns/s, ${of('cpuMicros').toFixed(2)} us CPU, ${Math.round(of('busy') * 100)} % busy`;
}

/** Each producer fills one run after another; opening and ending them is part of it. */
export class AppendSession implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #producers: readonly RunProducer[];

  private constructor(server: ServerProcess, all: readonly RunProducer[]) {
    this.#server = server;
    this.#producers = all;
  }

  static async open(server: ServerProcess): Promise<AppendSession> {
    const all: RunProducer[] = [];
    for (let number = 0; number < producers; number++) all.push(await RunProducer.open(server, number, depth));
    return new AppendSession(server, all);
  }

  async drive(durationMs: number): Promise<Appended> {
    const cpuBefore = await this.#server.cpuMicros();
    const startedAt = performance.now();
    let turns = 0;
    const fill = async (producer: RunProducer): Promise<void> => {
      do {
        await producer.startRun();
        await producer.fillRun();
        await producer.completeRun();
        turns += turnsPerRun;
      } while (performance.now() - startedAt < durationMs);
    };
    await Promise.all(this.#producers.map(fill));
    const elapsedMs = performance.now() - startedAt;
    const cpu = (await this.#server.cpuMicros()) - cpuBefore;
    this.#server.dropRuns();
    return { perSecond: (turns / elapsedMs) * 1_000, cpuMicros: cpu / turns, busy: cpu / 1_000 / elapsedMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#producers.map((producer) => producer.close()));
  }
}
