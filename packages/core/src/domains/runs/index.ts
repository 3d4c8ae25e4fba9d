import type { Proposal } from '@car-runtime/engine';
import { runs } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { createConnectionRuns } from './connection-runs.ts';
import { LiveSpans, type SpanSink } from './live-spans.ts';
import { runMethods, type RunParts } from './methods.ts';
import { RunReader } from './reader.ts';
import { RunRegistry } from './registry.ts';
import { RunningPlan } from './running-plan.ts';
import { RunService, type PlanRecording } from './service.ts';
import { JsonlRunStore } from './store/jsonl-run-store.ts';
import type { RunRetention, RunStore } from './store/run-store.ts';
import { RunSubscriptions } from './subscriptions.ts';

export type { SpanSink } from './live-spans.ts';
export { defaultResource, toTraceRequest, type Attribute, type Span, type TraceRequest } from './otlp.ts';
export { defaultRunRetention, type RunRetention, type RunStore } from './store/run-store.ts';

/** Headers of ended runs in memory; beyond that the oldest are read from the store. */
const maxEndedHeaders = 10_000;

/** Takes what a plan came to when a run was open on its connection. */
export interface PlanRecorder {
  /** The run that a plan submitted now belongs to. */
  runOf(connection: Connection): string | undefined;
  /** A plan is under way. Disposed when there is nothing to record. */
  begin(runId: string, plan: Proposal): PlanRecording;
}

export interface Runs extends RunParts, AsyncDisposable {
  /** A run that is in memory: whose it is, and whether it has ended. */
  find(runId: string): { readonly agentId: string; readonly isEnded: boolean } | undefined;
  readonly recorder: PlanRecorder;
  /** I-16: ends the runs that an earlier start left open, then removes those past the retention. Each is tried whatever
   *  becomes of the other. */
  sweep(retention: RunRetention): Promise<{ runsAdopted: number; runsRemoved: number }>;
}

export interface RunsOptions {
  /** Folder of the runs, a folder for each agent in it. */
  root: string;
  /** Answers only once the medium has the bytes, not just the operating system. */
  isSynced: boolean;
  health: Health;
  logger: Logger;
  defaultAgentId: string | undefined;
  /** In place of the files. */
  store?: RunStore | undefined;
  /** Where spans of runs go while they happen. */
  spanSink?: SpanSink | undefined;
}

export function createRuns(options: RunsOptions): Runs {
  const { logger, defaultAgentId, spanSink } = options;
  const store = options.store ?? new JsonlRunStore(options);
  const registry = new RunRegistry(maxEndedHeaders);
  const runsOf = createConnectionRuns();
  let swept: Promise<unknown> = Promise.resolve();
  const shared = { registry, store, logger, runsOf };
  const spans = spanSink && new LiveSpans(spanSink);
  const service = new RunService({ ...shared, defaultAgentId, spans });
  const attempt = async (what: string, work: () => Promise<number>): Promise<number> => {
    try {
      return await work();
    } catch (error) {
      logger.warn({ err: error }, what);
      return 0;
    }
  };
  return {
    service,
    subscriptions: new RunSubscriptions({ ...shared, whenSwept: () => swept }),
    find: (runId) => registry.get(runId),
    reader: new RunReader(store),
    recorder: {
      runOf: (connection) => service.currentRunOf(connection),
      begin: (runId, plan) => service.beginPlan(runId, new RunningPlan(plan)),
    },
    sweep: async (retention) => {
      const adopting = attempt('runs of an earlier start not ended', () =>
        store.adoptOrphans((runId) => registry.get(runId) !== undefined),
      );
      swept = adopting;
      const runsAdopted = await adopting;
      const runsRemoved = await attempt('runs past the retention not removed', () => store.collectGarbage(retention));
      return { runsAdopted, runsRemoved };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()),
  };
}

/** `runs.*`: what agents do, live and afterwards. */
export function runsDomain(parts: Runs): Domain<typeof runs> {
  return {
    name: 'runs',
    contract: runs,
    methods: runMethods(parts),
    onClose: {
      'run-subscriptions': (connection) => parts.subscriptions.unsubscribeAll(connection),
      'run-sweep': (connection) => parts.service.sweep(connection),
    },
  };
}
