import { setTimeout as wait } from 'node:timers/promises';
import type { WatchedRecord } from '@car-runtime/client';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { interruptedExit, onInterrupt } from '../interrupt.ts';
import { warn } from '../plan/with-plan.ts';
import { connectReader, storedRecords, withHint } from './run-reader.ts';
import { RecordPrinter } from './timeline.ts';

/** A timer takes no more. */
const maxWaitMs = 2 ** 31 - 1;

export async function run({ context, args: [runId = ''], options }: CommandInput): Promise<number> {
  const speed = speedOf(options['speed']);
  using interrupt = onInterrupt();
  await using client = await connectReader(context);
  const printer = new RecordPrinter(context.isJson);
  const pace = new Pace(speed, interrupt.signal);
  let isEnded = false;
  await withHint(async () => {
    for await (const item of storedRecords(client, runId)) {
      await pace.until(item);
      if (interrupt.signal.aborted) return;
      isEnded = item.kind === 'ended';
      await printer.print(item);
    }
  });
  if (interrupt.signal.aborted) return interruptedExit;
  if (!isEnded && !context.isJson) warn('that is all so far: the run has not ended');
  return exitCode.ok;
}

function speedOf(value: string | boolean | undefined): number {
  if (value === undefined) return 1;
  if (value === 'max') return Infinity;
  const speed = Number(value);
  if (speed > 0 && speed < Infinity) return speed;
  throw new UsageError(`--speed is a number above 0, or max, not ${JSON.stringify(value)}`);
}

/** Lets each record wait for its time since the first one, so that delays do not add up. */
class Pace {
  readonly #speed: number;
  readonly #signal: AbortSignal;
  #first: { recordedMs: number; playedMs: number } | undefined;

  constructor(speed: number, signal: AbortSignal) {
    this.#speed = speed;
    this.#signal = signal;
  }

  /** Returns early when it is interrupted. A record without a time comes at once. */
  async until(item: WatchedRecord): Promise<void> {
    const recordedMs = Date.parse(timeOf(item) ?? '');
    if (Number.isNaN(recordedMs) || this.#speed === Infinity) return;
    this.#first ??= { recordedMs, playedMs: performance.now() };
    const dueMs = this.#first.playedMs + (recordedMs - this.#first.recordedMs) / this.#speed;
    for (let left = dueMs - performance.now(); left >= 1; left = dueMs - performance.now()) {
      await wait(Math.min(left, maxWaitMs), undefined, { signal: this.#signal }).catch(() => {}); // interrupted
      if (this.#signal.aborted) return;
    }
  }
}

function timeOf({ record }: WatchedRecord): string | undefined {
  if (record?.record === 'started') return record.started_at;
  return record?.record === 'ended' ? record.ended_at : record?.recorded_at;
}
