// A skill as a document that people can read and programs can check: TOML in front, which counts, and the same in prose.
import { createHash } from 'node:crypto';
import { canonicalJson } from '@car-runtime/engine';
import type { Skill, SkillInput, SkillScope } from '@car-runtime/memory';
import { fail } from '@car-runtime/protocol';
import { parse, stringify } from 'smol-toml';

const fence = '+++';
const maxTextChars = 8_192;

interface Content {
  name: string;
  version: number;
  platform: string;
  description: string;
  when_to_apply: string;
  /** A domain; empty for a skill of all of them. */
  domain: string;
  persona: string;
  url_pattern: string;
  task_keywords: string[];
  code: string;
}

export function toDocument(skill: Skill): string {
  const { name, version, platform, description, whenToApply, scope, trigger, code } = skill;
  const content: Content = {
    name,
    version,
    platform,
    description,
    when_to_apply: whenToApply,
    domain: scope === 'global' ? '' : scope.domain,
    persona: trigger.persona,
    url_pattern: trigger.urlPattern,
    task_keywords: [...trigger.taskKeywords],
    code,
  };
  const front = stringify({ ...content, digest: digestOf(content) }).trimEnd();
  const prose = [`# ${name}`, description, whenToApply === '' ? '' : `Use it when: ${whenToApply}`, fenced(code)];
  return [`${fence}\n${front}\n${fence}`, ...prose.filter((part) => part !== '')].join('\n\n') + '\n';
}

/** The skill of a document, or an error that says what is wrong with it. What stands below the TOML is for people. */
export function fromDocument(document: string): SkillInput {
  const [, front] = /^\uFEFF?\+\+\+\r?\n([\s\S]*?)\r?\n\+\+\+(?:\r?\n|$)/.exec(document) ?? [];
  if (front === undefined) throw malformed(`it does not begin with TOML between two lines of ${fence}`);
  let fields: Record<string, unknown>;
  try {
    fields = parse(front);
  } catch (error) {
    throw malformed(`its TOML cannot be read: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  const text = (name: keyof Content, maxChars = maxTextChars): string => {
    const value = fields[name];
    if (typeof value !== 'string') throw malformed(`${name} is no text`);
    if (value.length > maxChars) throw malformed(`${name} has ${value.length} characters, at most ${maxChars}`);
    return value;
  };
  const { task_keywords: keywords, version, digest } = fields;
  if (!Array.isArray(keywords) || !keywords.every((each) => typeof each === 'string')) {
    throw malformed('task_keywords is no list of texts');
  }
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) throw malformed('version is no whole number');
  const content: Content = {
    name: text('name'),
    version,
    platform: text('platform'),
    description: text('description'),
    when_to_apply: text('when_to_apply'),
    domain: text('domain'),
    persona: text('persona'),
    url_pattern: text('url_pattern'),
    task_keywords: keywords,
    code: text('code', Infinity),
  };
  if (digest !== digestOf(content)) {
    throw fail('failed', 'Cannot import the skill: its digest does not match its content', {
      data: { reason: 'digest_mismatch', field: 'markdown' },
    });
  }
  return toInput(content);
}

function toInput(content: Content): SkillInput {
  const scope: SkillScope = content.domain === '' ? 'global' : { domain: content.domain };
  return {
    name: content.name,
    code: content.code,
    platform: content.platform,
    description: content.description,
    whenToApply: content.when_to_apply,
    scope,
    trigger: {
      persona: content.persona,
      urlPattern: content.url_pattern,
      taskKeywords: content.task_keywords,
    },
  };
}

function digestOf(content: Content): string {
  return `sha256:${createHash('sha256').update(canonicalJson(content)).digest('hex')}`;
}

function malformed(why: string): Error {
  return fail('failed', `Cannot import the skill: ${why}`, {
    data: { reason: 'malformed_document', field: 'markdown' },
  });
}

/** The fence is longer than any in the code. */
function fenced(code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const mark = '`'.repeat(longest + 1);
  return `${mark}\n${code}\n${mark}`;
}
