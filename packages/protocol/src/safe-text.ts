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
  return cutText(text, maxChars).shown;
}

function cutText(text: string, maxChars: number): { shown: string; left: number } {
  if (text.length <= maxChars && isPlain.test(text)) return { shown: text, left: 0 };
  // A cut before the work keeps a long text from costing more than a short one.
  const start = text.slice(0, maxChars * 4).replace(/[\uD800-\uDBFF]$/, '');
  if (isPlain.test(start)) return { shown: `${start.slice(0, maxChars)}…`, left: text.length - maxChars };
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
  const left = Math.max(0, letters.length - maxChars) + (text.length - start.length);
  const shown = left > 0 ? `${letters.slice(0, maxChars).join('')}…` : plain;
  if (removed === 0) return { shown, left };
  return { shown: `${shown} [${removed} hidden ${removed === 1 ? 'character' : 'characters'} removed]`, left };
}

/** The same in quotation marks, which the text itself cannot end. */
export function quoteText(text: string, maxChars = 200): string {
  return JSON.stringify(visibleText(text, maxChars));
}

/** Quoted, with the number of characters that were cut behind the quotes, where the text itself cannot say it. */
function quoteAndCount(text: string, maxChars: number): string {
  const { shown, left } = cutText(text, maxChars);
  return left === 0
    ? JSON.stringify(shown)
    : `${JSON.stringify(shown)} (${left} more ${left === 1 ? 'character' : 'characters'})`;
}

/** JSON for a person to read whole: nothing is left out, and what would not be seen is written as its escape. */
export function escapeHidden(json: string): string {
  return json.replace(hidden, (char) => {
    // Line ends of the text itself; those of values are escaped in JSON.
    if (char === '\n') return char;
    return Array.from(
      { length: char.length },
      (_, index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join('');
  });
}

const maxEntries = 12;
const maxDepth = 3;

/** A value in one line for a person; long texts, long lists and deep values are cut, and say so. */
export function describeValue(value: unknown, maxChars = 200, depth = 0): string {
  if (typeof value === 'string') return quoteAndCount(value, maxChars);
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
