// Glob patterns as RE2 expressions. The matchers of Node and of the usual libraries translate to backtracking expressions:
// `*a*a*a*a*b` held one of them for 17 s on a name of 200 characters. RE2 needs time in proportion to both.
import { RE2JS } from 're2js';
import { PathProblem } from '../../../infra/rooted-path.ts';
import { maxGlobChars } from './limits.ts';

const maxBraceDepth = 10;

/** Whether a path relative to where the search began, with slashes, is meant. */
export type PathMatcher = (path: string) => boolean;

/**
 * `*` and `?` stay within one name, `**` as a whole name stands for any number of folders, `[a-z]` and `[!a-z]` for one
 * character, `{a,b}` for either; `\` takes the meaning away. A pattern without a slash is about the name alone.
 */
export function compileGlob(pattern: string): PathMatcher {
  if (pattern === '') throw new PathProblem('its pattern is empty');
  if (pattern.length > maxGlobChars) throw new PathProblem(`its pattern is longer than ${maxGlobChars} characters`);
  const names = pattern.replace(/^(?:\.\/)+/, '');
  const isAboutName = !names.includes('/');
  const matcher = toMatcher(new GlobTranslation(names).run());
  return (path) => matcher.testExact(isAboutName ? path.slice(path.lastIndexOf('/') + 1) : path);
}

function toMatcher(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression, RE2JS.DOTALL);
  } catch (error) {
    throw new PathProblem('its pattern is not a valid glob', { cause: error });
  }
}

class GlobTranslation {
  readonly #glob: string;
  #index = 0;
  #braceDepth = 0;

  constructor(glob: string) {
    this.#glob = glob;
  }

  run(): string {
    let expression = '';
    while (this.#index < this.#glob.length) expression += this.#next();
    if (this.#braceDepth > 0) throw new PathProblem('its pattern has a "{" without a "}"');
    return expression;
  }

  #next(): string {
    const character = this.#glob[this.#index++] as string;
    switch (character) {
      case '*':
        return this.#star();
      case '?':
        return '[^/]';
      case '[':
        return this.#characters();
      case '{':
        if (++this.#braceDepth > maxBraceDepth)
          throw new PathProblem(`its pattern has braces deeper than ${maxBraceDepth} levels`);
        return '(?:';
      case ',':
        return this.#braceDepth > 0 ? '|' : ',';
      case '}':
        if (this.#braceDepth === 0) return '\\}';
        this.#braceDepth--;
        return ')';
      case '\\':
        return RE2JS.quote(this.#glob[this.#index++] ?? '\\');
      default:
        return RE2JS.quote(character);
    }
  }

  #star(): string {
    const start = this.#index - 1;
    while (this.#glob[this.#index] === '*') this.#index++;
    const startsName = start === 0 || '/{,'.includes(this.#glob[start - 1] as string);
    const isDouble = this.#index - start === 2;
    const after = this.#glob[this.#index];
    if (!isDouble || !startsName) return '[^/]*';
    if (after === '/') {
      this.#index++;
      return '(?:[^/]+/)*';
    }
    return after === undefined || ',}'.includes(after) ? '.*' : '[^/]*';
  }

  /** A class, or the bracket itself when nothing closes it. Never matches a slash. */
  #characters(): string {
    const isNegated = '!^'.includes(this.#glob[this.#index] ?? ' ');
    const from = isNegated ? this.#index + 1 : this.#index;
    // A "]" that comes first is a member.
    const end = this.#glob.indexOf(']', from + 1);
    if (end < 0) return '\\[';
    const members = this.#glob.slice(from, end).replaceAll('/', '');
    this.#index = end + 1;
    // A hyphen at either end is one, and no range with what stands beside it.
    const safe = members.replaceAll(/[\\[\]^&~]|^-|-$/g, '\\$&');
    if (isNegated) return `[^/${safe}]`;
    return safe === '' ? '[^\\s\\S]' : `[${safe}]`;
  }
}
