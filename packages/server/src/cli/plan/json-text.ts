// Where things stand in a JSON text: the place of a syntax error, and the place of a value found wrong after parsing.
// Slow next to `JSON.parse`, so it is asked only about texts that have something wrong with them.

export type Path = readonly (string | number)[];

/** Both from 1; columns count UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export function placeAt(text: string, offset: number): Place {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
    lineStart = at + 1;
  }
  return { line, column: offset - lineStart + 1 };
}

/** The first thing that makes a text no JSON, or `undefined` when it is JSON. Nesting costs no stack. */
export function findSyntaxError(text: string): { offset: number; message: string } | undefined {
  const scanner = new Scanner(text);
  try {
    scanner.document();
    return undefined;
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    return { offset: error.offset, message: error.message };
  }
}

/** Offset of the value at a path in a text that is JSON: of the last value on the way where there is no such value. */
export function offsetOf(text: string, path: Path): number {
  const scanner = new Scanner(text);
  scanner.space();
  let found = scanner.offset;
  for (const step of path) {
    if (!scanner.enter(step)) return found;
    found = scanner.offset;
  }
  return found;
}

class SyntaxFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const wordToken = /true|false|null/y;
const escapeToken = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

class Scanner {
  readonly #text: string;
  offset = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.space();
    this.value();
    if (this.offset < this.#text.length) throw this.#fault('more after the end of the document');
  }

  space(): void {
    while (' \n\r\t'.includes(this.#text[this.offset] ?? 'x')) this.offset++;
  }

  /** Passes a value and the space behind it. */
  value(): void {
    const open: ('{' | '[')[] = [];
    do {
      // At the beginning of a value.
      const first = this.#text[this.offset];
      if (first === '{' || first === '[') {
        this.#pass();
        if (!this.#passIf(first === '{' ? '}' : ']')) {
          open.push(first);
          if (first === '{') this.#key();
          continue;
        }
      } else this.#scalar();
      // At the end of one.
      while (open.length > 0) {
        const within = open.at(-1);
        if (this.#passIf(',')) {
          if (within === '{') this.#key();
          break;
        }
        if (!this.#passIf(within === '{' ? '}' : ']'))
          throw this.#fault(`expected "," or "${within === '{' ? '}' : ']'}"`);
        open.pop();
      }
    } while (open.length > 0);
  }

  /** From the beginning of a container to the beginning of one of its values; `false` when it has no such value. */
  enter(step: string | number): boolean {
    const isObject = this.#text[this.offset] === '{';
    if (isObject !== (typeof step === 'string') || (!isObject && this.#text[this.offset] !== '[')) return false;
    this.#pass();
    // The last of several members with the same key counts.
    let found: number | undefined;
    for (let index = 0; !'}]'.includes(this.#text[this.offset] ?? '}'); index++) {
      const name = isObject ? this.#key() : index;
      if (name === step) found = this.offset;
      if (found !== undefined && !isObject) break;
      this.value();
      this.#passIf(',');
    }
    if (found === undefined) return false;
    this.offset = found;
    return true;
  }

  #pass(): void {
    this.offset++;
    this.space();
  }

  #passIf(character: string): boolean {
    if (this.#text[this.offset] !== character) return false;
    this.#pass();
    return true;
  }

  #key(): string {
    if (this.#text[this.offset] !== '"') throw this.#fault('expected a key in double quotes');
    const from = this.offset;
    this.#string();
    const key = JSON.parse(this.#text.slice(from, this.offset)) as string;
    this.space();
    if (!this.#passIf(':')) throw this.#fault('expected ":"');
    return key;
  }

  #scalar(): void {
    if (this.#text[this.offset] === '"') this.#string();
    else if (!this.#token(numberToken) && !this.#token(wordToken)) throw this.#fault('expected a value');
    this.space();
  }

  #string(): void {
    const from = this.offset++;
    for (;;) {
      const code = this.#text.charCodeAt(this.offset);
      if (code === 34 /* " */) break;
      if (Number.isNaN(code) || code === 10) throw new SyntaxFault(from, 'this text has no closing quote');
      if (code < 32) throw this.#fault('a control character in a text; write it as an escape');
      if (code !== 92 /* \ */) this.offset++;
      else if (!this.#token(escapeToken)) throw this.#fault('no such escape');
    }
    this.offset++;
  }

  #token(pattern: RegExp): boolean {
    pattern.lastIndex = this.offset;
    if (!pattern.test(this.#text)) return false;
    this.offset = pattern.lastIndex;
    return true;
  }

  #fault(message: string): SyntaxFault {
    return new SyntaxFault(this.offset, this.offset >= this.#text.length ? `${message}, found the end` : message);
  }
}
