/** Text folded for the search of phrases: one lower-case byte for each character that can be seen, one space for each run of
 *  blanks. One pass each, so that ten megabytes take a fraction of a second and not seconds. */
import { toPlainText } from './plain-text.ts';

const space = 32;
/** Stands for whatever is no ASCII character. */
const other = 127;
const unknown = -1;
const dropped = -2;
const several = -3;

/** What each UTF-16 unit folds to, found when it is first met. */
const folds = new Int16Array(65_536).fill(unknown);
const expansions = new Map<number, string>();
for (let code = 0; code < 128; code += 1) folds[code] = foldAscii(code);

function foldAscii(code: number): number {
  if (code === 9 || code === 10 || code === 11 || code === 12 || code === 13 || code === 32) return space;
  if (code < 32 || code === 127) return dropped;
  return code >= 65 && code <= 90 ? code + 32 : code;
}

function foldCharacter(character: string): number | string {
  const plain = toPlainText(character).toLowerCase();
  if (plain === '') return dropped;
  if (!/^[\x20-\x7e]+$/.test(plain)) return other;
  return plain.length === 1 ? plain.charCodeAt(0) : plain;
}

/** Grows when characters stand for several. */
class ByteText {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity + 16);
  }

  add(code: number): void {
    if (code === space && (this.#length === 0 || this.#bytes[this.#length - 1] === space)) return;
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length] = code;
    this.#length += 1;
  }

  toString(): string {
    return latin1.decode(this.#bytes.subarray(0, this.#length));
  }
}

const latin1 = new TextDecoder('latin1');

/** `asShell`: quotes, backslashes and what expands to nothing vanish; `$IFS` and `+` are blanks. */
export function folded(text: string, asShell: boolean): string {
  const bytes = new ByteText(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (asShell && unit < 128) {
      const skip = shellSkip(text, at, unit);
      if (skip > 0) {
        if (skip > 2 || unit === 43) bytes.add(space);
        at += skip - 1;
        continue;
      }
    }
    // Comments of SQL and C part words as blanks do.
    if (unit === 47 && text.charCodeAt(at + 1) === 42) {
      const end = text.indexOf('*/', at + 2);
      if (end === -1)
        return bytes.toString() + (asShell ? '' : folded(text.slice(at + 2).replaceAll('/*', ' '), false));
      bytes.add(space);
      at = end + 1;
      continue;
    }
    const isPair = unit >= 0xd800 && unit < 0xdc00 && at + 1 < text.length;
    if (isPair) {
      const whole = foldCharacter(text.slice(at, at + 2));
      if (typeof whole === 'string') for (const each of whole) bytes.add(each.charCodeAt(0));
      else if (whole !== dropped) bytes.add(whole);
      at += 1;
      continue;
    }
    let code = folds[unit]!;
    if (code === unknown) code = learn(unit);
    if (code >= 0) bytes.add(code);
    else if (code === several) for (const each of expansions.get(unit)!) bytes.add(each.charCodeAt(0));
  }
  return bytes.toString();
}

function learn(unit: number): number {
  const fold = foldCharacter(String.fromCharCode(unit));
  if (typeof fold === 'string') expansions.set(unit, fold);
  return (folds[unit] = typeof fold === 'string' ? several : fold);
}

/** How many characters from here a shell takes away; more than two are a blank. */
function shellSkip(text: string, at: number, unit: number): number {
  // " ' \ ^ and the + of a form
  if (unit === 34 || unit === 39 || unit === 92 || unit === 94 || unit === 43) return 1;
  if (unit !== 36) return 0;
  const next = text.slice(at + 1, at + 24);
  if (/^[@*\d]/.test(next)) return 2;
  const [blank] = /^(?:\{ifs[^}]{0,16}\}|ifs(?!\w))/i.exec(next) ?? [];
  return blank === undefined ? 0 : blank.length + 1;
}

/** The number that the hexadecimal digits from `from` to `to` write, or -1. */
function hex(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const unit = text.charCodeAt(at) | 32;
    const digit = unit >= 48 && unit <= 57 ? unit - 48 : unit >= 97 && unit <= 102 ? unit - 87 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** The text with percent, backslash and entity escapes undone; nothing when there are none. */
export function decoded(text: string): string | undefined {
  if (!/[%\\&]/.test(text)) return undefined;
  let pieces = '';
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit !== 37 && unit !== 92 && unit !== 38) continue;
    const [code, length] = escapeAt(text, at, unit);
    if (code < 0 || code > 0x10ffff) continue;
    pieces += text.slice(from, at) + String.fromCodePoint(code);
    at += length - 1;
    from = at + 1;
  }
  return from === 0 ? undefined : pieces + text.slice(from);
}

/** Code point of the escape that begins here, negative when none does, and its length. */
function escapeAt(text: string, at: number, unit: number): [number, number] {
  const next = text[at + 1] ?? '';
  if (unit === 37) return [hex(text, at + 1, at + 3), 3];
  if (unit === 92) {
    if (next === 'x') return [hex(text, at + 2, at + 4), 4];
    if (next === 'u') return text[at + 2] === '{' ? braced(text, at) : [hex(text, at + 2, at + 6), 6];
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4));
    return octal ? [Number.parseInt(octal[0], 8), 4] : [-1, 1];
  }
  if (next !== '#') return [-1, 1];
  const [whole = '', hexadecimal, decimal = ''] =
    /^&#(?:x([\da-f]{1,6})|(\d{1,7}));/i.exec(text.slice(at, at + 11)) ?? [];
  if (whole === '') return [-1, 1];
  return [hexadecimal === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hexadecimal, 16), whole.length];
}

function braced(text: string, at: number): [number, number] {
  const [whole = '', digits = ''] = /^\\u\{([\da-f]{1,6})\}/i.exec(text.slice(at, at + 11)) ?? [];
  return whole === '' ? [-1, 1] : [Number.parseInt(digits, 16), whole.length];
}
