// The daemon's numbers as Prometheus text. Labels come from closed lists (methods of the contract, reasons, listeners),
// so the number of series is bounded whatever clients send.
import { version, type MethodCount } from '@car-runtime/core';
import type { SpanCounts } from './telemetry/span-exporter.ts';

export interface MetricSources {
  startedAt: Date;
  sessions(): number;
  acceptedTotal(): number;
  methodCounts(): readonly MethodCount[];
  refusals(): readonly (readonly [reason: string, total: number])[];
  /** Sockets that have not authenticated, by listener. */
  unauthenticated(): readonly (readonly [listener: string, sockets: number])[];
  problems(): readonly string[];
  /** Where spans are exported. */
  spans?: SpanCounts | undefined;
  loopDelayP99Ms(): number;
  budgets(): { refusals: ReadonlyMap<string, number>; openCalls: number; accounts: number };
  /** Plans that wait for a supervisor, and supervisors. */
  supervision(): { parked: number; supervisors: number };
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

export function metricsText(sources: MetricSources): string {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const called = sources.methodCounts().filter(({ calls }) => calls > 0);
  const one = (value: number): Sample[] => [[{}, value]];
  return [
    metric('car_build_info', 'gauge', 'Version of this daemon', [[{ version }, 1]]),
    metric(
      'process_start_time_seconds',
      'gauge',
      'Start of the process, seconds since the epoch',
      one(sources.startedAt.getTime() / 1_000),
    ),
    metric('process_cpu_seconds_total', 'counter', 'CPU time of the process', one((cpu.user + cpu.system) / 1e6)),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory', one(memory.rss)),
    metric('car_heap_used_bytes', 'gauge', 'JavaScript heap in use', one(memory.heapUsed)),
    metric(
      'car_event_loop_delay_p99_seconds',
      'gauge',
      'Delay of the event loop, 99th percentile of the last minute',
      one(sources.loopDelayP99Ms() / 1_000),
    ),
    metric('car_sessions', 'gauge', 'Open connections', one(sources.sessions())),
    metric('car_sessions_accepted_total', 'counter', 'Connections accepted', one(sources.acceptedTotal())),
    metric(
      'car_unauthenticated_sockets',
      'gauge',
      'Sockets that have not authenticated',
      sources.unauthenticated().map(([listener, value]) => [{ listener }, value]),
    ),
    metric(
      'car_refused_total',
      'counter',
      'Requests and sockets turned away',
      sources.refusals().map(([reason, value]) => [{ reason }, value]),
    ),
    metric(
      'car_requests_total',
      'counter',
      'Calls of a method',
      called.map(({ method, calls }) => [{ method }, calls]),
    ),
    metric(
      'car_request_errors_total',
      'counter',
      'Calls of a method answered with an error',
      called.map(({ method, errors }) => [{ method }, errors]),
    ),
    metric(
      'car_budget_refused_total',
      'counter',
      'Calls refused by budgets',
      [...sources.budgets().refusals].map(([reason, value]) => [{ reason }, value]),
    ),
    metric(
      'car_budget_open_calls',
      'gauge',
      'Calls that budgets have set room aside for',
      one(sources.budgets().openCalls),
    ),
    metric('car_budget_accounts', 'gauge', 'Accounts of budgets', one(sources.budgets().accounts)),
    metric('car_supervisors', 'gauge', 'Supervisors subscribed', one(sources.supervision().supervisors)),
    metric('car_supervision_parked', 'gauge', 'Plans that wait for a supervisor', one(sources.supervision().parked)),
    metric('car_degraded', 'gauge', 'Components that do not work as they should', one(sources.problems().length)),
    ...(sources.spans ? spanMetrics(sources.spans) : []),
  ].join('');
}

function spanMetrics({ exported, queueFull, rejected, failed }: SpanCounts): string[] {
  return [
    metric('car_spans_exported_total', 'counter', 'Spans that the collector took', [[{}, exported]]),
    metric('car_spans_dropped_total', 'counter', 'Spans that it did not get', [
      [{ reason: 'queue_full' }, queueFull],
      [{ reason: 'rejected' }, rejected],
      [{ reason: 'failed' }, failed],
    ]),
  ];
}

function metric(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, escapeLabel)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
