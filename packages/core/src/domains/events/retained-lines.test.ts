import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RetainedLines } from './retained-lines.ts';

const line = fc.oneof(
  fc.string({ maxLength: 40 }).map((text) => JSON.stringify(text)),
  fc.integer({ min: 1_000, max: 90_000 }).map((length) => '"é'.padEnd(length, 'x')),
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: fc.array(line, { minLength: 1, maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ drop: fc.nat({ max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ bytes: fc.nat({ max: 200_000 }) }) },
);

test('lines go in at one end and out at the other, and pieces once taken never change', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const kept = new RetainedLines();
      let model: string[] = [];
      const taken: { pieces: Buffer[]; text: string }[] = [];
      const textOf = (): string => model.map((each) => `${each}\n`).join('');
      for (const each of steps) {
        if ('add' in each) {
          const text = each.add.map((added) => `${added}\n`).join('');
          assert.equal(kept.add(text, each.add.length).toString(), text);
          model.push(...each.add);
        } else if ('drop' in each) {
          kept.dropOldest(each.drop);
          model = model.slice(each.drop);
        } else {
          const before = model.length;
          while (Buffer.byteLength(textOf()) > each.bytes) model.shift();
          assert.equal(kept.dropToBytes(each.bytes), before - model.length);
        }
        assert.equal(kept.lines, model.length);
        assert.equal(kept.bytes, Buffer.byteLength(textOf()));
        assert.equal(kept.oldest()?.toString(), model[0]);
        assert.ok(kept.capacity >= kept.bytes);
        const pieces = kept.pieces();
        for (const piece of pieces) assert.equal(piece.at(-1), 10, 'a piece ends with a whole line');
        taken.push({ pieces, text: textOf() });
      }
      for (const { pieces, text } of taken) assert.equal(Buffer.concat(pieces).toString(), text);
    }),
    { numRuns: process.env['CAR_TEST_LONG'] ? 3_000 : 100 },
  );
});

test('halving gives memory back until there is none', () => {
  const kept = new RetainedLines();
  for (let n = 0; n < 1_000; n++) kept.add(`${'x'.repeat(999)}\n`, 1);
  for (let before = kept.capacity; before > 0; before = kept.capacity) {
    kept.halve();
    assert.ok(kept.capacity < before);
  }
  assert.deepEqual([kept.lines, kept.bytes, kept.pieces(), kept.oldest()], [0, 0, [], undefined]);
});
