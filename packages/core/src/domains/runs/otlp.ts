// A run as OTLP/JSON traces (opentelemetry-proto, JSON encoding) with the GenAI semantic conventions: one `invoke_agent` span
// for the run, one `execute_tool` span for each turn that used a tool.
import { createHash } from 'node:crypto';
import type { RunEnded, RunStarted, RunTurn } from '@car-runtime/protocol';
import { version } from '../../version.ts';
import { isTurn, statusOf } from './records.ts';
import type { RunRef, StoredRun } from './store/run-store.ts';

const spanKindInternal = 1;
const statusOk = 1;
const statusError = 2;

export interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string } | { readonly boolValue: boolean };
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number; readonly message?: string };
}

// An alias: an interface is no record, which is what the answer of a method is.
export type TraceRequest = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly Span[];
    }[];
  }[];
};

/** What every span of this daemon says of itself, unless its operator says something else. */
export const defaultResource: Readonly<Record<string, string>> = {
  'service.name': 'car-server',
  'service.version': version,
};

export function toTraceRequest(
  spans: readonly Span[],
  resource: Readonly<Record<string, string>> = defaultResource,
): TraceRequest {
  const attributes = Object.entries(resource).map(([key, value]) => text(key, value));
  return {
    resourceSpans: [
      { resource: { attributes }, scopeSpans: [{ scope: { name: '@car-runtime/core', version }, spans }] },
    ],
  };
}

/** A whole run. Prompts, parameters, outputs and words of the agent only where they are asked for. */
export function toOtlp(run: StoredRun, { hasContent }: { hasContent: boolean }): TraceRequest {
  const started = run.records.find((record) => record.record === 'started') as RunStarted;
  const ended = run.records.findLast((record): record is RunEnded => record.record === 'ended');
  const turns = run.records.filter(isTurn);
  const endedAt = ended?.ended_at ?? turns.at(-1)?.recorded_at ?? started.started_at;
  let from = started.started_at;
  const tools = turns.flatMap((turn) => {
    const span = toToolSpan(run, turn, from, hasContent);
    from = turn.recorded_at ?? from;
    return span ?? [];
  });
  return toTraceRequest([toRunSpan(run, { started, ended, endedAt }, hasContent), ...tools]);
}

export interface RunSpanRecords {
  started: RunStarted;
  ended: RunEnded | undefined;
  endedAt: string;
}

/** `invoke_agent`: the run itself. */
export function toRunSpan(run: RunRef, { started, ended, endedAt }: RunSpanRecords, hasContent: boolean): Span {
  return {
    traceId: traceIdOf(run),
    spanId: rootIdOf(run),
    name: `invoke_agent ${run.agentId}`,
    kind: spanKindInternal,
    startTimeUnixNano: toNano(started.started_at),
    endTimeUnixNano: toNano(endedAt),
    attributes: [
      text('gen_ai.operation.name', 'invoke_agent'),
      text('gen_ai.agent.id', run.agentId),
      text('gen_ai.agent.name', run.agentId),
      text('gen_ai.conversation.id', run.runId),
      text('car.run.status', statusOf(ended?.termination)),
      ...outcomeAttributes(ended, hasContent),
      ...(hasContent ? [text('car.run.intent', started.intent)] : []),
    ],
    status: statusOfRun(ended),
  };
}

/** `execute_tool`, of a turn that used one. A turn is known by when it was recorded, so its span begins where the one before
 *  ended. */
export function toToolSpan(run: RunRef, turn: RunTurn, from: string, hasContent: boolean): Span | undefined {
  const { tool } = turn;
  if (tool === undefined) return undefined;
  return {
    traceId: traceIdOf(run),
    spanId: digest(`${run.runId}/${turn.index}`, 8),
    parentSpanId: rootIdOf(run),
    name: `execute_tool ${tool}`,
    kind: spanKindInternal,
    startTimeUnixNano: toNano(from),
    endTimeUnixNano: toNano(turn.recorded_at ?? from),
    attributes: [
      text('gen_ai.operation.name', 'execute_tool'),
      text('gen_ai.tool.name', tool),
      text('gen_ai.agent.id', run.agentId),
      { key: 'car.turn.index', value: { intValue: String(turn.index) } },
      text('car.turn.verifier_verdict', turn.verifier_verdict),
      { key: 'car.turn.policy_rejected', value: { boolValue: turn.policy_rejected ?? false } },
      ...(hasContent ? contentAttributes(turn) : []),
    ],
    status: turn.policy_rejected ? { code: statusError, message: 'rejected by policy' } : {},
  };
}

function traceIdOf({ runId }: RunRef): string {
  return digest(runId, 16);
}

function rootIdOf({ runId }: RunRef): string {
  return digest(`${runId}/`, 8);
}

function contentAttributes({ prompt, parameters, output }: RunTurn): Attribute[] {
  return [
    ...(prompt === undefined ? [] : [text('car.turn.prompt', prompt)]),
    ...(parameters === undefined ? [] : [text('gen_ai.tool.call.arguments', asText(parameters))]),
    ...(output === undefined ? [] : [text('gen_ai.tool.call.result', asText(output))]),
  ];
}

function outcomeAttributes(ended: RunEnded | undefined, hasContent: boolean): Attribute[] {
  if (ended?.termination.kind !== 'outcome') return [];
  const { status, summary } = ended.termination.outcome;
  return [text('car.run.outcome', status), ...(hasContent ? [text('car.run.summary', summary)] : [])];
}

function statusOfRun(ended: RunEnded | undefined): { code?: number; message?: string } {
  if (!ended) return {};
  if (ended.termination.kind === 'incomplete') return { code: statusError, message: 'incomplete' };
  const { status } = ended.termination.outcome;
  const isFailure = status === 'failure' || status === 'timeout' || status === 'give_up';
  return isFailure ? { code: statusError, message: status } : { code: statusOk };
}

function text(key: string, value: string): Attribute {
  return { key, value: { stringValue: value } };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Ids are derived, so that the same run exported twice is the same trace. */
function digest(name: string, bytes: number): string {
  return createHash('sha256')
    .update(name)
    .digest('hex')
    .slice(0, bytes * 2);
}

function toNano(at: string): string {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? '0' : `${ms}000000`;
}
