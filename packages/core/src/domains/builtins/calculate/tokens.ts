// The words of an arithmetic expression.

/** An expression that cannot be calculated; the message names the position, counted from 1. */
export class CalculationError extends Error {
  override readonly name = 'CalculationError';
}

export interface Token {
  readonly kind: 'number' | 'name' | 'symbol' | 'end';
  /** As it was written; empty at the end. */
  readonly text: string;
  /** Counted from 1. */
  readonly position: number;
}

/** One token, after white space. `**` is the other common spelling of `^`. */
const pattern =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z]\w*)|(?<symbol>\*\*|[-+*/%^(),]))/y;

/** The tokens of an expression, with one of kind `end` behind them. Every step of the pattern is linear. */
export function toTokens(expression: string): Token[] {
  const tokens: Token[] = [];
  const { length } = expression.trimEnd();
  let from = 0;
  while (from < length) {
    pattern.lastIndex = from;
    const { groups } = pattern.exec(expression) ?? {};
    if (!groups) {
      const at = from + /^\s*/.exec(expression.slice(from))![0].length;
      const character = String.fromCodePoint(expression.codePointAt(at) as number);
      throw new CalculationError(`${JSON.stringify(character)} at position ${at + 1} has no meaning here`);
    }
    from = pattern.lastIndex;
    const kind = groups['number'] !== undefined ? 'number' : groups['name'] !== undefined ? 'name' : 'symbol';
    const text = groups[kind] as string;
    tokens.push({ kind, text: text === '**' ? '^' : text, position: from - text.length + 1 });
  }
  tokens.push({ kind: 'end', text: '', position: length + 1 });
  return tokens;
}
