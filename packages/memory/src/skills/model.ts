// What a skill is (Memory, Skills). Kept in a node of kind skill, whose value is the skill as JSON; its outcomes are counted
// beside it.
import type { MemoryNode } from '../graph/model.ts';

export type Tier = 'read_only' | 'sandbox_edit' | 'full_access';
export const tiers: readonly Tier[] = ['read_only', 'sandbox_edit', 'full_access'];

export type SkillScope = 'global' | { readonly domain: string };

export interface SkillTrigger {
  readonly persona: string;
  readonly urlPattern: string;
  readonly taskKeywords: readonly string[];
  /** A trigger of another shape than words; such a skill is found by name only. */
  readonly structured?: { readonly kind: string; readonly signature: unknown };
}

export type SkillStatus = 'active' | 'provisional';

/** What a skill says and may; nothing of it changes once it is ingested. */
export interface SkillDefinition {
  readonly name: string;
  readonly code: string;
  readonly platform: string;
  readonly description: string;
  readonly trigger: SkillTrigger;
  readonly scope: SkillScope;
  readonly whenToApply: string;
  readonly version: number;
  readonly status: SkillStatus;
  /** Of a candidate: the skill it would take the place of. */
  readonly incumbent?: string;
  /** What was granted when it was deployed; it caps what is done for the skill. */
  readonly deploymentTier?: Tier;
}

export interface SkillStats {
  readonly successCount: number;
  readonly failCount: number;
  /** Among the failures. */
  readonly complaintCount?: number;
  readonly degraded: boolean;
  readonly brokenForRepair: boolean;
  readonly lastUsedAtMs?: number;
}

export interface Skill extends SkillDefinition {
  readonly key: string;
  readonly tenant: string;
  /** Number of its node. */
  readonly node: number;
  /** Id of its node. */
  readonly id: string;
  readonly stats: SkillStats;
}

/** Key of the fact that says when a skill is to be used: this, and the key of the skill. */
export const triggerPrefix = 'skill_trigger:';

/** A key ends so when it stands for a candidate. */
export const candidateSuffix = '@cand';

/** What keeps a skill in the value of its node, by the names of the wire. */
export function encodeSkill(skill: SkillDefinition): string {
  const { name, code, platform, description, trigger, scope, version, status, incumbent } = skill;
  return JSON.stringify({
    name,
    code,
    platform,
    description,
    trigger: {
      persona: trigger.persona,
      url_pattern: trigger.urlPattern,
      task_keywords: trigger.taskKeywords,
      ...(trigger.structured && { structured: trigger.structured }),
    },
    scope,
    when_to_apply: skill.whenToApply,
    version,
    status,
    ...(incumbent !== undefined && { incumbent }),
    ...(skill.deploymentTier !== undefined && { deployment_tier: skill.deploymentTier }),
  });
}

/** The skill of a node; undefined when the node holds none that can be read, as a file that somebody edited may. */
export function decodeSkill(node: MemoryNode): Skill | undefined {
  const value = parseObject(node.value);
  if (!value || typeof value['name'] !== 'string') return undefined;
  const text = (name: string, from = value): string => (typeof from[name] === 'string' ? from[name] : '');
  const trigger = toObject(value['trigger']);
  const keywords = trigger['task_keywords'];
  const structured = toObject(trigger['structured']);
  const tier = tiers.find((each) => each === value['deployment_tier']);
  const version = Number(value['version']);
  return {
    key: node.key,
    tenant: node.tenant,
    node: node.index,
    id: node.id,
    name: text('name'),
    code: text('code'),
    platform: text('platform'),
    description: text('description'),
    trigger: {
      persona: text('persona', trigger),
      urlPattern: text('url_pattern', trigger),
      taskKeywords: Array.isArray(keywords) ? keywords.filter((each) => typeof each === 'string') : [],
      ...(typeof structured['kind'] === 'string' && {
        structured: { kind: structured['kind'], signature: structured['signature'] },
      }),
    },
    scope: toScope(value['scope']),
    whenToApply: text('when_to_apply'),
    version: Number.isSafeInteger(version) && version > 0 ? version : 1,
    status: value['status'] === 'provisional' ? 'provisional' : 'active',
    ...(typeof value['incumbent'] === 'string' && { incumbent: value['incumbent'] }),
    ...(tier && { deploymentTier: tier }),
    stats: toStats(node),
  };
}

/** Also reads the spelling of older clients: "Global", {Domain: name}. */
export function toScope(value: unknown): SkillScope {
  const { domain, Domain: older } = toObject(value);
  const name = domain ?? older;
  return typeof name === 'string' && name !== '' ? { domain: name } : 'global';
}

/** More failures than successes by more than this, and a skill is degraded. */
const toleratedFailures = 2;

function toStats({ counters }: MemoryNode): SkillStats {
  const { successes: successCount = 0, failures: failCount = 0, complaints, lastUsedMs } = counters;
  const isDegraded = failCount > successCount + toleratedFailures;
  return {
    successCount,
    failCount,
    ...(complaints !== undefined && { complaintCount: complaints }),
    degraded: isDegraded,
    brokenForRepair: isDegraded,
    ...(lastUsedMs !== undefined && { lastUsedAtMs: lastUsedMs }),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // Whatever it is, it is no skill.
    return undefined;
  }
}

function toObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** A skill with its outcomes in one text, for a file of rows. */
export function encodeWithStats(node: MemoryNode): string {
  const value = parseObject(node.value);
  const {
    successes: success_count = 0,
    failures: fail_count = 0,
    complaints,
    lastUsedMs: last_used_ms,
  } = node.counters;
  const stats = { success_count, fail_count, complaint_count: complaints, last_used_ms };
  return value ? JSON.stringify({ ...value, stats }) : node.value;
}

/** The outcomes of such a text, taken out of it. */
export function takeStats(text: string): { value: string; counters: MemoryNode['counters'] } {
  const { stats, ...value } = parseObject(text) ?? {};
  if (stats === undefined) return { value: text, counters: {} };
  const { success_count, fail_count, complaint_count, last_used_ms } = toObject(stats);
  const count = (each: unknown): number => (Number.isSafeInteger(each) && Number(each) > 0 ? Number(each) : 0);
  const lastUsedMs = count(last_used_ms);
  const complaints = count(complaint_count);
  const counters = {
    successes: count(success_count),
    failures: count(fail_count),
    ...(complaints > 0 && { complaints }),
    ...(lastUsedMs > 0 && { lastUsedMs }),
  };
  return { value: JSON.stringify(value), counters };
}
