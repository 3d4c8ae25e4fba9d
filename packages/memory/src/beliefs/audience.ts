// Who may rely on a fact: labels that restrict it, and scopes.
import type { MemoryNode } from '../graph/model.ts';
import { termsOf } from '../retrieval/terms.ts';
import { audience, restriction } from './markers.ts';

export interface Actor {
  readonly id?: string;
  readonly role?: string;
  readonly scope?: string;
}

/** Ranks by title, so that "VP+" lets a chief officer in. */
const ranks: readonly (readonly [number, RegExp])[] = [
  [
    5,
    /\b(?:ceo|cfo|cto|coo|cio|ciso|chro|cmo|chief|c-suite|c-level|(?<!account |sales |marketing )executives?|board|president(?! of)|founder|owner)\b/i,
  ],
  [4, /\b(?:svp|evp|vp|vice president)s?\b/i],
  [3, /\b(?:director|head of)s?\b/i],
  [2, /\b(?:manager|lead|supervisor)s?\b/i],
];

export function titleRank(title: string): number {
  return ranks.find(([, pattern]) => pattern.test(title))?.[0] ?? 1;
}

/** Words that make no group of people. */
const filler = new Set(['team', 'onli', 'staff', 'member', 'personnel', 'depart', 'department', 'group', 'people', 'data', 'level', 'abov', 'higher', 'up']); // prettier-ignore

/** Whether a text restricts itself to readers the actor does not belong to. Nobody in particular belongs to none. */
export function isWithheld(value: string, actor: Actor): boolean {
  const label = restriction.exec(value);
  if (!label) return false;
  const title = [actor.role, actor.id].filter(Boolean).join(' ');
  const readers = audience.exec(label[1] ?? '')?.[1] ?? '';
  if (title.trim() === '' || readers.trim() === '') return true;
  const required = titleRank(readers);
  if (
    required > 1 &&
    titleRank(title) >= required &&
    /\+|\babove\b|\bhigher\b|\bup\b|c-suite|c-level|executive|board/i.test(readers)
  ) {
    return false;
  }
  const words = new Set(termsOf(title.replaceAll('_', ' ')));
  const groups = termsOf(readers).filter((term) => !filler.has(term));
  return groups.length === 0 || !groups.some((group) => words.has(group));
}

/** Whether a fact belongs to a scope that the actor is not in: `task:42` for one who asks in `task:7`. */
export function isOutOfScope({ scope }: MemoryNode, actor: Actor | undefined): boolean {
  return scope.includes(':') && actor?.scope !== undefined && actor.scope !== scope;
}
