import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LexicalIndex, weightedTermsOf, type IndexedText } from './lexical-index.ts';
import { rankingWeights } from './weights.ts';

const runs = process.env['CAR_TEST_LONG'] === '1' ? 2_000 : 100;
const word = fc.constantFrom('deploy', 'deploys', 'friday', 'budget', 'the', 'vendor', 'ünïcode', '42');
const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
const change = fc.record({
  id: fc.nat(20),
  subject: text,
  body: text,
  isRemoval: fc.boolean(),
});

function scoresById(index: LexicalIndex, question: string): [number, number][] {
  return [...index.score(weightedTermsOf(question))].map(([slot, score]) => [index.idOf(slot), score]);
}

// req: memory.retrieval.incremental
test('an index after any additions and removals scores, bit for bit, as one built of what is left', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), text, (changes, question) => {
      const index = new LexicalIndex(rankingWeights);
      const left = new Map<number, IndexedText>();
      for (const { id, subject, body, isRemoval } of changes) {
        left.delete(id);
        if (isRemoval) index.remove(id);
        else {
          index.add({ id, subject, body });
          left.set(id, { id, subject, body });
        }
      }
      const rebuilt = new LexicalIndex(rankingWeights);
      for (const each of left.values()) rebuilt.add(each);
      assert.deepEqual(scoresById(index, question), scoresById(rebuilt, question));
      assert.equal(index.size, left.size);
    }),
    { numRuns: runs },
  );
});

// req: memory.retrieval.incremental
test('removed texts are swept out: what is held does not grow with what came and went', () => {
  const index = new LexicalIndex(rankingWeights);
  const bytes: number[] = [];
  for (let round = 0; round < 8; round++) {
    for (let id = 0; id < 3_000; id++) index.add({ id, subject: `key ${id}`, body: `value ${id} of round ${round}` });
    bytes.push(index.byteLength);
    assert.equal(index.size, 3_000);
    assert(index.slotCount <= 6_000, `${index.slotCount} slots`);
  }
  assert(bytes.at(-1)! <= bytes[2]! * 1.5, bytes.join(' '));
});

test('one score is the score of all', () => {
  const index = new LexicalIndex(rankingWeights);
  for (let id = 0; id < 50; id++) index.add({ id, subject: `day ${id % 7}`, body: 'deploy '.repeat(id % 20) + id });
  const terms = weightedTermsOf('when do we deploy on day 3');
  const scores = index.score(terms);
  assert(scores.size > 0);
  for (const [slot, score] of scores) assert.equal(index.scoreOf(slot, terms), score);
});

test('what function words alone ask is looked up by these', () => {
  assert.deepEqual(
    weightedTermsOf('who is the').map(({ term }) => term),
    ['who', 'is', 'the'],
  );
  assert.deepEqual(
    weightedTermsOf('Who runs the deployments?').map(({ term }) => term),
    ['run', 'deploy'],
  );
});

// req: memory.retrieval.bounded
test('a body of a megabyte is indexed by its beginning', () => {
  const index = new LexicalIndex(rankingWeights);
  index.add({ id: 1, subject: 'first', body: `needle ${'hay '.repeat(300_000)} lost` });
  index.add({ id: 2, subject: 'wall', body: 'x'.repeat(1_000_000) });
  assert.equal(index.score(weightedTermsOf('needle')).size, 1);
  assert.equal(index.score(weightedTermsOf('lost')).size, 0);
  assert(index.byteLength < 1_000_000, `${index.byteLength} bytes`);
});

// req: memory.retrieval.bounded
test('a look-up that may not read everything gives exact scores, and the best that the rarest terms lead to', () => {
  const index = new LexicalIndex(rankingWeights);
  for (let id = 0; id < 2_000; id++) {
    index.add({ id, subject: 'log', body: `common ${id % 2 === 0 ? 'half ' : ''}${id === 777 ? 'rare' : ''}` });
  }
  const terms = weightedTermsOf('common half rare');
  const all = index.best(terms, 5, () => true, Infinity);
  const few = index.best(terms, 5, () => true, 1_100);
  assert.deepEqual(few[0], all[0]);
  assert.equal(index.idOf(few[0]!.slot), 777);
  for (const { slot, score } of few) assert.equal(score, index.scoreOf(slot, terms));
  const hidden = index.best(terms, 5, (slot) => index.idOf(slot) !== 777, 1_100);
  assert.deepEqual(
    hidden.map(({ slot }) => index.idOf(slot)),
    [0, 2, 4, 6, 8],
  );
  for (const { slot, score } of index.best(terms, 2_000, () => true, Infinity)) {
    assert.equal(score, index.score(terms).get(slot));
  }
});
