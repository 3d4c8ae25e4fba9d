/** What the path that an action is aimed at says. */
import { decoded } from './folded-text.ts';
import { toPlainText } from './plain-text.ts';
import { guardedFile, secretEndings, secretFiles, secretFolders, secretSteps, type Tier } from './tier-tables.ts';

/** Longer text is no path on any system. */
const maxPathChars = 4_096;

/** No path without one of these is secret, unless it is written in disguise. */
const mayBeSecret = /[./\\~*?[{%&]|id_|_netrc|_keys|[^\t\x20-\x7e]/i;

/** Whether a text by itself is a path: it begins like one and is one word. */
export function looksLikePath(text: string): boolean {
  return (
    text.length <= maxPathChars && /^(?:~|\.{0,2}[/\\]|[a-z]:[/\\]|\$\{?home|%userprofile%|file:)[^\s]*$/i.test(text)
  );
}

/** The tier of touching the path, and the step that says so; undefined when nothing is special about it. */
export function readPath(text: string): { readonly tier: Tier; readonly found: string } | undefined {
  if (text.length > maxPathChars || text.length < 3 || !mayBeSecret.test(text)) return undefined;
  const plain = toPlainText(text);
  const once = decoded(plain);
  const twice = once === undefined ? undefined : decoded(once);
  return (
    readPlain(plain) ??
    (once === undefined ? undefined : readPlain(toPlainText(once))) ??
    (twice === undefined ? undefined : readPlain(toPlainText(twice)))
  );
}

function readPlain(plain: string): { readonly tier: Tier; readonly found: string } | undefined {
  // Streams and trailing dots are how Windows spells the same file once more.
  const unquoted = plain
    .toLowerCase()
    .replaceAll(/["']/g, '')
    .trim()
    .replace(/::?\$data$/, '');
  if (/^(?!file:)[a-z][a-z\d+.-]+:\/\//.test(unquoted)) return undefined;
  const steps = unquoted.split(/[/\\]+/).map((step) => (/^\.+$/.test(step) ? step : step.replace(/[. ]+$/, '')));
  const walked: string[] = [];
  for (const step of steps) {
    if (step === '..') walked.pop();
    else if (step !== '.' && step !== '') walked.push(step);
  }
  for (const each of expandBraces(walked)) {
    const found = readSteps(each);
    if (found) return found;
  }
  return undefined;
}

function readSteps(steps: readonly string[]): { readonly tier: Tier; readonly found: string } | undefined {
  const last = steps.at(-1) ?? '';
  const folder = nameAmong(secretFolders, steps);
  if (folder !== undefined) return { tier: 'full_access', found: folder };
  const run = secretSteps.find((each) =>
    steps.some((_, at) => each.every((name, offset) => means(steps[at + offset] ?? '', name))),
  );
  if (run) return { tier: 'full_access', found: run.join('/') };
  const file = nameAmong(secretFiles, [last]);
  if (file !== undefined) return { tier: 'full_access', found: file };
  const ending = secretEndings.find((each) => last.endsWith(each) || (isGlob(last) && means(last, `x${each}`)));
  if (ending !== undefined) return { tier: 'full_access', found: `*${ending}` };
  return guardedFile.test(last) ? { tier: 'sandbox_edit', found: last } : undefined;
}

function nameAmong(names: ReadonlySet<string>, steps: readonly string[]): string | undefined {
  for (const step of steps) {
    if (names.has(step)) return step;
    if (!isGlob(step)) continue;
    for (const name of names) if (means(step, name)) return name;
  }
  return undefined;
}

function isGlob(step: string): boolean {
  return /[*?[]/.test(step);
}

/** Whether a step of a path, which may be a pattern, leads to that name. One that says next to nothing leads anywhere. */
function means(step: string, name: string): boolean {
  if (step === name) return true;
  if (!isGlob(step) || step.length > 64 || step.replaceAll(/[*?]|\[[^\]]*\]/g, '').length < 2) return false;
  const pattern = step.replaceAll(/\[[^\]]*\]/g, '?').replaceAll(/\*+/g, '*');
  // Reachable positions in the name after each character of the pattern: no pattern makes it go back.
  let reached = new Set([0]);
  for (const character of pattern) {
    const next = new Set<number>();
    for (const at of reached) {
      if (character === '*') for (let end = at; end <= name.length; end += 1) next.add(end);
      else if (at < name.length && (character === '?' || name[at] === character)) next.add(at + 1);
    }
    reached = next;
  }
  return reached.has(name.length);
}

const maxAlternatives = 32;

/** `{a,b}` in the first step that has it. */
function expandBraces(steps: readonly string[]): readonly (readonly string[])[] {
  const at = steps.findIndex((step) => /\{[^{}]*,[^{}]*\}/.test(step));
  if (at === -1) return [steps];
  const [whole = '', inner = ''] = /\{([^{}]*,[^{}]*)\}/.exec(steps[at]!) ?? [];
  return inner
    .split(',')
    .slice(0, maxAlternatives)
    .map((choice) => steps.map((step, index) => (index === at ? step.replace(whole, choice) : step)));
}
