import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 20;
const windowMs = 30_000;

export interface LoopDelay extends Disposable {
  /** 99th percentile over the last window or two, in ms: how late the event loop came to a timer. */
  p99Ms(): number;
}

/** Measures the event loop of this process. One per process, in the daemon only: it wakes 50 times a second. */
export function startLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let previousMs = 0;
  // The histogram records the time between its timer's runs, which is the resolution when nothing is late.
  const currentMs = (): number =>
    histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs);
  const timer = setInterval(() => {
    previousMs = currentMs();
    histogram.reset();
  }, windowMs).unref();
  return {
    p99Ms: () => Math.round(Math.max(previousMs, currentMs()) * 100) / 100,
    [Symbol.dispose]: () => {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
