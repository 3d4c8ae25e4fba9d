// A calculator: recursive descent over numbers, operators, functions and two constants. Nothing is ever evaluated as code.
import { constants, functions } from './functions.ts';
import { CalculationError, toTokens, type Token } from './tokens.ts';

export { CalculationError } from './tokens.ts';

export const maxExpressionChars = 1_000;
/** Parentheses, calls, signs and powers inside one another. */
export const maxDepth = 100;

/** The value of an expression: finite, or a `CalculationError`. */
export function calculate(expression: string): number {
  if (expression.length > maxExpressionChars)
    throw new CalculationError(`it has ${expression.length} characters, at most ${maxExpressionChars} are taken`);
  return new Parser(toTokens(expression)).parse();
}

/**
 * expression = term { ("+" | "-") term }
 * term       = signed { ("*" | "/" | "%") signed }
 * signed     = ("+" | "-") signed | power
 * power      = primary [ "^" signed ]                      so -2^2 is -4, and 2^3^2 is 2^9
 * primary    = number | constant | name "(" expression { "," expression } ")" | "(" expression ")"
 */
class Parser {
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): number {
    const value = this.#expression();
    if (this.#next.kind !== 'end') throw this.#unexpected('an operator');
    return value + 0; // makes 0 of -0, which JSON does not know
  }

  #expression(): number {
    let value = this.#term();
    for (let operator = this.#take('+', '-'); operator; operator = this.#take('+', '-')) {
      const right = this.#term();
      value = finite(operator.text === '+' ? value + right : value - right, operator);
    }
    return value;
  }

  #term(): number {
    let value = this.#signed();
    for (let operator = this.#take('*', '/', '%'); operator; operator = this.#take('*', '/', '%')) {
      const right = this.#signed();
      if (operator.text !== '*' && right === 0)
        throw new CalculationError(`division by zero at position ${operator.position}`);
      const result = operator.text === '*' ? value * right : operator.text === '/' ? value / right : value % right;
      value = finite(result, operator);
    }
    return value;
  }

  #signed(): number {
    const sign = this.#take('+', '-');
    if (!sign) return this.#power();
    const value = this.#nested(sign, () => this.#signed());
    return sign.text === '-' ? -value : value;
  }

  #power(): number {
    const base = this.#primary();
    const operator = this.#take('^');
    if (!operator) return base;
    return finite(base ** this.#nested(operator, () => this.#signed()), operator);
  }

  #primary(): number {
    const token = this.#next;
    switch (token.kind) {
      case 'number':
        this.#index++;
        return finite(Number(token.text), token);
      case 'name':
        this.#index++;
        return this.#named(token);
      case 'symbol':
      case 'end': {
        if (token.text !== '(') throw this.#unexpected('a number');
        this.#index++;
        const value = this.#nested(token, () => this.#expression());
        this.#expect(')');
        return value;
      }
    }
  }

  #named(token: Token): number {
    const constant = constants.get(token.text);
    if (constant !== undefined) return constant;
    const called = functions.get(token.text);
    if (!called) {
      const known = [...functions.keys(), ...constants.keys()].join(', ');
      throw new CalculationError(`${JSON.stringify(token.text)} at position ${token.position} is not one of ${known}`);
    }
    this.#expect('(');
    const values = this.#nested(token, () => this.#values());
    this.#expect(')');
    const [min, max] = called.arity;
    if (values.length < min || values.length > max) {
      const wanted = max === Infinity ? `at least ${min}` : min === max ? `${min}` : `${min} or ${max}`;
      throw new CalculationError(
        `${token.text} at position ${token.position} takes ${wanted} values, not ${values.length}`,
      );
    }
    return finite(called.apply(...values), token);
  }

  #values(): number[] {
    if (this.#next.text === ')') return [];
    const values = [this.#expression()];
    while (this.#take(',')) values.push(this.#expression());
    return values;
  }

  #nested<T>(token: Token, parse: () => T): T {
    if (this.#depth >= maxDepth)
      throw new CalculationError(`position ${token.position} nests deeper than ${maxDepth} levels`);
    this.#depth++;
    const value = parse();
    this.#depth--;
    return value;
  }

  get #next(): Token {
    return this.#tokens[this.#index] as Token;
  }

  #take(...symbols: string[]): Token | undefined {
    const token = this.#next;
    if (token.kind !== 'symbol' || !symbols.includes(token.text)) return undefined;
    this.#index++;
    return token;
  }

  #expect(symbol: string): void {
    if (!this.#take(symbol)) throw this.#unexpected(`"${symbol}"`);
  }

  #unexpected(wanted: string): CalculationError {
    const { kind, text, position } = this.#next;
    const found = kind === 'end' ? 'the end' : `"${text}"`;
    return new CalculationError(`expected ${wanted} at position ${position}, found ${found}`);
  }
}

function finite(value: number, { kind, text, position }: Token): number {
  if (Number.isFinite(value)) return value;
  const what = kind === 'number' ? 'the number' : `the result of ${text}`;
  throw new CalculationError(`${what} at position ${position} is not a finite real number`);
}
