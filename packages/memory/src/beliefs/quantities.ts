// What a text names that can be told apart by kind: amounts, dates, identifiers, names. Two statements about one thing that
// name different values of one kind cannot both hold.

export type ValueKind = 'identifier' | 'money' | 'percent' | 'clock' | 'duration' | 'date' | 'count' | 'name';

export interface NamedValue {
  readonly kind: ValueKind;
  /** The same for every way to write it that we know. */
  readonly text: string;
}

const month = '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)'; // prettier-ignore
const weekday = '(?:mon|tues|wednes|thurs|fri|satur|sun)day';
const unit = '(?:seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|quarters?|years?)';

/** In order: what one kind took, the kinds after it do not see. */
const patterns: readonly (readonly [ValueKind, RegExp])[] = [
  ['identifier', /#\d+\b|\b[A-Z][A-Z\d]*-\d+\b|\bv\d+(?:\.\d+)+\b/g],
  ['money', /[$€£¥]\s?\d[\d,]*(?:\.\d+)?(?:\s?(?:k|m|bn?|thousand|million|billion)\b)?|\b\d[\d,]*(?:\.\d+)?\s?(?:dollars|euros|usd|eur)\b/gi],
  ['percent', /\b\d+(?:\.\d+)?\s?(?:%|percent\b)/gi],
  ['clock', /\b\d{1,2}(?::\d\d)?\s?[ap]\.?m\b|\b\d{1,2}:\d\d\b|\b(?:noon|midnight)\b/gi],
  [
    'date',
    new RegExp(
      String.raw`\b(?:${weekday}(?:,? (?=${month}))?)?(?:${month}\.? \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?|\d{1,2}(?:st|nd|rd|th)? (?:of )?${month}(?:,? \d{4})?|${month} \d{4})\b` +
        String.raw`|\b\d{4}-\d\d-\d\d\b|\b${weekday}s?\b|\b(?:today|tomorrow|tonight|yesterday)\b|\b(?:this|next|last) (?:week|weekend|month|quarter|year|spring|summer|autumn|fall|winter)\b|\bq[1-4](?: \d{4})?\b`,
      'gi',
    ),
  ],
  ['duration', new RegExp(String.raw`\b\d+(?:\.\d+)?[- ]?${unit}\b`, 'gi')],
  ['count', /\b\d[\d,]*(?:\.\d+)?k?\b/gi],
  ['name', /\b[A-Z][a-z\d]+[A-Z]\w*|(?<=[\p{L}\d,:)("'’] )[A-Z][\w&]*(?:[ -][A-Z][\w&]*)*/gu],
]; // prettier-ignore

export function valuesIn(text: string): NamedValue[] {
  const values: NamedValue[] = [];
  let left = text;
  for (const [kind, pattern] of patterns) {
    left = left.replace(pattern, (found) => {
      values.push({ kind, text: normalised(kind, found) });
      // A full stop keeps the words on both sides from growing together into a name.
      return kind === 'name' ? found : ` ${'.'.repeat(Math.max(1, found.length - 2))} `;
    });
  }
  return values;
}

function normalised(kind: ValueKind, found: string): string {
  const text = found.toLowerCase().replaceAll(/[,\s]+/g, ' ').trim(); // prettier-ignore
  if (kind === 'money' || kind === 'count') return expanded(text.replaceAll(' ', ''));
  if (kind === 'percent') return text.replace(/\s?(?:%|percent)/, '%');
  if (kind === 'clock') return text.replaceAll(/[\s.]/g, '');
  if (kind === 'date') return text.replaceAll(/(\d)(?:st|nd|rd|th)/g, '$1');
  return kind === 'duration' ? text.replace('-', ' ').replace(/s$/, '') : text;
}

/** "$15k" is "$15000"; digits lose their group marks with the blanks that stand for them. */
function expanded(amount: string): string {
  return amount
    .replaceAll(' ', '')
    .replace(/^(.*?\d)(\.\d+)?(k|thousand)$/, (_, whole: string, part = '') => scaled(whole, String(part), 3))
    .replace(/^(.*?\d)(\.\d+)?(m|million)$/, (_, whole: string, part = '') => scaled(whole, String(part), 6));
}

function scaled(whole: string, fraction: string, digits: number): string {
  return whole + fraction.slice(1).padEnd(digits, '0').slice(0, digits);
}
