import type { Candidate, ModeReport, ProactiveRequest } from '@car-runtime/memory';
import type { ProactiveCandidate, ProactiveMemoryRequest, proactiveMemory } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { ProactiveMemory } from './proactive.ts';

const defaultMaxCandidates = 8;

export function proactiveMethods(proactive: ProactiveMemory): Handlers<typeof proactiveMemory> {
  const save = (bank: 'knowledge' | 'procedural'): Handlers<typeof proactiveMemory>['memory.save_knowledge'] => {
    return async ({ id, subject, body, tags, confidence, tenant_id, is_constraint }, { connection }) => {
      const saved = await proactive.save(connection, bank, {
        id,
        subject,
        body,
        tags,
        confidence,
        tenant: tenant_id ?? '',
        isConstraint: is_constraint ?? false,
      });
      return { id: saved.id, kind: bank, fact_count: saved.factCount };
    };
  };
  return {
    'memory.update_status': ({ body, tenant_id }, { connection }) => ({
      id: proactive.updateStatus(connection, body, tenant_id ?? ''),
      body,
      ...(tenant_id !== undefined && { tenant_id }),
    }),
    'memory.save_knowledge': save('knowledge'),
    'memory.save_procedural': save('procedural'),
    'memory.delete': async ({ id, tenant_id }, { connection }) => {
      const { isDeleted, kind, factCount } = await proactive.delete(connection, id, tenant_id);
      return { id, deleted: isDeleted, kind, fact_count: factCount };
    },
    'memory.maintain': async ({ max_recent, tenant_id }, { connection, signal }) => {
      const maintained = await proactive.maintain(connection, max_recent, tenant_id ?? '', signal);
      const { trigger, saved, skipped, status } = maintained;
      return {
        trigger,
        saved,
        skipped_existing: skipped,
        ...(status !== undefined && { status }),
      };
    },
    'memory.intervene': async (request, { connection }) => {
      const { candidates, bank, ...outcome } = await proactive.intervene(connection, toRequest(request));
      const shown = { candidates: candidates.map(toCandidate), bank };
      if ('reason' in outcome) return { decision: 'silent' as const, reason: outcome.reason, ...shown };
      const { reminder, selected } = outcome;
      return { decision: 'inject' as const, reminder, selected: toCandidate(selected), ...shown };
    },
    'memory.evaluate': async ({ cases }, { connection }) => {
      const reports = await proactive.evaluate(
        connection,
        cases.map(({ request, relevant_fact_ids = [] }) => ({
          request: toRequest(request),
          relevantIds: new Set(relevant_fact_ids),
        })),
      );
      return {
        cases: cases.length,
        selective: toReport(reports.selective),
        always_inject: toReport(reports.alwaysInject),
        passive_retrieval: toReport(reports.passiveRetrieval),
        no_memory: toReport(reports.noMemory),
      };
    },
  };
}

function toRequest(request: ProactiveMemoryRequest): ProactiveRequest {
  const { query = '', recent = [], trigger = {}, force = false, max_candidates, tenant_id = '' } = request;
  return {
    query,
    recent,
    trigger: {
      repeatedFailures: trigger.repeated_failures ?? 0,
      toolError: trigger.tool_error ?? false,
      explicitUncertainty: trigger.explicit_uncertainty ?? false,
      highRiskAction: trigger.high_risk_action ?? false,
      contextShift: trigger.context_shift ?? false,
    },
    isForced: force,
    maxCandidates: max_candidates ?? defaultMaxCandidates,
    view: { tenant: tenant_id },
  };
}

function toCandidate({ node, bank, score, reasons }: Candidate): ProactiveCandidate {
  return { id: node.id, kind: bank, subject: node.key, body: node.value, score, reasons: [...reasons] };
}

function toReport(report: ModeReport) {
  return {
    interventions: report.interventions,
    true_positives: report.truePositives,
    false_positives: report.falsePositives,
    false_negatives: report.falseNegatives,
    precision: report.precision,
    recall: report.recall,
    interruption_rate: report.interruptionRate,
    avg_candidates_exposed: report.avgCandidatesExposed,
  };
}
