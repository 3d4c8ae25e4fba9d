// The daemon's own metrics, read again and again while somebody looks, and kept for a while.
import type { ReactiveControllerHost } from 'lit';
import { connection } from '../connection.ts';
import { sessionHeaders } from '../session.ts';
import { Store } from './store.ts';

const everyMs = 2_000;
/** Half an hour. */
const maxSamples = 900;

export interface Sample {
  /** Unix seconds. */
  at: number;
  loopDelayMs: number;
  rssBytes: number;
  heapBytes: number;
  sessions: number;
  requests: number;
  errors: number;
  refused: number;
}

export interface MethodCount {
  method: string;
  calls: number;
  errors: number;
}

export interface MetricsView {
  /** Oldest first. */
  samples: readonly Sample[];
  methods: readonly MethodCount[];
  error?: unknown;
}

export const metricsView = new Store<MetricsView>({ samples: [], methods: [] });

let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Samples while `host` is on the page. */
export function sampleMetrics(host: ReactiveControllerHost): void {
  host.addController({
    hostConnected: () => {
      if (++watchers > 1) return;
      timer = setInterval(() => {
        if (document.visibilityState === 'visible') void sample();
      }, everyMs);
      void sample();
    },
    hostDisconnected: () => {
      if (--watchers === 0) clearInterval(timer);
    },
  });
}

async function sample(): Promise<void> {
  if (connection.value.state !== 'connected') return;
  try {
    const answer = await fetch('/metrics', { headers: sessionHeaders() });
    if (!answer.ok) throw new Error(await answer.text());
    take(parseMetrics(await answer.text()));
  } catch (error) {
    metricsView.update((view) => ({ ...view, error }));
  }
}

function take(metrics: readonly Metric[]): void {
  const sum = (name: string): number =>
    metrics.reduce((total, each) => (each.name === name ? total + each.value : total), 0);
  const taken: Sample = {
    at: Date.now() / 1_000,
    loopDelayMs: sum('car_event_loop_delay_p99_seconds') * 1_000,
    rssBytes: sum('process_resident_memory_bytes'),
    heapBytes: sum('car_heap_used_bytes'),
    sessions: sum('car_sessions'),
    requests: sum('car_requests_total'),
    errors: sum('car_request_errors_total'),
    refused: sum('car_refused_total'),
  };
  metricsView.update(({ samples }) => ({
    samples: [...samples.slice(1 - maxSamples), taken],
    methods: methodsOf(metrics),
  }));
}

function methodsOf(metrics: readonly Metric[]): MethodCount[] {
  const methods = new Map<string, MethodCount>();
  for (const { name, labels, value } of metrics) {
    const { method } = labels;
    if (method === undefined) continue;
    const count = methods.get(method) ?? { method, calls: 0, errors: 0 };
    methods.set(method, count);
    if (name === 'car_requests_total') count.calls = value;
    else if (name === 'car_request_errors_total') count.errors = value;
  }
  return [...methods.values()].toSorted((left, right) => right.calls - left.calls);
}

export interface Metric {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** Prometheus text, as far as this daemon writes it. */
export function parseMetrics(text: string): Metric[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^([a-z_][\w]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = '', each = '']) => [key, each.replaceAll(/\\(.)/g, '$1')] as const,
    );
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/** Of a counter, each second; nothing before the second sample, and where it began anew. */
export function rates(samples: readonly Sample[], of: (sample: Sample) => number): (number | null)[] {
  return samples.map((each, index) => {
    const before = samples[index - 1];
    if (!before) return null;
    const [risen, seconds] = [of(each) - of(before), each.at - before.at];
    return risen < 0 || seconds <= 0 ? null : risen / seconds;
  });
}
