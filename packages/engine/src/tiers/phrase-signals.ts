/** Fixed phrases, found anywhere in text however it is spaced, quoted, commented or escaped. Linear in the text. */
import { decoded, folded } from './folded-text.ts';
import { phrases } from './tier-tables.ts';

const minChars = Math.min(...phrases.map((phrase) => phrase.length));
const quoted = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
const endsInWord = (phrase: string): string => (/\w$/.test(phrase) ? String.raw`(?!\w)` : '');
const startsInWord = (phrase: string): string => (/^\w/.test(phrase) ? String.raw`(?<!\w)` : '');
const anyPhrase = new RegExp(phrases.map((each) => startsInWord(each) + quoted(each) + endsInWord(each)).join('|'));
/** `rm` and the options that follow it at once. */
const removal = /(?<!\w)rm((?: -{1,2}[a-z=-]{1,30}){1,8})/g;

/** No text without one of these has a phrase in it, unless it is written in disguise. */
const anchors = new RegExp([...new Set(phrases.map((each) => quoted(each.split(' ')[0]!))), 'rm\\s'].join('|'), 'i');
/** What a disguise is made of. */
const disguise = /["'\\^$+%&*]|[^\t\n\r\x20-\x7e]/;

/** The first phrase in the text, or undefined. */
export function findPhrase(text: string): string | undefined {
  if (text.length < minChars || (!disguise.test(text) && !anchors.test(text))) return undefined;
  const found = findFolded(text);
  if (found !== undefined) return found;
  // Twice encoded is still encoded.
  const once = decoded(text);
  const twice = once === undefined ? undefined : decoded(once);
  return (once === undefined ? undefined : findFolded(once)) ?? (twice === undefined ? undefined : findFolded(twice));
}

function findFolded(text: string): string | undefined {
  const found = findExact(folded(text, false));
  return found !== undefined || !/["'\\^$+]/.test(text) ? found : findExact(folded(text, true));
}

function findExact(text: string): string | undefined {
  const match = anyPhrase.exec(text);
  if (match) return match[0];
  for (const [, options = ''] of text.matchAll(removal)) {
    const given = options.trim().split(' ');
    const has = (letter: string, long: string): boolean =>
      given.some((option) => (option.startsWith('--') ? option === long : option.includes(letter)));
    if (has('r', '--recursive') && has('f', '--force')) return 'rm -rf';
  }
  return undefined;
}
