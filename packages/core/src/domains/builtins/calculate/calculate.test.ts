import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { calculate, CalculationError, maxDepth, maxExpressionChars } from './calculate.ts';

const long = process.env['CAR_TEST_LONG'] !== undefined;

/** The value, or nothing where some part of the expression has none. */
function valueOf(expression: string): number | undefined {
  try {
    return calculate(expression);
  } catch (error) {
    assert.ok(error instanceof CalculationError && /division by zero|finite|deeper/.test(error.message), String(error));
    return undefined;
  }
}

/** What went wrong, as its message says. */
function problemOf(expression: string): string {
  try {
    return `no problem, but ${calculate(expression)}`;
  } catch (error) {
    assert.ok(error instanceof CalculationError, `a calculation error, not ${String(error)}`);
    return error.message;
  }
}

// req: builtins.calculate
test('operators bind and associate as in mathematics', () => {
  const expected: Record<string, number> = {
    '1 + 2 * 3': 7,
    '(1 + 2) * 3': 9,
    '10 - 4 - 3': 3,
    '100 / 10 / 2': 5,
    '2 ^ 3 ^ 2': 512,
    '2 ** 3 ** 2': 512,
    '-2 ^ 2': -4,
    '(-2) ^ 2': 4,
    '2 ^ -1': 0.5,
    '2 * -3': -6,
    '--3': 3,
    '+-+3': -3,
    '7 % 4': 3,
    '-7 % 4': -3,
    '1.5e3 + .5': 1500.5,
    '2.': 2,
    '\t1\n+\u00a01': 2,
    pi: Math.PI,
    '2 * e': 2 * Math.E,
    '-0': 0,
    '0 * -1': 0,
  };
  for (const [expression, value] of Object.entries(expected))
    assert.ok(Object.is(calculate(expression), value), `${expression} is ${calculate(expression)}, not ${value}`);
});

test('functions take as many values as they should, and round as people do', () => {
  const expected: Record<string, number> = {
    'sqrt(16)': 4,
    'abs(-3)': 3,
    'min(3, 1, 2)': 1,
    'max(3, 1, 2)': 3,
    'max(7)': 7,
    'round(2.5)': 3,
    'round(-2.5)': -3,
    'round(1.005, 2)': 1.01,
    'round(1e21, 2)': 1e21,
    'round(0.4)': 0,
    'floor(-1.5)': -2,
    'ceil(1.2)': 2,
    'log(e)': 1,
    'log(1000, 10)': 3,
    'log(8, 2)': 3,
    'exp(0)': 1,
    'sin(0) + cos(0) + tan(0)': 1,
    'pow(2, 10)': 1024,
  };
  for (const [expression, value] of Object.entries(expected))
    assert.ok(Math.abs(calculate(expression) - value) < 1e-12, `${expression} is ${calculate(expression)}`);
});

// req: builtins.calculate-errors
test('an expression that makes no sense is refused with the position of its fault', () => {
  assert.deepEqual(
    Object.fromEntries(
      ['', '2 +', '2 3', '(1', '1)', '2 +* 3', '1 / 0', '5 % (2 - 2)', '$', '1 + é', '2pi', '.', '1.2.3', 'min()'].map(
        (expression) => [expression, problemOf(expression)],
      ),
    ),
    {
      '': 'expected a number at position 1, found the end',
      '2 +': 'expected a number at position 4, found the end',
      '2 3': 'expected an operator at position 3, found "3"',
      '(1': 'expected ")" at position 3, found the end',
      '1)': 'expected an operator at position 2, found ")"',
      '2 +* 3': 'expected a number at position 4, found "*"',
      '1 / 0': 'division by zero at position 3',
      '5 % (2 - 2)': 'division by zero at position 3',
      $: '"$" at position 1 has no meaning here',
      '1 + é': '"é" at position 5 has no meaning here',
      '2pi': 'expected an operator at position 2, found "pi"',
      '.': '"." at position 1 has no meaning here',
      '1.2.3': 'expected an operator at position 4, found ".3"',
      'min()': 'min at position 1 takes at least 1 values, not 0',
    },
  );
  assert.match(problemOf('sqrt(-1)'), /^the result of sqrt at position 1 is not a finite real number$/);
  assert.match(problemOf('1e999'), /^the number at position 1 is not a finite real number$/);
  assert.match(problemOf('10 ^ 400'), /^the result of \^ at position 4 /);
  assert.match(problemOf('round(1, 16)'), /^the result of round at position 1 /);
  assert.match(problemOf('pow(1)'), /^pow at position 1 takes 2 values, not 1$/);
  assert.match(problemOf('round(1, 2, 3)'), /^round at position 1 takes 1 or 2 values, not 3$/);
});

test('names reach nothing but the functions and constants', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'process', 'globalThis', 'Math', 'eval', 'valueOf'])
    for (const expression of [name, `${name}(1)`, `sqrt(${name})`])
      assert.match(problemOf(expression), /is not one of sqrt, |has no meaning here/, expression);
  assert.match(problemOf('sqrt.constructor("return 1")()'), /expected "\(" at position 5|has no meaning here/);
});

// req: builtins.calculate-bounds
test('length and depth are bounded, and a deep expression ends in an error, not in a full stack', () => {
  assert.equal(calculate(`${'('.repeat(maxDepth)}1${')'.repeat(maxDepth)}`), 1);
  for (const opening of ['(', '-', 'abs(', '2^', '2*('])
    assert.match(problemOf(opening.repeat(maxDepth + 1)), /nests deeper than 100 levels/);
  assert.equal(calculate(`1${'+1'.repeat((maxExpressionChars - 1) / 2)}`), 500);
  assert.match(problemOf('1'.repeat(maxExpressionChars + 1)), /^it has 1001 characters, at most 1000 are taken$/);
});

type Node = { text: string; value: number };

/** Expressions whose value is known from how they were made, without reading them. */
const { node } = fc.letrec<{ node: Node }>((tie) => {
  const number = fc
    .oneof(fc.integer({ min: 0, max: 1000 }), fc.double({ min: 0, max: 1e6, noNaN: true }))
    .map((value): Node => ({ text: String(value), value }));
  const pair = fc.tuple(tie('node'), tie('node'));
  const binary = (symbol: string, apply: (left: number, right: number) => number): fc.Arbitrary<Node> =>
    pair.map(([left, right]) => ({
      text: `(${left.text})${symbol}(${right.text})`,
      value: apply(left.value, right.value),
    }));
  return {
    node: fc.oneof(
      { maxDepth: 6, depthSize: 'medium' },
      number,
      binary('+', (left, right) => left + right),
      binary(' - ', (left, right) => left - right),
      binary('*', (left, right) => left * right),
      binary('/', (left, right) => left / right),
      binary('%', (left, right) => left % right),
      binary('^', (left, right) => left ** right),
      tie('node').map(({ text, value }) => ({ text: `-(${text})`, value: -value })),
      tie('node').map(({ text, value }) => ({ text: `sqrt(${text})`, value: Math.sqrt(value) })),
      tie('node').map(({ text, value }) => ({ text: `abs(${text})`, value: Math.abs(value) })),
      tie('node').map(({ text, value }) => ({ text: `floor( ${text} )`, value: Math.floor(value) })),
      pair.map(([left, right]) => ({
        text: `min(${left.text}, ${right.text})`,
        value: Math.min(left.value, right.value),
      })),
    ),
  };
});

test('P: the value of any expression is that of its parts, or it is refused where a part has none', () => {
  fc.assert(
    fc.property(node, ({ text, value }) => {
      if (text.length > maxExpressionChars) return;
      const calculated = valueOf(text);
      if (calculated !== undefined) assert.equal(calculated, value + 0, text);
    }),
    { numRuns: long ? 20_000 : 1_000 },
  );
});

test('P: chains without parentheses have the value of the grammar of JavaScript', () => {
  const term = fc.tuple(
    fc.constantFrom('+', '-', '*', '/', '%', '**'),
    fc.constantFrom('', '-', '+'),
    fc.integer({ min: 1, max: 20 }),
  );
  fc.assert(
    fc.property(fc.array(term, { minLength: 1, maxLength: 12 }), (terms) => {
      // JavaScript does not take a sign before a power, so only the exponent has one.
      const signed = terms.map(([operator, sign, number], index) => {
        const isBase = terms[index + 1]?.[0] === '**';
        return `${operator} ${isBase ? '' : sign === '' ? '' : `${sign} `}${number}`;
      });
      const text = `3 ${signed.join(' ')}`;
      // The reference of the test is the language itself; the product never does this.
      // oxlint-disable-next-line typescript/no-implied-eval
      const expected = new Function(`return ${text}`)() as number;
      const calculated = valueOf(text);
      if (calculated !== undefined) assert.equal(calculated, expected + 0, text);
    }),
    { numRuns: long ? 20_000 : 1_000 },
  );
});

test('P: no text does anything but give a finite number or a calculation error', () => {
  const piece = fc.oneof(
    fc.constantFrom('(', ')', '+', '-', '*', '/', '%', '^', ',', ' ', '1', '2.5', '.', 'e', 'pi', 'sqrt', 'max', 'log'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = pieces.join('');
      try {
        assert.ok(Number.isFinite(calculate(text)), text);
      } catch (error) {
        assert.ok(error instanceof CalculationError, `${JSON.stringify(text)}: ${String(error)}`);
      }
    }),
    { numRuns: long ? 50_000 : 2_000 },
  );
});
