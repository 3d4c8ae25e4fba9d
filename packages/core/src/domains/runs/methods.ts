import { fail, type runs } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import { andThen } from './and-then.ts';
import { diffRuns } from './diff.ts';
import { toOtlp } from './otlp.ts';
import type { RunReader } from './reader.ts';
import { toOutcome } from './records.ts';
import type { Recorded, RunService } from './service.ts';
import type { IsStored, RunPlace } from './store/run-store.ts';
import type { RunSubscriptions, Snapshot } from './subscriptions.ts';

export interface RunParts {
  service: RunService;
  subscriptions: RunSubscriptions;
  reader: RunReader;
}

export function runMethods({ service, subscriptions, reader }: RunParts): Handlers<typeof runs> {
  return {
    'runs.start': ({ intent, agent_id, agent_name, outcome_description, idempotency_key }, { connection }) => {
      const request = {
        intent,
        agentId: agent_id ?? undefined,
        agentName: agent_name ?? undefined,
        outcomeDescription: outcome_description ?? undefined,
        idempotencyKey: idempotency_key ?? undefined,
      };
      return andThen(service.start(connection, request), ({ runId, agentId, isStored }) => ({
        run_id: runId,
        agent_id: agentId,
        ...persisted(isStored),
      }));
    },
    'runs.complete': ({ run_id, outcome }, { connection }) =>
      andThen(service.complete(connection, run_id, toOutcome(outcome)), (isStored) => ({
        run_id,
        ok: true as const,
        ...persisted(isStored),
      })),
    'runs.record_turns': ({ run_id, turns }, { connection }) =>
      andThen(service.recordTurns(connection, run_id, turns), (recorded) => toRecordAnswer(run_id, recorded)),
    'runs.subscribe': ({ run_id, after }, { connection }) =>
      andThen(subscriptions.subscribe(connection, run_id, after ?? undefined), (snapshot) =>
        toSubscribeAnswer(run_id, snapshot),
      ),
    'runs.unsubscribe': ({ run_id }, { connection }) => ({
      run_id,
      removed: subscriptions.unsubscribe(connection, run_id),
    }),
    'runs.list': async ({ agent_id }, { connection }) => ({
      agent_id,
      runs: await reader.list(connection, agent_id),
    }),
    'runs.get_trace': async ({ run_id, cursor }, { connection }) => {
      const offset = cursor ?? 0;
      const trace = await reader.trace(connection, run_id, offset);
      if (!trace) return { run_id, not_found: true as const };
      const { agentId: agent_id, records, nextCursor, lostTurns } = trace;
      return {
        run_id,
        agent_id,
        records,
        cursor: offset,
        ...(nextCursor !== undefined && { next_cursor: nextCursor }),
        ...(lostTurns > 0 && { lost_turns: lostTurns }),
      };
    },
    'runs.plans': async ({ run_id }, { connection }) => ({ run_id, plans: await service.plansOf(connection, run_id) }),
    'runs.search': async ({ agent_id, text, status, since, limit, after }, { connection }) => {
      const { runs: found, next } = await reader.search(connection, {
        agentId: agent_id ?? undefined,
        text: text ?? undefined,
        status: status ?? undefined,
        since: since ?? undefined,
        after: after == null ? undefined : parsePlace(after),
        limit,
      });
      return { runs: found, ...(next && { next: encodePlace(next) }) };
    },
    'runs.diff': async ({ a, b }, { connection }) =>
      diffRuns(await reader.read(connection, a), await reader.read(connection, b)),
    'runs.export': async ({ run_id, include_content }, { connection }) => ({
      run_id,
      format: 'otlp-json' as const,
      otlp: toOtlp(await reader.read(connection, run_id), { hasContent: include_content }),
    }),
  };
}

function encodePlace({ startedMs, runId }: RunPlace): string {
  return `${startedMs}/${encodeURIComponent(runId)}`;
}

function parsePlace(cursor: string): RunPlace {
  const [startedMs, runId = ''] = cursor.split('/');
  try {
    return { startedMs: Number(startedMs), runId: decodeURIComponent(runId) };
  } catch (error) {
    throw fail('invalid_params', 'after: not the next of an earlier answer', { cause: error });
  }
}

function persisted(isStored: IsStored): { persisted?: false } {
  return isStored ? {} : { persisted: false };
}

function toRecordAnswer(run_id: string, recorded: Recorded) {
  if (!recorded.isAppended) return { run_id, base_index: 0, count: 0, ok: false, dropped: recorded.dropped };
  const { baseIndex: base_index, count, isStored } = recorded;
  return { run_id, base_index, count, ok: true, ...persisted(isStored) };
}

function toSubscribeAnswer(run_id: string, { agentId, turns, cursor, status, delivery, ended }: Snapshot) {
  return {
    run_id,
    agent_id: agentId,
    turns_so_far: turns,
    cursor,
    status,
    ...(delivery && { delivery }),
    ...(ended && { ended }),
  };
}
