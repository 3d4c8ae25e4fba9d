import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { align, differingLines } from './align.ts';

const never = (): boolean => false;
const same = (text: string): string => text;

/** Length of the longest common subsequence, the slow way. */
function longestCommon(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      rows[i]![j] = a[i] === b[j] ? rows[i + 1]![j + 1]! + 1 : Math.max(rows[i + 1]![j]!, rows[i]![j + 1]!);
    }
  }
  return rows[0]![0]!;
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 30 });

// req: console.compare
test('both lists are there whole and in order, and as much as can be stands in one row', () => {
  fc.assert(
    fc.property(word, word, (a, b) => {
      const rows = align(a.split(''), b.split(''), same, never);
      assert.equal(rows.map((row) => row.a ?? '').join(''), a);
      assert.equal(rows.map((row) => row.b ?? '').join(''), b);
      const common = rows.filter((row) => row.a !== undefined && row.b !== undefined);
      assert.ok(common.every((row) => row.a === row.b));
      assert.equal(common.length, longestCommon(a, b));
    }),
    { numRuns: 300, seed: 20_263 },
  );
});

// req: console.compare
test('what is alike but not the same is paired in order, and lists with nothing in common are there all the same', () => {
  const isAlike = (a: string, b: string): boolean => a[0] === b[0];
  assert.deepEqual(align(['x1', 'k', 'y1'], ['z', 'x2', 'k'], same, isAlike), [
    { a: undefined, b: 'z' },
    { a: 'x1', b: 'x2' },
    { a: 'k', b: 'k' },
    { a: 'y1', b: undefined },
  ]);
  const many = (name: string): string[] => Array.from({ length: 2_000 }, (_, index) => `${name}${index}`);
  assert.equal(align(many('a'), many('b'), same, never).length, 4_000);
  assert.deepEqual(differingLines('1\n2\n3', '1\nx\n3\n4'), { a: new Set([1]), b: new Set([1, 3]) });
});
