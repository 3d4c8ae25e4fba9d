// The English stemmer Porter2 (https://snowballstem.org/algorithms/english/stemmer.html), for lower-case words.

const vowel = /[aeiouy]/;
const doubles = /(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/;
/** A vowel between consonants at the end (the last none of w, x, Y), or a vowel and a consonant that are the whole word. */
const shortSyllable = /(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy])$/;

const irregular = new Map(Object.entries({
  skis: 'ski', skies: 'sky', dying: 'die', lying: 'lie', tying: 'tie', idly: 'idl', gently: 'gentl', ugly: 'ugli',
  early: 'earli', only: 'onli', singly: 'singl', sky: 'sky', news: 'news', howe: 'howe', atlas: 'atlas', cosmos: 'cosmos',
  bias: 'bias', andes: 'andes',
})); // prettier-ignore
const unchangedAfterPlural = new Set(['inning', 'outing', 'canning', 'herring', 'earring', 'proceed', 'exceed', 'succeed']); // prettier-ignore

/** Longest first; what stands in R1 is replaced. */
const step2: readonly (readonly [string, string])[] = [
  ['ization', 'ize'], ['ational', 'ate'], ['fulness', 'ful'], ['ousness', 'ous'], ['iveness', 'ive'], ['tional', 'tion'],
  ['biliti', 'ble'], ['lessli', 'less'], ['entli', 'ent'], ['ation', 'ate'], ['alism', 'al'], ['aliti', 'al'],
  ['ousli', 'ous'], ['iviti', 'ive'], ['fulli', 'ful'], ['enci', 'ence'], ['anci', 'ance'], ['abli', 'able'],
  ['izer', 'ize'], ['ator', 'ate'], ['alli', 'al'], ['bli', 'ble'],
]; // prettier-ignore
const step3: readonly (readonly [string, string])[] = [
  ['ational', 'ate'], ['tional', 'tion'], ['alize', 'al'], ['icate', 'ic'], ['iciti', 'ic'], ['ical', 'ic'], ['ful', ''],
  ['ness', ''],
]; // prettier-ignore
const step4 = ['ement', 'ance', 'ence', 'able', 'ible', 'ment', 'ant', 'ent', 'ism', 'ate', 'iti', 'ous', 'ive', 'ize', 'al', 'er', 'ic']; // prettier-ignore

export function porter2(word: string): string {
  if (word.length < 3 || !/^[a-z]+$/.test(word)) return word;
  const known = irregular.get(word);
  if (known !== undefined) return known;
  const marked = word.replace(/^y|(?<=[aeiouy])y/g, 'Y');
  const [r1, r2] = regions(marked);
  let stem = withoutPlural(marked);
  if (unchangedAfterPlural.has(stem)) return stem;
  stem = withoutPast(stem, r1);
  if (stem.length > 2) stem = stem.replace(/(?<=[^aeiouy])[yY]$/, 'i');
  stem = derived(stem, r1, r2);
  stem = withoutEnding(stem, r2);
  return withoutLast(stem, r1, r2).toLowerCase();
}

/** Where R1 and R2 begin: behind the first consonant after a vowel, and behind the next one. */
function regions(word: string): [r1: number, r2: number] {
  const r1 = /^(?:gener|commun|arsen)/.exec(word)?.[0].length ?? afterVowelConsonant(word, 0);
  return [r1, afterVowelConsonant(word, r1)];
}

function afterVowelConsonant(word: string, from: number): number {
  const at = word.slice(from).search(/[aeiouy][^aeiouy]/);
  return at < 0 ? word.length : from + at + 2;
}

function withoutPlural(word: string): string {
  if (word.endsWith('sses')) return word.slice(0, -2);
  if (/ie[ds]$/.test(word)) return word.length > 4 ? word.slice(0, -2) : word.slice(0, -1);
  if (/(?:us|ss)$/.test(word)) return word;
  return word.endsWith('s') && vowel.test(word.slice(0, -2)) ? word.slice(0, -1) : word;
}

function withoutPast(word: string, r1: number): string {
  const eed = /eed(?:ly)?$/.exec(word);
  if (eed) return eed.index >= r1 ? `${word.slice(0, eed.index)}ee` : word;
  const past = /(?:ed|ing)(?:ly)?$/.exec(word);
  if (!past || !vowel.test(word.slice(0, past.index))) return word;
  const stem = word.slice(0, past.index);
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (doubles.test(stem)) return stem.slice(0, -1);
  return r1 >= stem.length && shortSyllable.test(stem) ? `${stem}e` : stem;
}

function derived(word: string, r1: number, r2: number): string {
  let stem = replaced(word, r1, step2);
  if (stem === undefined) {
    stem = word;
    const at = word.length;
    if (word.endsWith('ogi') && at - 3 >= r1 && word.at(-4) === 'l') stem = word.slice(0, -1);
    else if (/[cdeghkmnrt]li$/.test(word) && at - 2 >= r1 && !step2.some(([suffix]) => word.endsWith(suffix))) {
      stem = word.slice(0, -2);
    }
  }
  const third = replaced(stem, r1, step3);
  if (third !== undefined) return third;
  return stem.endsWith('ative') && stem.length - 5 >= r2 ? stem.slice(0, -5) : stem;
}

/** Replaces the longest suffix where it stands in the region; undefined where none of them is the end of the word. */
function replaced(word: string, region: number, rules: readonly (readonly [string, string])[]): string | undefined {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (!rule) return undefined;
  const at = word.length - rule[0].length;
  return at >= region ? word.slice(0, at) + rule[1] : word;
}

function withoutEnding(word: string, r2: number): string {
  const suffix = step4.find((each) => word.endsWith(each));
  if (suffix !== undefined) return word.length - suffix.length >= r2 ? word.slice(0, -suffix.length) : word;
  return /[st]ion$/.test(word) && word.length - 3 >= r2 ? word.slice(0, -3) : word;
}

function withoutLast(word: string, r1: number, r2: number): string {
  const at = word.length - 1;
  if (word.endsWith('e') && (at >= r2 || (at >= r1 && !shortSyllable.test(word.slice(0, -1)))))
    return word.slice(0, -1);
  return word.endsWith('ll') && at >= r2 ? word.slice(0, -1) : word;
}
