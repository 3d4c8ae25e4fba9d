// Words as the classic ranking reads them (Memory, Retrieval, Text).

/** Words that mean the same to somebody who programs. */
const synonymGroups: readonly (readonly string[])[] = [
  ['auth', 'authentication', 'authorization', 'authenticate', 'login', 'signin', 'oauth'],
  ['db', 'database', 'sql', 'storage', 'store', 'persistence'],
  ['error', 'exception', 'failure', 'fault', 'bug', 'issue'],
  ['config', 'configuration', 'settings', 'options', 'preferences'],
  ['request', 'req', 'call', 'query'],
  ['response', 'res', 'reply', 'answer', 'result'],
  ['memory', 'cache', 'recall', 'remember'],
  ['run', 'execute', 'launch', 'start', 'invoke'],
  ['parse', 'decode', 'deserialize', 'read'],
  ['encode', 'serialize', 'format', 'write'],
  ['navigate', 'browse', 'goto', 'visit', 'open'],
  ['delete', 'remove', 'drop', 'erase'],
  ['create', 'add', 'insert', 'new', 'make'],
  ['update', 'change', 'modify', 'edit'],
  ['test', 'check', 'verify', 'validate'],
  ['function', 'method', 'procedure', 'routine'],
  ['deploy', 'release', 'ship', 'publish'],
  ['user', 'account', 'customer', 'client'],
];

const groupOf = new Map(synonymGroups.flatMap((words, group) => words.map((word) => [word, group] as const)));

const suffixes = [
  'ations', 'ation', 'ments', 'ment', 'ness', 'ings', 'ing', 'ions', 'ion', 'ers', 'er', 'ies', 'ied', 'ed', 'es', 'ly', 's',
]; // prettier-ignore

/** Lower-case pieces between blanks and `/ : - _ . ,`. */
export function classicWords(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[\s/:\-_.,]+/)
    .filter((word) => word !== '');
}

/** A word without one common English suffix, where at least three letters are left. */
export function classicStem(word: string): string {
  const suffix = suffixes.find((each) => word.endsWith(each) && word.length - each.length >= 3);
  return suffix === undefined ? word : word.slice(0, -suffix.length);
}

export function synonymGroup(word: string): number | undefined {
  return groupOf.get(word);
}
