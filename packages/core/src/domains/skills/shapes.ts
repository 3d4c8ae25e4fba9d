// Skills between the wire and the memory package.
import {
  MemoryError,
  toScope,
  type DeploymentDecision,
  type Enforcement,
  type Skill,
  type SkillInput,
} from '@car-runtime/memory';
import {
  fail,
  type CheckedParamsOf,
  type JournalEvent,
  type ResultOf,
  type skill as contract,
} from '@car-runtime/protocol';

export type SkillMeta = NonNullable<ResultOf<(typeof contract)['skill.meta']>>;
export type SkillStatsRow = ResultOf<(typeof contract)['skill.report']>;
export type IngestParams = CheckedParamsOf<(typeof contract)['skill.ingest']>;
export type DistilledSkill = CheckedParamsOf<(typeof contract)['skills.ingest_distilled']>['skills'][number];
export type DecisionRow = ResultOf<(typeof contract)['skill.gate_deployment']>;
export type EnforcementRow = ResultOf<(typeof contract)['skill.enforce_deployment']>['enforcement'];
export type TraceEvent = CheckedParamsOf<(typeof contract)['skills.distill']>['events'][number];

export function toStatsRow({ stats }: Skill): SkillStatsRow {
  const { successCount, failCount, complaintCount, degraded, brokenForRepair, lastUsedAtMs } = stats;
  const outcomes = successCount + failCount;
  return {
    success_count: successCount,
    fail_count: failCount,
    degraded,
    broken_for_repair: brokenForRepair,
    ...(outcomes > 0 && { completion_rate: successCount / outcomes }),
    ...(complaintCount !== undefined && { complaint_count: complaintCount }),
    ...(lastUsedAtMs !== undefined && { last_used_at: new Date(lastUsedAtMs).toISOString() }),
  };
}

export function toMeta(skill: Skill): SkillMeta {
  const { persona, urlPattern, taskKeywords, structured } = skill.trigger;
  return {
    name: skill.name,
    code: skill.code,
    platform: skill.platform,
    description: skill.description,
    trigger: {
      persona,
      url_pattern: urlPattern,
      task_keywords: [...taskKeywords],
      ...(structured && { structured }),
    },
    scope: skill.scope,
    when_to_apply: skill.whenToApply,
    stats: toStatsRow(skill),
    version: skill.version,
    ...(skill.tenant !== '' && { tenant_id: skill.tenant }),
    status: skill.status,
    ...(skill.incumbent !== undefined && { incumbent: skill.incumbent }),
    ...(skill.deploymentTier !== undefined && { deployment_tier: skill.deploymentTier }),
  };
}

export function toInput(params: IngestParams): SkillInput {
  return {
    name: params.name,
    code: params.code,
    platform: params.platform,
    description: params.description,
    trigger: { persona: params.persona, urlPattern: params.url_pattern, taskKeywords: params.task_keywords },
    scope: toScope(params.scope),
    ...(params.when_to_apply !== undefined && { whenToApply: params.when_to_apply }),
    ...(params.supersedes !== undefined && { supersedes: params.supersedes }),
    tenant: params.tenant_id ?? '',
  };
}

export function fromDistilled(distilled: DistilledSkill, tenant: string): SkillInput {
  const { name, code, platform = 'distilled', description, when_to_apply: whenToApply, trigger, scope } = distilled;
  const { persona, url_pattern: urlPattern, task_keywords: taskKeywords, structured } = trigger;
  return {
    name,
    code,
    platform,
    description,
    whenToApply,
    trigger: { persona, urlPattern, taskKeywords, ...(structured && { structured }) },
    scope: toScope(scope),
    tenant,
  };
}

/** States are what the log has of them, or null. */
export function toTraceEvent({ kind, action_id, data }: JournalEvent): TraceEvent {
  const { tool, error, state_before = null, state_after = null } = data;
  return {
    kind,
    ...(action_id && { action_id }),
    ...(typeof tool === 'string' && { tool }),
    ...(error !== undefined && { error }),
    state_before,
    state_after,
  };
}

export function toDecisionRow({ trust, ceiling, granted, outcome, reason }: DeploymentDecision): DecisionRow {
  return { trust, ceiling, granted, outcome, reason };
}

export function toEnforcementRow(enforcement: Enforcement): EnforcementRow {
  const { deploy, effectiveTier, overridden, blocked, pending, reason } = enforcement;
  return { deploy, effective_tier: effectiveTier, overridden, blocked, pending, reason };
}

/** Runs what works on a memory; what it throws on purpose becomes an error the caller can act on. */
export function onMemory<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    const data = { reason: error.reason, ...(error.field !== undefined && { field: error.field }) };
    const isWrong = error.reason === 'bad_skill_name' || error.reason === 'too_long';
    throw fail(isWrong ? 'invalid_params' : 'failed', error.message, { data, cause: error });
  }
}
