import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RankedIndex, type RankedText } from './ranked-index.ts';

const minute = 60_000;

function talk(...turns: [speaker: string, words: string][]): RankedText[] {
  return turns.map(([subject, body], id) => ({ id, subject, body, atMs: id * minute, thread: '' }));
}

function indexOf(texts: readonly RankedText[]): RankedIndex {
  const index = new RankedIndex();
  for (const text of texts) index.add(text);
  return index;
}

function found(index: RankedIndex, text: string, limit = 5): number[] {
  return index.query({ text, limit }).map(({ id }) => id);
}

// req: memory.retrieval.turns
test('an answer is found by the question before it', () => {
  const index = indexOf(
    talk(
      ['Ann', 'Which instrument did you learn as a child?'],
      ['Ben', 'The cello, for seven winters.'],
      ['Ann', 'Nice weather.'],
      ['Ben', 'Indeed.'],
      ['Ann', 'Shall we go out?'],
      ['Ben', 'Gladly.'],
    ),
  );
  assert.deepEqual(found(index, 'What instrument did Ben learn?', 2), [0, 1]);
});

// req: memory.retrieval.turns
test('facts that came in beside each other lend each other nothing', () => {
  const facts = [
    ['deploy day', 'Friday at noon'],
    ['favourite colour', 'green'],
    ['database', 'Postgres 17'],
  ] as const;
  const index = indexOf(facts.map(([subject, body], id) => ({ id, subject, body, atMs: 0, thread: '' })));
  assert.deepEqual(found(index, 'deploy day'), [0]);
});

// req: memory.retrieval.turns
test('turns of another day, and of another thread, lend nothing', () => {
  const later = talk(['Ann', 'the zebra escaped'], ['Ben', 'where'], ['Ann', 'yes'], ['Ben', 'oh']);
  const days = later.map((turn) => ({ ...turn, atMs: turn.id * 24 * 60 * minute }));
  const threads = later.map((turn) => ({ ...turn, thread: String(turn.id) }));
  const lent = (turns: RankedText[]): number[] =>
    indexOf(turns)
      .query({ text: 'zebra', limit: 5 })
      .filter(({ parts }) => parts.turns > 0)
      .map(({ id }) => id);
  assert.deepEqual([lent(later).length > 0, lent(days), lent(threads)], [true, [], []]);
});

// req: memory.retrieval.cues
test('who asks when is given the text that says when', () => {
  const index = indexOf(
    talk(['Ann', 'I painted the fence'], ['Cid', 'I painted the fence last Tuesday'], ['Dan', 'I painted the fence']),
  );
  assert.equal(found(index, 'When was the fence painted?')[0], 1);
  assert.equal(found(index, 'Who painted the fence?')[0], 0);
});

// req: memory.retrieval.cues
test('a text of the day that is asked about comes first', () => {
  const on = (date: string, id: number) => ({
    id,
    subject: 'log',
    body: 'dinner with the team',
    atMs: Date.parse(date),
    thread: String(id),
  });
  const index = indexOf([on('2023-04-02', 0), on('2023-05-03', 1), on('2023-05-04', 2)]);
  for (const question of ['dinner on May 3, 2023', 'dinner on 3 May', 'the dinner of 2023-05-03']) {
    assert.equal(found(index, question)[0], 1, question);
  }
  assert.deepEqual(found(index, 'may we march to dinner'), [0, 1, 2]);
});

// req: memory.retrieval.feedback
test('a text that shares no word with the question is found through what the best ones have in common', () => {
  const index = indexOf(
    [
      'our kubernetes cluster runs in Frankfurt',
      'the kubernetes cluster has nine nodes in Frankfurt',
      'Frankfurt invoices arrive monthly',
      'lunch is at noon',
    ].map((body, id) => ({ id, subject: '', body, atMs: 0, thread: '' })),
  );
  assert.deepEqual(
    found(index, 'kubernetes').toSorted((a, b) => a - b),
    [0, 1, 2],
  );
});

// req: memory.retrieval.embedder
test('an embedder brings up what no word leads to, and never what may not be seen', () => {
  const index = indexOf(talk(['a', 'the cat sat'], ['b', 'felines rest'], ['c', 'stocks fell']));
  const likeness = new Map([
    [1, 0.9],
    [2, 0.1],
  ]);
  assert.deepEqual(
    index.query({ text: 'cat', limit: 3, likeness }).map(({ id }) => id),
    [0, 1, 2],
  );
  const hits = index.query({ text: 'cat', limit: 3, likeness, isVisible: (id) => id !== 1 });
  assert.deepEqual(
    hits.map(({ id }) => id),
    [0, 2],
  );
});

const texts = fc.array(
  fc.record({
    subject: fc.constantFrom('Ann', 'Ben', 'budget'),
    body: fc
      .array(fc.constantFrom('deploy', 'may', '3', 'when', 'cat', 'friday', '?'), { maxLength: 8 })
      .map((words) => words.join(' ')),
    atMs: fc.constantFrom(0, minute, Number.NaN),
    isRemoved: fc.boolean(),
  }),
  { maxLength: 40 },
);

// req: memory.retrieval.deterministic, memory.retrieval.incremental
test('the same texts give the same bytes, whatever came and went between them', () => {
  fc.assert(
    fc.property(texts, fc.constantFrom('deploy cat', 'when did Ann deploy', 'cats on May 3'), (drawn, question) => {
      const all = drawn.map((text, id) => ({ ...text, id, thread: '' }));
      const index = indexOf(all);
      for (const { id, isRemoved } of all) if (isRemoved) index.remove(id);
      const rebuilt = indexOf(all.filter(({ isRemoved }) => !isRemoved));
      const query = { text: question, limit: 50 };
      assert.equal(JSON.stringify(index.query(query)), JSON.stringify(rebuilt.query(query)));
      assert.equal(JSON.stringify(index.query(query)), JSON.stringify(index.query(query)));
      for (const { score, parts } of index.query(query)) {
        const sum = Object.values(parts).reduce((total, part) => total + part, 0);
        assert(Math.abs(score - sum) < 1e-9, 'the parts are the score');
      }
    }),
  );
});

// req: memory.retrieval.pruned
test('a query finds what it finds when every text is scored, whatever came and went', () => {
  fc.assert(
    fc.property(
      texts,
      fc.constantFrom('deploy cat', 'when did Ann deploy', 'cats on May 3', 'budget', '?'),
      (drawn, question) => {
        const indexes = [new RankedIndex(), new RankedIndex(undefined, { isExhaustive: true })];
        for (const index of indexes) {
          for (const [id, text] of [...drawn, ...drawn, ...drawn].entries()) index.add({ ...text, id, thread: '' });
          for (const [id, { isRemoved }] of drawn.entries()) if (isRemoved) index.remove(id);
        }
        const [pruned, exhaustive] = indexes.map((index) => JSON.stringify(index.query({ text: question, limit: 70 })));
        assert.equal(pruned, exhaustive);
      },
    ),
  );
});

// req: memory.retrieval.bounded
test('ten thousand texts of one subject answer a query about it', () => {
  const index = new RankedIndex();
  for (let id = 0; id < 10_000; id++) index.add({ id, subject: 'one key', body: `value ${id}`, atMs: 0, thread: '' });
  assert.deepEqual(found(index, 'one key 9876', 1), [9876]);
  assert.equal(found(index, 'one key', 100_000).length <= 10_000, true);
});

// req: memory.retrieval.bounded
test('a question of a megabyte is one of its beginning', () => {
  const index = indexOf(talk(['Ann', 'the needle'], ['Ben', 'the hay']));
  assert.deepEqual(found(index, `needle ${'x '.repeat(500_000)} hay`), [0]);
});

test('a question of nothing finds nothing', () => {
  const index = indexOf(talk(['Ann', 'hello']));
  for (const question of ['', ' \u0000\u001b[31m', '?!', '\ud800']) assert.deepEqual(found(index, question), []);
});
