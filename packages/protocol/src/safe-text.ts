// Text that somebody else wrote, made fit for a person to decide by: on one line, and nothing in it that is not seen.

/** Controls, directional marks, zero-width and other invisible characters, private use, what has no meaning yet, halves of
 *  pairs. Line ends and tabs are spaces before this is asked. */
const hidden = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const spaces = /[\t\n\v\f\r\u0085\u2028\u2029\p{Zs}]+/gu;
/** More than this many marks on one letter cover the lines around it. */
const stackedMarks = /(\p{M}{2})\p{M}+/gu;

/** Printable ASCII with single spaces: most of what there is, and nothing to do. */
const isPlain = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;

/** The text on one line without hidden characters, cut at `maxChars`. What was left out is said. */
export function visibleText(text: string, maxChars = 200): string {
  if (text.length <= maxChars && isPlain.test(text)) return text;
  // A cut before the work keeps a long text from costing more than a short one.
  const start = text.slice(0, maxChars * 4).replace(/[\uD800-\uDBFF]$/, '');
  if (isPlain.test(start)) return `${start.slice(0, maxChars)}…`;
  let removed = 0;
  const plain = start
    .replace(spaces, ' ')
    .replace(stackedMarks, (all, kept: string) => {
      removed += Array.from(all).length - 2;
      return kept;
    })
    .replace(hidden, () => {
      removed++;
      return '';
    })
    .trim();
  const letters = Array.from(plain);
  const isCut = letters.length > maxChars || start.length < text.length;
  const shown = isCut ? `${letters.slice(0, maxChars).join('')}…` : plain;
  return removed === 0 ? shown : `${shown} [${removed} hidden ${removed === 1 ? 'character' : 'characters'} removed]`;
}

/** The same in quotation marks, which the text itself cannot end. */
export function quoteText(text: string, maxChars = 200): string {
  return JSON.stringify(visibleText(text, maxChars));
}

const maxEntries = 12;
const maxDepth = 3;

/** A value in one line for a person; long texts, long lists and deep values are cut, and say so. */
export function describeValue(value: unknown, maxChars = 200, depth = 0): string {
  if (typeof value === 'string') return quoteText(value, maxChars);
  if (typeof value !== 'object' || value === null) return String(value);
  const isList = Array.isArray(value);
  const entries = isList ? value.map((each): [string, unknown] => ['', each]) : Object.entries(value);
  if (depth >= maxDepth) return isList ? `[${entries.length} values]` : `{${entries.length} fields}`;
  const shown = entries.slice(0, maxEntries).map(([key, each]) => {
    const text = describeValue(each, maxChars, depth + 1);
    return isList ? text : `${quoteKey(key)}: ${text}`;
  });
  if (entries.length > maxEntries) shown.push(`and ${entries.length - maxEntries} more`);
  return isList ? `[${shown.join(', ')}]` : `{ ${shown.join(', ')} }`;
}

function quoteKey(key: string): string {
  return /^[A-Za-z_][\w.-]{0,60}$/.test(key) ? key : quoteText(key, 60);
}
