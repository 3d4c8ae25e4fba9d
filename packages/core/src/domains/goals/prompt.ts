// What a prompt says about files: which it names, and whether one of them is to be made.

/** Long enough for any prompt that means a file, and short enough to be searched at once. */
const maxSearched = 16_384;
const maxNameLength = 200;
/** A piece of text that may be a path: names of safe characters, with a slash or an extension somewhere. */
const word = /[\w@.+/-]+/g;
const extension = /\.[A-Za-z][A-Za-z0-9]{0,11}$/;
const create =
  /\b(?:create|creates|creating|write|writes|writing|add|adds|adding|generate|generates|implement|implements|make|makes|build|scaffold|produce|save|put)\b/i;

/** Relative paths in a prompt, in order, each once. What is absolute, leads upwards or is an address is not among them. */
export function pathsIn(prompt: string): string[] {
  const found = new Set<string>();
  const text = prompt.slice(0, maxSearched);
  for (const { 0: match, index } of text.matchAll(word)) {
    const before = text[index - 1] ?? '';
    if (before === ':' || before === '~' || before === '\\' || match.startsWith('/') || match.includes('//')) continue;
    const path = match.replace(/^\.\//, '').replace(/[./]+$/, '');
    if (path === '' || path.length > maxNameLength || path.startsWith('-')) continue;
    if (!path.includes('/') && !extension.test(path) && !/^(?:Makefile|Dockerfile)$/.test(path)) continue;
    if (/^\d+(?:[./]\d+)*$/.test(path)) continue; // a version, or a fraction
    if (path.split('/').some((name) => name === '' || name === '.' || name === '..')) continue;
    found.add(path);
  }
  return [...found];
}

export function wantsFile(prompt: string): boolean {
  return create.test(prompt.slice(0, maxSearched));
}

/** As one word of a POSIX shell. */
export function quoted(path: string): string {
  if (/^[\w@.+/][\w@.+/-]*$/.test(path)) return path;
  return `'${path.startsWith('-') ? './' : ''}${path.replaceAll("'", String.raw`'\''`)}'`;
}
