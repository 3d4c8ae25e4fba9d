import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RetainedLines } from './retained-lines.ts';

const line = fc.oneof(
  fc.string({ maxLength: 40 }).map((text) => JSON.stringify(text)),
  fc.integer({ min: 1_000, max: 90_000 }).map((length) => '"é'.padEnd(length, 'x')),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ add: fc.array(line, { minLength: 1, maxLength: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ drop: fc.nat({ max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ bytes: fc.nat({ max: 400_000 }) }) },
  { weight: 1, arbitrary: fc.record({ take: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ halve: fc.constant(true) }) },
);

test('lines go in at one end and out at the other, and pieces once taken never change', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
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
        } else if ('halve' in each) {
          kept.halve();
          model = model.slice(model.length - kept.lines);
        } else if ('bytes' in each) {
          const before = model.length;
          while (Buffer.byteLength(textOf()) > each.bytes) model.shift();
          assert.equal(kept.dropToBytes(each.bytes), before - model.length);
        }
        assert.equal(kept.lines, model.length);
        assert.equal(kept.bytes, Buffer.byteLength(textOf()));
        assert.equal(kept.oldest()?.toString(), model[0]);
        assert.ok(kept.capacity >= kept.bytes);
        if (!('take' in each)) continue;
        const pieces = kept.pieces();
        for (const piece of pieces) assert.equal(piece.at(-1), 10, 'a piece ends with a whole line');
        assert.equal(Buffer.concat(pieces).toString(), textOf());
        taken.push({ pieces, text: textOf() });
      }
      assert.equal(Buffer.concat(kept.pieces()).toString(), textOf());
      for (const { pieces, text } of taken) assert.equal(Buffer.concat(pieces).toString(), text);
    }),
    { numRuns: process.env['CAR_TEST_LONG'] ? 3_000 : 100 },
  );
});

test('a log at its bound holds as much memory as before and writes into it again', () => {
  const kept = new RetainedLines();
  const kilobyte = `${'x'.repeat(999)}\n`;
  for (let n = 0; n < 1_000; n++) kept.add(kilobyte, 1);
  const memory = new Set<ArrayBufferLike>();
  const capacities = new Set<number>();
  for (let n = 0; n < 1_000; n++) {
    memory.add(kept.add(kilobyte, 1).buffer);
    kept.dropToBytes(500_000);
    capacities.add(kept.capacity);
  }
  assert.ok(memory.size <= 10, `${memory.size} pieces of memory for 1 MB of lines`);
  assert.ok(Math.max(...capacities.values().drop(20)) <= 500_000 + 3 * 64 * 1024);
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
