// Loaded into a measured server before its own code (`node --import`): answers questions about the process over the
// channel to its parent. Costs nothing while nobody asks.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

export type ProbeQuestion = 'cpu' | 'memory' | 'start-delay' | 'stop-delay';

/** Questions may overlap; an answer carries the number of its question. */
export interface ProbeMessage {
  number: number;
  question: ProbeQuestion;
}
export interface ProbeAnswer {
  number: number;
  answer: unknown;
}

const resolutionMs = 1;
const histogram = monitorEventLoopDelay({ resolution: resolutionMs });

const answers: Record<ProbeQuestion, () => unknown> = {
  /** Processor time of the whole process so far, in microseconds. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /** Bytes held, after garbage collection found nothing more to free. Needs `--expose-gc`. */
  memory: async () => {
    for (let round = 0; round < 6; round++) {
      globalThis.gc?.();
      await delay(100);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, heapUsed, external };
  },
  'start-delay': () => {
    histogram.reset();
    histogram.enable();
  },
  /** How late the event loop came to a timer, 99th percentile in ms. */
  'stop-delay': () => {
    histogram.disable();
    return Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs);
  },
};

process.on('message', ({ number, question }: ProbeMessage) => {
  void Promise.resolve(answers[question]()).then((answer) => process.send?.({ number, answer } satisfies ProbeAnswer));
});
process.channel?.unref();
