import type { memory } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import { toRow, toTimelineRow } from './rows.ts';
import type { MemoryService } from './service.ts';

export function memoryMethods(service: MemoryService): Handlers<typeof memory> {
  return {
    'memory.add_fact': (
      { subject, body, kind, fact_id, tags, source, supersedes, depends_on, premises, tenant_id, origin, expires_at },
      { connection },
    ) =>
      service.addFact(connection, {
        subject,
        body,
        kind,
        factId: fact_id,
        tags,
        source,
        supersedes,
        dependsOn: depends_on,
        premises,
        tenant: tenant_id ?? '',
        origin,
        expiresAt: expires_at,
      }),
    'memory.query': async ({ query, k, tenant_id, ranking }, { connection }) => {
      const hits = await service.query(connection, query, k, { tenant: tenant_id ?? '', ranking });
      return hits.map(({ node, score }) => toRow(node, score));
    },
    'memory.build_context': ({ query, model_context_window, tenant_id, ranking }, { connection }) =>
      service.buildContext(connection, query, {
        window: model_context_window,
        isFast: false,
        tenant: tenant_id ?? '',
        ranking,
      }),
    'memory.build_context_fast': ({ query, model_context_window, tenant_id, ranking }, { connection }) =>
      service.buildContext(connection, query, {
        window: model_context_window,
        isFast: true,
        tenant: tenant_id ?? '',
        ranking,
      }),
    'memory.fact_count': ({ tenant_id }, { connection }) => service.factCount(connection, tenant_id ?? ''),
    'memory.consolidate': async (_params, { connection, signal }) => {
      const { promoted, rejected, pruned, collected, turnsSummarised, summariesDropped, distilled } =
        await service.consolidate(connection, signal);
      return {
        candidates_promoted: promoted,
        candidates_rejected: rejected,
        pruned,
        collected,
        turns_summarised: turnsSummarised,
        summaries_dropped: summariesDropped,
        distilled,
      };
    },
    'memory.utility_get': async (_params, { connection }) => toUtility(await service.utility(connection)),
    'memory.utility_set': async ({ utility_weight, utility_exploration }, { connection }) =>
      toUtility(
        await service.utility(connection, {
          ...(utility_weight !== undefined && { weight: utility_weight ?? 0 }),
          ...(utility_exploration !== undefined && { exploration: utility_exploration ?? 0 }),
        }),
      ),
    'memory.persist': ({ path }, { connection }) => service.persist(connection, path),
    'memory.load': ({ path }, { connection }) => service.load(connection, path),
    'memory.explain': async ({ query, fact_id, k, tenant_id, ranking }, { connection }) => {
      const { seeds, results } = await service.explain(connection, query, fact_id, k, {
        tenant: tenant_id ?? '',
        ranking,
      });
      return {
        seeds: seeds.map(({ factId, score, terms }) => ({ fact_id: factId, score, terms })),
        results: results.map(({ factId, path, parts, notCurrent }) => ({
          fact_id: factId,
          path,
          parts,
          ...(notCurrent !== undefined && { not_current: notCurrent }),
        })),
      };
    },
    'memory.timeline': async ({ key, tenant_id }, { connection }) =>
      (await service.timeline(connection, key, tenant_id ?? '')).map(toTimelineRow),
    'memory.show': async ({ fact_id, tenant_id }, { connection }) => {
      const shown = await service.show(connection, fact_id, tenant_id ?? '');
      const { node, dependsOn, neededBy, supersedes, supersededBy } = shown;
      const { createdAtMs, endedAtMs, needsReview, counters } = node;
      return {
        fact: toRow(node),
        at: new Date(createdAtMs).toISOString(),
        ...(endedAtMs !== Infinity && { ended_at: new Date(endedAtMs).toISOString() }),
        needs_review: needsReview,
        depends_on: dependsOn,
        needed_by: neededBy,
        supersedes,
        ...(supersededBy !== undefined && { superseded_by: supersededBy }),
        counters: { ...counters },
      };
    },
    'memory.export': async ({ format, after, tenant_id }, { connection }) => {
      const { text, rows, next } = await service.export(connection, format, {
        tenant: tenant_id ?? '',
        from: after === undefined ? 0 : Number(after),
      });
      return { format, text, rows, ...(next !== undefined && { next: String(next) }) };
    },
    'memory.import': ({ format, text, tenant_id }, { connection }) =>
      service.import(connection, format, text, tenant_id ?? ''),
    'memory.candidates': ({ limit, tenant_id }, { connection }) =>
      service.candidates(connection, tenant_id ?? '', limit),
    'memory.watch': ({ after, tenant_id }, { connection }) =>
      service.watch(connection, tenant_id ?? '', after ?? undefined),
    'memory.unwatch': async (_params, { connection }) => ({ removed: await service.unwatch(connection) }),
  };
}

function toUtility({ weight, exploration }: { weight: number; exploration: number }) {
  return { utility_weight: weight, utility_exploration: exploration };
}
