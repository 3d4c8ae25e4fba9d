import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonExtents } from './json-extents.ts';

/** Neighbours enough for a value to be none of the small ones, which are measured another way. */
const crowd: unknown[] = Array.from({ length: 70 }, () => []);

// req: engine.outputs-bounded
test('a small value is as large and as deep as it is among many others', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (given) => {
      const value: unknown = JSON.parse(JSON.stringify(given));
      const alone = new JsonExtents().of(value);
      const crowded = new JsonExtents().of([value, ...crowd]);
      const others = new JsonExtents().of(crowd);
      assert.equal(crowded.chars, others.chars + alone.chars + 1);
      assert.equal(crowded.depth, 1 + Math.max(1, alone.depth));
    }),
    { numRuns: 1_000, seed: 20_261_120 },
  );
});

test('a value that contains itself, or is shared beyond measure, is endless or large, and soon told', () => {
  const loop: unknown[] = [];
  loop.push(loop);
  assert.equal(new JsonExtents().of(loop).depth, Number.POSITIVE_INFINITY);
  let doubled: unknown = 'x';
  for (let n = 0; n < 100; n++) doubled = [doubled, doubled];
  assert.ok(new JsonExtents().of(doubled).chars > 2 ** 100);
});
