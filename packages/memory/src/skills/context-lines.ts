// What a context says of skills: those that fit what is asked, and those that are broken.
import type { BeliefRequest } from '../belief.ts';
import { toBoundedLine } from '../context/data-text.ts';
import { skillsOf } from './book.ts';
import type { MemoryEngine } from '../engine.ts';

const maxShown = 6;
const maxUnknowns = 6;
const maxChars = 300;

export function skillLines(engine: MemoryEngine, { text, view }: BeliefRequest): string[] {
  const query = { persona: '', url: '', task: text };
  return skillsOf(engine)
    .find(query, maxShown, view.tenant)
    .map(({ skill: { name, description, whenToApply } }) => {
      const said = [description, whenToApply].filter(Boolean).join('; ');
      return toBoundedLine(said === '' ? `- ${name}` : `- ${name}: ${said}`, maxChars);
    });
}

/** Skills that fail more than they succeed: what one should not count on. */
export function brokenSkillLines(engine: MemoryEngine, { view }: BeliefRequest): string[] {
  return skillsOf(engine)
    .list(view.tenant)
    .filter(({ stats }) => stats.brokenForRepair)
    .slice(0, maxUnknowns)
    .map(({ name, stats: { successCount, failCount } }) =>
      toBoundedLine(`- skill ${name} is broken: it failed ${failCount} times and succeeded ${successCount}`, maxChars),
    );
}
