// What every log line goes through before it leaves the process, whoever wrote it.

/** Characters that move the cursor, hide or reorder text: C0 and C1 controls, zero-width and bidirectional marks. */
const unsafe = /[\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g;

/** A JSON escape, or an escaped backslash, so that the two are never taken for each other. */
const escapes = /\\(?:u([0-9a-f]{4})|(.))/gi;
const shortEscapes: Readonly<Record<string, string>> = { b: '0008', f: '000c', r: '000d' };

/** Makes a line of NDJSON safe to show on a terminal, even after a viewer has decoded its strings once: control
 *  characters are escaped twice, line ends and tabs excepted. The line stays valid JSON. */
export function withoutControls(json: string): string {
  const visible = json.replaceAll(unsafe, (character) => `\\\\u${hexOf(character.charCodeAt(0))}`);
  return /\\[ubfr]/.test(visible) ? visible.replaceAll(escapes, doubled) : visible;
}

function doubled(escape: string, hex: string | undefined, short: string | undefined): string {
  const code = hex ?? shortEscapes[short ?? ''];
  return code !== undefined && isUnsafe(Number.parseInt(code, 16)) ? `\\\\u${code}` : escape;
}

function isUnsafe(code: number): boolean {
  return code < 0x20 || new RegExp(unsafe.source).test(String.fromCharCode(code));
}

function hexOf(code: number): string {
  return code.toString(16).padStart(4, '0');
}

/** Text of a message on one line, with nothing in it that a terminal would obey. */
export function oneLine(text: string): string {
  return JSON.parse(withoutControls(JSON.stringify(text.replaceAll(/\s*[\r\n]+\s*/g, ' ').trim()))) as string;
}

/** The same of text that may have several lines. */
export function severalLines(text: string): string {
  return JSON.parse(withoutControls(JSON.stringify(text.replaceAll('\r\n', '\n')))) as string;
}

/** The credentials of this process. No line holds one on purpose; this is what keeps an accident from mattering. */
export class Secrets {
  readonly #values = new Set<string>();

  hide(value: string): void {
    if (value === '') return;
    this.#values.add(value);
    // As it stands inside a JSON string, where that differs.
    this.#values.add(JSON.stringify(value).slice(1, -1));
  }

  redact(line: string): string {
    let redacted = line;
    for (const value of this.#values) if (redacted.includes(value)) redacted = redacted.replaceAll(value, '[redacted]');
    return redacted;
  }
}
