/** Reads a command line as a shell would, as far as telling which programs it names takes. One pass, no going back. */

export interface Word {
  readonly text: string;
  /** Part of it is known only when it runs: a variable, a substitution, a pattern. */
  readonly isDynamic: boolean;
}

export interface SimpleCommand {
  readonly words: Word[];
  /** Files it is sent to and from. */
  readonly redirects: Word[];
  /** Text handed to it: here-documents and here-strings. */
  readonly inputs: Word[];
  /** Something is piped or redirected into it. */
  hasInput: boolean;
  writes: boolean;
}

export interface CommandLine {
  readonly commands: readonly SimpleCommand[];
  /** Quotes that do not close, or nesting beyond reason: a shell may read it otherwise than this does. */
  readonly isUnreadable: boolean;
}

const maxDepth = 32;
const escapesOfC: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '', b: '', e: '', f: ' ', v: ' ' };

export function readCommandLine(text: string): CommandLine {
  const reader = new ShellReader(text);
  reader.readList('', 0);
  return reader;
}

class ShellReader implements CommandLine {
  readonly commands: SimpleCommand[] = [];
  isUnreadable = false;
  readonly #text: string;
  #at = 0;
  /** Here-documents whose bodies begin on the next line. */
  #awaited: { readonly delimiter: string; readonly isQuoted: boolean; readonly command: SimpleCommand }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** Commands up to `end`, which is taken. */
  readList(end: '' | ')' | '`', depth: number): void {
    if (depth > maxDepth) {
      this.isUnreadable = true;
      this.#at = this.#text.length;
      return;
    }
    let command = this.#add(false);
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (character === end) {
        this.#at += 1;
        return;
      }
      if (character === ' ' || character === '\t' || character === '\r') this.#at += 1;
      else if (character === '\n' || character === ';' || character === '&' || character === '|') {
        const isPipe = character === '|' && this.#text[this.#at + 1] !== '|';
        this.#at += 1;
        if (character === '&' && this.#text[this.#at] === '>') continue;
        if (character === '|' && (this.#text[this.#at] === '|' || this.#text[this.#at] === '&')) this.#at += 1;
        command = this.#begin(isPipe);
        if (character === '\n') this.#readAwaited();
      } else if (character === '(') {
        this.#at += 1;
        this.readList(')', depth + 1);
        command = this.#begin(false);
      } else if (character === ')') {
        // A pattern of `case`, or no shell at all.
        this.#at += 1;
        command = this.#begin(false);
      } else if (character === '#' && command.words.length === 0) this.#skipLine();
      else if (character === '<' || character === '>') this.#readRedirect(command, depth);
      else this.#readWord(command.words, depth);
    }
    if (end !== '') this.isUnreadable = true;
  }

  #begin(hasInput: boolean): SimpleCommand {
    const last = this.commands.at(-1);
    if (last && last.words.length + last.redirects.length + last.inputs.length === 0) {
      last.hasInput = hasInput;
      return last;
    }
    return this.#add(hasInput);
  }

  #add(hasInput: boolean): SimpleCommand {
    const command = { words: [], redirects: [], inputs: [], hasInput, writes: false };
    this.commands.push(command);
    return command;
  }

  #skipLine(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end === -1 ? this.#text.length : end;
  }

  #readRedirect(command: SimpleCommand, depth: number): void {
    const [operator = ''] =
      /^(?:<<<|<<-?|<>|<&|>>|>\||>&|<\(|>\(|<|>)/.exec(this.#text.slice(this.#at, this.#at + 3)) ?? [];
    this.#at += operator.length;
    if (operator.endsWith('(')) {
      this.readList(')', depth + 1);
      command.hasInput = true;
      command.words.push({ text: '', isDynamic: true });
      return;
    }
    this.#skipBlanks();
    const target: Word[] = [];
    const from = this.#at;
    this.#readWord(target, depth);
    if (operator.startsWith('<<') && operator !== '<<<') {
      const raw = this.#text.slice(from, this.#at);
      command.hasInput = true;
      this.#awaited.push({ delimiter: target[0]?.text ?? '', isQuoted: /['"\\]/.test(raw), command });
    } else if (operator === '<<<') {
      command.hasInput = true;
      command.inputs.push(...target);
    } else {
      command.redirects.push(...target);
      if (operator.startsWith('<')) command.hasInput = true;
      else if (!/^(?:\/dev\/(?:null|stdout|stderr)|\d|-)$/.test(target[0]?.text ?? '')) command.writes = true;
    }
  }

  #skipBlanks(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at += 1;
  }

  #readAwaited(): void {
    const awaited = this.#awaited;
    this.#awaited = [];
    for (const { delimiter, isQuoted, command } of awaited) {
      const from = this.#at;
      let end = this.#text.length;
      while (this.#at < this.#text.length) {
        const lineEnd = this.#text.indexOf('\n', this.#at);
        const line = this.#text.slice(this.#at, lineEnd === -1 ? undefined : lineEnd);
        const at = this.#at;
        this.#at = lineEnd === -1 ? this.#text.length : lineEnd + 1;
        if (line.trim() !== delimiter) continue;
        end = at;
        break;
      }
      const text = this.#text.slice(from, end);
      command.inputs.push({ text, isDynamic: !isQuoted && /\$\(|`/.test(text) });
    }
  }

  /** One word, or several where `$IFS` parts them. */
  #readWord(words: Word[], depth: number): void {
    let text = '';
    let isDynamic = false;
    let isStarted = false;
    const finish = (): void => {
      if (isStarted || isDynamic) words.push({ text, isDynamic });
      text = '';
      isDynamic = false;
      isStarted = false;
    };
    const start = this.#at;
    for (; this.#at < this.#text.length;) {
      const character = this.#text[this.#at]!;
      if (/[\s;&|()<>]/.test(character)) break;
      isStarted = true;
      if (character === '\\') {
        const next = this.#text[this.#at + 1];
        this.#at += 2;
        if (next !== undefined && next !== '\n') text += next;
      } else if (character === "'") text += this.#readSingle();
      else if (character === '"') {
        const inner = this.#readDouble(depth);
        text += inner.text;
        isDynamic ||= inner.isDynamic;
      } else if (character === '`') {
        // Ends a list that a backtick began.
        if (depth > 0 && this.#isInBacktick) break;
        this.#readBacktick(depth);
        isDynamic = true;
      } else if (character === '$') {
        const { text: value, isDynamic: isUnknown, isBlank } = this.#readDollar(depth);
        if (isBlank) {
          isStarted = text !== '';
          finish();
          continue;
        }
        text += value;
        isDynamic ||= isUnknown;
      } else {
        if (/[*?[{%]/.test(character)) isDynamic = true;
        text += character;
        this.#at += 1;
      }
    }
    finish();
    // Whatever stands here, it was looked at.
    if (this.#at === start) this.#at += 1;
  }

  #isInBacktick = false;

  #readBacktick(depth: number): void {
    const end = this.#text.indexOf('`', this.#at + 1);
    if (end === -1) {
      this.isUnreadable = true;
      this.#at = this.#text.length;
      return;
    }
    this.#at += 1;
    const wasInBacktick = this.#isInBacktick;
    this.#isInBacktick = true;
    this.readList('`', depth + 1);
    this.#isInBacktick = wasInBacktick;
  }

  #readSingle(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end === -1) this.isUnreadable = true;
    const text = this.#text.slice(this.#at + 1, end === -1 ? undefined : end);
    this.#at = end === -1 ? this.#text.length : end + 1;
    return text;
  }

  #readDouble(depth: number): Word {
    let text = '';
    let isDynamic = false;
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (character === '"') {
        this.#at += 1;
        return { text, isDynamic };
      }
      if (character === '\\') {
        const next = this.#text[this.#at + 1] ?? '';
        if (next !== '\n') text += /[$`"\\]/.test(next) ? next : `\\${next}`;
        this.#at += 2;
      } else if (character === '`') {
        this.#readBacktick(depth);
        isDynamic = true;
      } else if (character === '$') {
        const { text: value, isBlank } = this.#readDollar(depth);
        text += isBlank ? ' ' : value;
        isDynamic ||= !isBlank && value !== '$';
      } else {
        text += character;
        this.#at += 1;
      }
    }
    this.isUnreadable = true;
    return { text, isDynamic };
  }

  #readDollar(depth: number): Word & { isBlank?: boolean } {
    const next = this.#text[this.#at + 1] ?? '';
    if (next === '(') {
      this.#at += 2;
      this.readList(')', depth + 1);
      return { text: '', isDynamic: true };
    }
    if (next === "'") {
      this.#at += 1;
      return { text: this.#readAnsi(), isDynamic: false };
    }
    if (next === '"') {
      this.#at += 1;
      return this.#readDouble(depth);
    }
    if (next === '{') return this.#readBraced(depth);
    const [name = ''] =
      /^(?:[A-Za-z_]\w{0,200}|[@*#?$!\d-])/.exec(this.#text.slice(this.#at + 1, this.#at + 202)) ?? [];
    this.#at += 1 + name.length;
    if (name === 'IFS') return { text: '', isDynamic: false, isBlank: true };
    return name === '' ? { text: '$', isDynamic: false } : { text: '', isDynamic: true };
  }

  #readBraced(depth: number): Word & { isBlank?: boolean } {
    const isBlank = /^\$\{IFS\b/.test(this.#text.slice(this.#at, this.#at + 6));
    this.#at += 2;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (character === '}') {
        this.#at += 1;
        return { text: '', isDynamic: !isBlank, isBlank };
      }
      if (character === '\\') this.#at += 2;
      else if (character === "'") this.#readSingle();
      else if (character === '"') this.#readDouble(depth + 1);
      else if (character === '`') this.#readBacktick(depth);
      else if (character === '$' && depth < maxDepth) this.#readDollar(depth + 1);
      else this.#at += 1;
    }
    this.isUnreadable = true;
    return { text: '', isDynamic: true };
  }

  /** `$'…'`: escapes of C. */
  #readAnsi(): string {
    let text = '';
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (character === "'") {
        this.#at += 1;
        return text;
      }
      if (character !== '\\') {
        text += character;
        this.#at += 1;
        continue;
      }
      const rest = this.#text.slice(this.#at + 1, this.#at + 11);
      const [whole = '', hex, octal] = /^(?:x([0-9a-f]{1,2})|u([0-9a-f]{1,4})|U([0-9a-f]{1,8}))/i.exec(rest) ?? [];
      const digits = hex ?? octal ?? /^U([0-9a-f]{1,8})/i.exec(rest)?.[1];
      const [asOctal] = /^[0-7]{1,3}/.exec(rest) ?? [];
      if (digits !== undefined) {
        const code = Number.parseInt(digits, 16);
        text += code <= 0x10ffff ? String.fromCodePoint(code) : '';
        this.#at += 1 + whole.length;
      } else if (asOctal !== undefined) {
        text += String.fromCodePoint(Number.parseInt(asOctal, 8));
        this.#at += 1 + asOctal.length;
      } else {
        const next = rest[0] ?? '';
        text += escapesOfC[next] ?? next;
        this.#at += 2;
      }
    }
    this.isUnreadable = true;
    return text;
  }
}
