// A text cut into what can hold or not hold on its own: sentences, and what stands in parentheses. The pieces together are
// the text again.

export interface Span {
  /** As it stands in the text, blanks after it included. */
  readonly text: string;
  /** Stands in parentheses inside, or right behind, the span before it. */
  readonly isAside: boolean;
}

/** Characters of one text that are cut; what follows is one last piece. */
const MAX_CHARS = 16_384;
/** Pieces of one text; what follows is one last piece. */
const MAX_SPANS = 128;

const sentenceEnd = /(?<![.\s(](?:[A-Z]|[Dd]r|[Mm]rs?|[Mm]s|vs|e\.g|i\.e|etc|[Nn]o))[.!?]+["'’)\]]*\s+|;\s+|\n+/g;
const aside = /\([^()]{2,}\)[.,;]?\s*/g;

export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  const head = text.slice(0, MAX_CHARS);
  for (const sentence of cut(head, sentenceEnd)) {
    let from = 0;
    for (const { 0: inside, index } of sentence.matchAll(aside)) {
      if (index > from) spans.push({ text: sentence.slice(from, index), isAside: false });
      spans.push({ text: inside, isAside: true });
      from = index + inside.length;
    }
    if (from < sentence.length) spans.push({ text: sentence.slice(from), isAside: false });
  }
  const rest = spans.slice(MAX_SPANS).map((span) => span.text).join('') + text.slice(MAX_CHARS); // prettier-ignore
  return rest === '' ? spans : [...spans.slice(0, MAX_SPANS), { text: rest, isAside: false }];
}

function cut(text: string, end: RegExp): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const { 0: mark, index } of text.matchAll(end)) {
    pieces.push(text.slice(from, index + mark.length));
    from = index + mark.length;
  }
  return from < text.length ? [...pieces, text.slice(from)] : pieces;
}
