// How the classic ranking reads text (Memory, Retrieval): tokens, one suffix off, and a small table of synonyms.

const separators = /[\s/:\-_.,]+/;

export function tokensOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(separators)
    .filter((token) => token !== '');
}

/** Longest first: only one comes off. */
const suffixes = ['ations', 'ation', 'ments', 'ness', 'ment', 'ings', 'ing', 'ers', 'ies', 'ed', 'er', 'es', 'ly', 's'];
const minStemLength = 3;

/** Strips one common English suffix where at least three letters are left. */
export function stemOf(word: string): string {
  for (const suffix of suffixes) {
    if (word.endsWith(suffix) && word.length - suffix.length >= minStemLength) return word.slice(0, -suffix.length);
  }
  return word;
}

const synonymGroups: readonly (readonly string[])[] = [
  ['auth', 'authentication', 'authorization', 'login', 'signin', 'credential', 'token'],
  ['db', 'database', 'sql', 'storage', 'datastore'],
  ['error', 'failure', 'exception', 'fault', 'bug', 'crash'],
  ['config', 'configuration', 'settings', 'options', 'preferences'],
  ['request', 'req', 'call', 'query'],
  ['response', 'res', 'reply', 'answer', 'result'],
  ['memory', 'mem', 'recall', 'remember'],
  ['run', 'execute', 'start', 'launch', 'invoke'],
  ['parse', 'decode', 'deserialize', 'read'],
  ['encode', 'serialize', 'format', 'write'],
  ['navigate', 'goto', 'browse', 'open', 'visit'],
  ['delete', 'remove', 'erase', 'drop'],
  ['create', 'add', 'make', 'new', 'insert'],
  ['update', 'change', 'modify', 'edit'],
  ['test', 'spec', 'check', 'verify'],
  ['fast', 'quick', 'speed', 'performance'],
];

const groupsByStem = new Map<string, readonly string[]>();
for (const group of synonymGroups) {
  const stems = [...new Set(group.flatMap((word) => [word, stemOf(word)]))];
  for (const stem of stems) groupsByStem.set(stem, stems);
}

/** The stems that mean the same as a word, its own included; empty where none is known. */
export function synonymStemsOf(word: string): readonly string[] {
  return groupsByStem.get(word) ?? groupsByStem.get(stemOf(word)) ?? [];
}
