// A run as OTLP/JSON traces (opentelemetry-proto, JSON encoding) with the GenAI semantic conventions: one `invoke_agent` span
// for the run, one `execute_tool` span for each turn that used a tool.
import { createHash } from 'node:crypto';
import type { RunEnded, RunStarted, RunTurn } from '@car-runtime/protocol';
import { version } from '../../version.ts';
import { isTurn } from './records.ts';
import type { StoredRun } from './store/run-store.ts';

const spanKindInternal = 1;
const statusOk = 1;
const statusError = 2;

type Attribute = { key: string; value: { stringValue: string } | { intValue: string } | { boolValue: boolean } };

/** Prompts, parameters, outputs and words of the agent only where they are asked for. */
export function toOtlp(run: StoredRun, { hasContent }: { hasContent: boolean }): Record<string, unknown> {
  const started = run.records.find((record) => record.record === 'started') as RunStarted;
  const ended = run.records.findLast((record): record is RunEnded => record.record === 'ended');
  const turns = run.records.filter(isTurn);
  const startNano = toNano(started.started_at);
  const endNano = toNano(ended?.ended_at ?? turns.at(-1)?.recorded_at ?? started.started_at);
  const ids = { traceId: digest(run.runId, 16), rootId: digest(`${run.runId}/`, 8) };
  const root = {
    traceId: ids.traceId,
    spanId: ids.rootId,
    name: `invoke_agent ${run.agentId}`,
    kind: spanKindInternal,
    startTimeUnixNano: startNano,
    endTimeUnixNano: endNano,
    attributes: [
      text('gen_ai.operation.name', 'invoke_agent'),
      text('gen_ai.agent.id', run.agentId),
      text('gen_ai.agent.name', run.agentId),
      text('gen_ai.conversation.id', run.runId),
      text('car.run.status', run.status),
      ...outcomeAttributes(ended, hasContent),
      ...(hasContent ? [text('car.run.intent', started.intent)] : []),
    ],
    status: statusOfRun(ended),
  };
  let fromNano = startNano;
  const tools = turns.flatMap((turn) => {
    const toNanoOfTurn = turn.recorded_at === undefined ? fromNano : toNano(turn.recorded_at);
    const span =
      turn.tool === undefined ? [] : [toolSpan(run, turn, turn.tool, ids, hasContent, fromNano, toNanoOfTurn)];
    fromNano = toNanoOfTurn;
    return span;
  });
  return {
    resourceSpans: [
      {
        resource: { attributes: [text('service.name', 'car-server'), text('service.version', version)] },
        scopeSpans: [{ scope: { name: '@car-runtime/core', version }, spans: [root, ...tools] }],
      },
    ],
  };
}

/** A turn is known by when it was recorded, so its span begins where the one before ended. */
function toolSpan(
  run: StoredRun,
  turn: RunTurn,
  tool: string,
  { traceId, rootId }: { traceId: string; rootId: string },
  hasContent: boolean,
  startTimeUnixNano: string,
  endTimeUnixNano: string,
) {
  return {
    traceId,
    spanId: digest(`${run.runId}/${turn.index}`, 8),
    parentSpanId: rootId,
    name: `execute_tool ${tool}`,
    kind: spanKindInternal,
    startTimeUnixNano,
    endTimeUnixNano,
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
