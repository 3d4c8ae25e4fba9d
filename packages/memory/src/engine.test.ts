import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from './engine.ts';

const at = (ms: number) => ({ now: () => ms });

// req: memory.graph.supersede
test('a superseded fact holds no longer, stays in the graph and knows when it ended', () => {
  const memory = new MemoryEngine(at(5));
  const old = memory.ingest({ id: 'a', key: 'deploy day', value: 'Friday' });
  const fresh = memory.supersede('a', { id: 'b', key: 'deploy day', value: 'Tuesday' });
  assert.deepEqual([old.kind, old.endedAtMs, fresh.kind, memory.factCount], ['fact_superseded', 5, 'fact', 1]);
  assert.deepEqual(
    [...memory.graph.adjacency.out(fresh.index)].map(({ kind, to }) => [kind, to]),
    [['supersedes', old.index]],
  );
  assert.deepEqual(
    [...memory.graph.factsOfKey('deploy day')].map(({ id }) => id),
    ['b'],
  );
});

// req: memory.graph.target
test('supersession looks for an id, else for the first valid fact of a key', () => {
  const memory = new MemoryEngine();
  for (const id of ['a', 'b']) memory.ingest({ id, key: 'k', value: id });
  memory.supersede('k', { id: 'c', key: 'k', value: 'c' });
  assert.equal(memory.graph.byId('a')?.kind, 'fact_superseded');
  memory.supersede('k', { id: 'd', key: 'k', value: 'd' });
  assert.equal(memory.graph.byId('b')?.kind, 'fact_superseded');
  assert.throws(() => memory.supersede('nothing', { key: 'k', value: 'e' }), { reason: 'unknown_target' });
});

// req: memory.graph.cascade, memory.graph.depends-on
test('conclusions fall with their premises and what depends on them needs review, as far as it goes', () => {
  const memory = new MemoryEngine();
  memory.ingest({ id: 'budget', key: 'budget', value: '200' });
  memory.ingest({ id: 'plan', kind: 'conclusion', key: 'plan', value: 'buy', premises: ['budget'] });
  memory.ingest({ id: 'date', kind: 'conclusion', key: 'date', value: 'May', premises: ['plan'] });
  memory.ingest({ id: 'mail', key: 'mail', value: 'sent', dependsOn: ['date', 'no such id'] });
  memory.ingest({ id: 'news', key: 'news', value: 'out', premises: ['mail'] });
  const fresh = memory.supersede('budget', { id: 'budget2', key: 'budget', value: '100', dependsOn: ['budget'] });
  const kinds = ['plan', 'date', 'mail', 'news'].map((id) => memory.graph.byId(id)?.kind);
  assert.deepEqual(kinds, ['conclusion_invalidated', 'conclusion_invalidated', 'fact', 'fact']);
  const review = [...memory.graph.needingReview()].map(({ id }) => id).toSorted();
  assert.deepEqual(review, ['date', 'mail', 'news', 'plan']);
  assert.equal(fresh.needsReview, false);
  assert.equal(memory.confirm('mail'), true);
  assert.equal(memory.graph.byId('mail')?.needsReview, false);
});

// req: memory.graph.duplicate-id
test('the n-th fact of one id is stored as <id>-<n>', () => {
  const memory = new MemoryEngine();
  memory.ingest({ id: 'x-3', key: 'k', value: '0' });
  const ids = [1, 2, 3].map((n) => memory.ingest({ id: 'x', key: 'k', value: String(n) }).id);
  assert.deepEqual(ids, ['x', 'x-2', 'x-4']);
});

test('a tenant supersedes only what is its own', () => {
  const memory = new MemoryEngine();
  memory.ingest({ id: 'a', key: 'k', value: 'unscoped' });
  memory.ingest({ id: 'b', key: 'k', value: 'of t', tenant: 't' });
  assert.throws(() => memory.supersede('a', { key: 'k', value: 'new', tenant: 't' }), { reason: 'unknown_target' });
  memory.supersede('k', { key: 'k', value: 'new', tenant: 't' });
  assert.deepEqual(
    [memory.graph.byId('a'), memory.graph.byId('b', 't')].map((node) => node?.kind),
    ['fact', 'fact_superseded'],
  );
});

// req: memory.graph.turns
test('turns of a conversation are chained in the order they came', () => {
  const memory = new MemoryEngine();
  const [first, second] = ['hello', 'bye'].map((text) => memory.addTurn({ speaker: 'ann', text }));
  assert.deepEqual([first?.key, first?.value], ['ann', 'ann: hello']);
  assert.deepEqual(
    [...memory.graph.adjacency.out(first!.index)].map(({ kind, to }) => [kind, to]),
    [['temporal_next', second!.index]],
  );
});

test('a listener hears of every change in order, a removal and a reset included', () => {
  const memory = new MemoryEngine();
  const heard: string[] = [];
  memory.graph.subscribe({
    nodeAdded: ({ id }) => void heard.push(`+${id}`),
    nodeChanged: ({ id, kind, needsReview }, before) =>
      void heard.push(`${id}: ${before.kind} -> ${kind}${needsReview ? ', review' : ''}`),
    nodeRemoved: ({ id }) => void heard.push(`-${id}`),
    edgeAdded: (from, to, kind) => void heard.push(`${from} ${kind} ${to}`),
    reset: () => void heard.push('reset'),
  });
  memory.ingest({ id: 'a', key: 'k', value: 'v' });
  memory.ingest({ id: 'b', key: 'j', value: 'v', dependsOn: ['a'] });
  memory.supersede('a', { id: 'c', key: 'k', value: 'w' });
  memory.remove(['a']);
  memory.reset();
  assert.deepEqual(heard, [
    '+a',
    '+b',
    '1 depends_on 0',
    '+c',
    '2 supersedes 0',
    'a: fact -> fact_superseded',
    'b: fact -> fact, review',
    '-a',
    'reset',
  ]);
});

test('replaying the records of a memory makes the same graph', () => {
  const memory = new MemoryEngine(at(7));
  const copy = new MemoryEngine(at(9));
  memory.keepIn((record) => copy.replay(JSON.parse(JSON.stringify(record))));
  for (const id of ['a', 'a', 'b']) memory.ingest({ id, key: 'k', value: id, tenant: id === 'b' ? 't' : '' });
  memory.supersede('a-2', { key: 'k', value: 'new', dependsOn: ['a'], isConstraint: true });
  memory.addTurn({ speaker: 'ann', text: 'hi' });
  memory.addTurn({ speaker: 'bob', text: 'ho' });
  memory.addEnvironment({ key: 'now', value: 'noon', expiresAtMs: 12 });
  memory.invalidate('b');
  memory.count(['a'], 'usage');
  memory.remove(['a-2']);
  assert.deepEqual([...copy.graph.nodes()], [...memory.graph.nodes()]);
  assert.deepEqual([copy.minted, copy.factCount], [memory.minted, memory.factCount]);
  assert.equal(copy.ingest({ id: 'a', key: 'k', value: '3' }).id, 'a-3');
});

// req: memory.graph.partitions
test('what belongs to a foreign partition is invisible unless asked for', () => {
  const memory = new MemoryEngine();
  memory.ingest({ id: 'own', key: 'k', value: 'v' });
  memory.ingest({ id: 'foreign', key: 'k', value: 'v', partition: 'other-repository' });
  const found = (partitions: readonly string[] | 'all'): string[] =>
    memory.reader.query('v', { partitions }).map(({ node }) => node.id);
  assert.deepEqual(
    [found([]), found(['third']), found(['other-repository']), found('all')].map((ids) => ids.join(' ')),
    ['own', 'own', 'own foreign', 'own foreign'],
  );
  assert.ok(!JSON.stringify(memory.reader.context('v')).includes('foreign'));
});
