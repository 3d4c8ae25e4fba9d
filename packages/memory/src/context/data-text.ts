// What was remembered is data: on a line of a context it can neither begin another line nor hide what it says.

/** Controls, the marks that reorder text, what is not seen, the separators that some readers take for line ends, and halves of
 *  characters, which many a receiver refuses. */
const unsafe =
  // oxlint-disable-next-line no-control-regex -- these are what must not come through
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;
const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line, whatever it was. */
export function toLine(text: string): string {
  return text.replace(unsafe, (mark) => escapes[mark] ?? `\\u{${(mark.codePointAt(0) as number).toString(16)}}`);
}

/** At most so many characters, saying how many are missing. Never ends within a character. */
export function cutTo(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  let end = Math.max(0, maxChars);
  if (end > 0 && isHighSurrogate(text.charCodeAt(end - 1))) end--;
  return `${text.slice(0, end)}… (${text.length - end} more characters)`;
}

/** One line of at most so many characters, and what it says is missing. */
export function toBoundedLine(text: string, maxChars: number): string {
  return cutTo(toLine(cutTo(text, maxChars)), maxChars + 40);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
