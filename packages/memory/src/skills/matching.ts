// How well a skill fits a task (Memory, Skills, Match score).
import type { Skill, SkillStats } from './model.ts';

export interface SkillQuery {
  readonly persona: string;
  readonly url: string;
  readonly task: string;
}

export interface SkillHit {
  readonly skill: Skill;
  readonly score: number;
}

/** Nothing fits when neither persona, address nor words do: a good record alone makes no skill the right one. */
export function matchSkill(skill: Skill, query: SkillQuery, activation: number): number {
  const { trigger, stats } = skill;
  if (trigger.structured) return 0;
  const persona = isSame(trigger.persona, query.persona) ? 1 : 0;
  const pattern = trigger.urlPattern.replaceAll('*', '');
  const url = pattern !== '' && query.url.includes(pattern) ? 1 : 0;
  const fit = 0.4 * persona + 0.3 * url + 0.3 * keywordShare(trigger.taskKeywords, query.task);
  if (fit === 0 && activation === 0) return 0;
  return 0.4 * fit + 0.4 * successRatio(stats) + 0.2 * Math.min(1, activation);
}

/** Half where nothing is known. */
export function successRatio({ successCount, failCount }: SkillStats): number {
  const outcomes = successCount + failCount;
  return outcomes === 0 ? 0.5 : successCount / outcomes;
}

function isSame(one: string, other: string): boolean {
  return one !== '' && one.toLowerCase() === other.toLowerCase();
}

function keywordShare(keywords: readonly string[], task: string): number {
  if (keywords.length === 0) return 0;
  const text = task.toLowerCase();
  return keywords.filter((keyword) => keyword !== '' && text.includes(keyword.toLowerCase())).length / keywords.length;
}

/** Lower end of the 95 % Wilson interval of a success rate: what a few lucky trials cannot raise. */
export function wilsonLowerBound({ successCount, failCount }: SkillStats): number {
  const n = successCount + failCount;
  if (n === 0) return 0;
  const z = 1.96;
  const p = successCount / n;
  const spread = z * Math.sqrt((p * (1 - p) + (z * z) / (4 * n)) / n);
  // Of no success it is 0, which rounding misses by a hair.
  return Math.max(0, (p + (z * z) / (2 * n) - spread) / (1 + (z * z) / n));
}
