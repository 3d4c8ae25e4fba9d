import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LexicalIndex, MAX_WORK, MAX_WORK_OVER, weightedTermsOf, type IndexedText } from './lexical-index.ts';
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

const all = (): boolean => true;

function scoresById(index: LexicalIndex, question: string): [number, number][] {
  const found = index.bestOfAll(weightedTermsOf(question), Infinity, all);
  return found.map(({ slot, score }) => [index.idOf(slot), score]);
}

/** Puts a text in place of the one with its id. */
function put(index: LexicalIndex, given: IndexedText): void {
  index.remove(given.id);
  index.add(given);
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
          put(index, { id, subject, body });
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
    for (let id = 0; id < 3_000; id++) {
      put(index, { id, subject: `key ${id}`, body: `value ${id} of round ${round}` });
    }
    bytes.push(index.byteLength);
    assert.equal(index.size, 3_000);
    assert(index.slotCount <= 6_000, `${index.slotCount} slots`);
  }
  assert(bytes.at(-1)! <= bytes[2]! * 1.5, bytes.join(' '));
});

test('function words are no terms of a question', () => {
  assert.deepEqual(weightedTermsOf('who is the'), []);
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
  assert.equal(scoresById(index, 'needle').length, 1);
  assert.equal(scoresById(index, 'lost').length, 0);
  assert(index.byteLength < 1_000_000, `${index.byteLength} bytes`);
});

const drawnIndex = fc
  .record({
    texts: fc.array(fc.record({ subject: text, body: text, times: fc.constantFrom(1, 1, 1, 40, 200) }), {
      maxLength: 30,
    }),
    removed: fc.array(fc.nat(400), { maxLength: 40 }),
    hidden: fc.nat(7),
    limit: fc.constantFrom(1, 3, 10, 64, 1_000),
  })
  .map(({ texts, removed, hidden, limit }) => {
    const index = new LexicalIndex(rankingWeights);
    let id = 0;
    // Many equal texts make long lists, equal scores and blocks to pass over.
    for (const { subject, body, times } of texts) {
      for (let time = 0; time < times; time++)
        index.add({ id: id++, subject, body: `${body} ${time % 3 === 0 ? 'vendor' : ''}` });
    }
    for (const each of removed) index.remove(each);
    return { index, limit, isWanted: (slot: number): boolean => hidden === 0 || slot % hidden !== 0 };
  });
const question = fc
  .array(fc.tuple(word, fc.double({ min: 0.01, max: 2, noNaN: true })), { minLength: 1, maxLength: 8 })
  .map((drawn) =>
    [...new Map(drawn)].flatMap(([each, weight]) => weightedTermsOf(each).map(({ term }) => ({ term, weight }))),
  )
  .map((terms) => [...new Map(terms.map((each) => [each.term, each])).values()]);

// req: memory.retrieval.pruned
test('the best texts are, to the bit and in their order, those that scoring every text gives', () => {
  fc.assert(
    fc.property(drawnIndex, question, ({ index, limit, isWanted }, terms) => {
      const { slots, missed } = index.best(terms, limit, isWanted, Infinity);
      assert.equal(missed, 0);
      assert.deepEqual(slots, index.bestOfAll(terms, limit, isWanted));
    }),
    { numRuns: runs },
  );
});

// req: memory.retrieval.pruned
test('a search that runs out of work says how much it may miss, and misses no better text', () => {
  fc.assert(
    fc.property(drawnIndex, question, fc.nat(200), ({ index, limit, isWanted }, terms, maxWork) => {
      const { slots, missed } = index.best(terms, limit, isWanted, maxWork);
      const found = new Map(slots.map(({ slot, score }) => [slot, score]));
      const least = Math.max(missed, slots.length === limit ? slots.at(-1)!.score : 0);
      for (const { slot, score } of index.bestOfAll(terms, Infinity, isWanted)) {
        if (found.has(slot)) assert.equal(found.get(slot), score);
        else assert(score <= least, `${score} was missed, above ${least}`);
      }
    }),
    { numRuns: runs },
  );
});

// req: memory.retrieval.pruned
test('equal texts by the ten thousand are not read one by one, and no question reads more than its bound', () => {
  const index = new LexicalIndex(rankingWeights);
  const long = Array.from({ length: 400 }, (_, nth) => `w${nth}`);
  for (let id = 0; id < 40_000; id++) {
    index.add({
      id,
      subject: 'one key',
      body: `common ${id % 2 === 0 ? 'half ' : ''}${long.slice(id % 300, (id % 300) + 20).join(' ')}`,
    });
  }
  const one = index.best(weightedTermsOf('key'), 64, all);
  assert.deepEqual(one.slots.slice(0, 2).map(({ slot }) => index.idOf(slot)), [0, 1]); // prettier-ignore
  assert(one.work < 10_000, `${one.work} cells for a word of every text`);
  for (const asked of [
    'common half',
    long.join(' '),
    'half '.repeat(200_000),
    `${long.slice(0, 50).join(' ')} key half`,
  ]) {
    for (const isWanted of [all, (): boolean => false]) {
      const { work } = index.best(weightedTermsOf(asked), 64, isWanted);
      assert(work <= MAX_WORK + MAX_WORK_OVER, `${work} cells for ${asked.slice(0, 20)}`);
    }
  }
});
