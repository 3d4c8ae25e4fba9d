// What an expression may call and name. Angles are in radians.

export interface CalculatorFunction {
  /** Fewest and most arguments. */
  readonly arity: readonly [min: number, max: number];
  readonly apply: (...values: number[]) => number;
}

/** Digits that `round` can keep; a double has no more. */
const maxDigits = 15;

const entries: readonly [string, CalculatorFunction][] = [
  ['sqrt', { arity: [1, 1], apply: Math.sqrt }],
  ['abs', { arity: [1, 1], apply: Math.abs }],
  ['min', { arity: [1, Infinity], apply: Math.min }],
  ['max', { arity: [1, Infinity], apply: Math.max }],
  ['round', { arity: [1, 2], apply: round }],
  ['floor', { arity: [1, 1], apply: Math.floor }],
  ['ceil', { arity: [1, 1], apply: Math.ceil }],
  ['log', { arity: [1, 2], apply: log }],
  ['exp', { arity: [1, 1], apply: Math.exp }],
  ['sin', { arity: [1, 1], apply: Math.sin }],
  ['cos', { arity: [1, 1], apply: Math.cos }],
  ['tan', { arity: [1, 1], apply: Math.tan }],
  ['pow', { arity: [2, 2], apply: (base, exponent) => base ** exponent }],
];

// Maps, so that a name such as "constructor" finds nothing.
export const functions: ReadonlyMap<string, CalculatorFunction> = new Map(entries);
export const constants: ReadonlyMap<string, number> = new Map([
  ['pi', Math.PI],
  ['e', Math.E],
]);

/** Halves go away from zero. NaN for digits that cannot be kept. */
function round(value: number, digits = 0): number {
  if (!Number.isInteger(digits) || digits < 0 || digits > maxDigits) return Number.NaN;
  const size = Math.abs(value);
  // Moving the point in the text keeps 1.005 what it looks like, which multiplying does not.
  const [mantissa, exponent = '0'] = String(size).split('e');
  const shifted = Math.round(Number(`${mantissa}e${Number(exponent) + digits}`));
  // So large a number has no fraction left to round.
  if (!Number.isSafeInteger(shifted)) return value;
  return Math.sign(value) * Number(`${shifted}e-${digits}`);
}

/** Natural, or of a base. The two exact ones of Math are exact here too. */
function log(value: number, base = Math.E): number {
  if (base === 10) return Math.log10(value);
  if (base === 2) return Math.log2(value);
  return base === Math.E ? Math.log(value) : Math.log(value) / Math.log(base);
}
