// What a question asks for, and what a text offers, beyond the words they share: moments, amounts, answers.

/** What a text offers, one bit each. */
export const Offers = { moment: 1, quantity: 2, question: 4 } as const;

/** What a question asks for. */
export interface Wanted {
  readonly moment: boolean;
  readonly quantity: boolean;
  /** Days the question names, as `dayOf` numbers them; a month without a year is any year's. */
  readonly days: readonly DayCue[];
}

/** A day, or a month when `day` is absent; of any year when `year` is absent. */
export interface DayCue {
  readonly year?: number;
  readonly month: number;
  readonly day?: number;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const monthName =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?';

const moment = new RegExp(
  String.raw`\b(?:yesterday|today|tonight|tomorrow|ago|last|next|weekend|weeks?|months?|years?|days?|recently|lately|since|until|` +
    String.raw`(?:mon|tues|wednes|thurs|fri|satur|sun)day|${monthName}|(?:19|20)\d\d|\d{1,2}(?::\d\d)? ?[ap]m)\b`,
  'i',
);
const quantity =
  /\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|once|twice|couple|several)\b/i;
const asksForMoment =
  /\b(?:when|how (?:long|recently|soon)|(?:what|which) (?:date|day|month|year|time|week)|since when)\b/i;
const asksForQuantity = /\bhow (?:many|much|often|old|long|far|big|large|tall)\b/i;

/** Characters of a text that are searched for cues; what matters stands early, and a megabyte must not cost a second. */
const MAX_CHARS = 4096;

export function offersOf(text: string): number {
  const head = text.slice(0, MAX_CHARS);
  return (
    (moment.test(head) ? Offers.moment : 0) |
    (quantity.test(head) ? Offers.quantity : 0) |
    (/\?["')\]]*\s*(?:\[[^\]]*\]\s*)?$/.test(head) ? Offers.question : 0)
  );
}

export function wantedBy(question: string): Wanted {
  const head = question.slice(0, MAX_CHARS);
  return {
    moment: asksForMoment.test(head),
    quantity: asksForQuantity.test(head),
    days: daysNamedIn(head),
  };
}

/** Whether a moment, in milliseconds since 1970, falls on a named day, in UTC. */
export function isOn(momentMs: number, { year, month, day }: DayCue): boolean {
  const date = new Date(momentMs);
  return (
    date.getUTCMonth() === month &&
    (day === undefined || date.getUTCDate() === day) &&
    (year === undefined || date.getUTCFullYear() === year)
  );
}

const named = new RegExp(
  String.raw`\b(?:(\d{1,2})(?:st|nd|rd|th)? (?:of )?)?(${monthName})\b\.?(?: (\d{1,2})(?:st|nd|rd|th)?\b(?!:))?(?:,? ((?:19|20)\d\d)\b)?`,
  'gi',
);
const isoDay = /\b((?:19|20)\d\d)-(\d\d)-(\d\d)\b/g;
/** What both of these need: most questions name no day. */
const anyMonth = new RegExp(String.raw`\d-\d|\b(?:${months.join('|')})`, 'i');

/** The days and months that a text names: "May 3, 2023", "3 May", "2023-05-03", "in May 2023". */
export function daysNamedIn(text: string): DayCue[] {
  const cues: DayCue[] = [];
  if (!anyMonth.test(text)) return cues;
  for (const [whole, before, name = '', after, year] of text.matchAll(named)) {
    const day = before ?? after;
    // "may" and "march" are words, too: as a month they are written large or stand beside a number.
    if (day === undefined && year === undefined && whole[0] === whole[0]?.toLowerCase()) continue;
    cues.push(toCue(year, months.indexOf(name.slice(0, 3).toLowerCase()), day));
  }
  for (const [, year, month, day] of text.matchAll(isoDay)) {
    cues.push(toCue(year, Number(month) - 1, day));
  }
  return cues;
}

function toCue(year: string | undefined, month: number, day: string | undefined): DayCue {
  return {
    month,
    ...(year !== undefined && { year: Number(year) }),
    ...(day !== undefined && { day: Number(day) }),
  };
}
