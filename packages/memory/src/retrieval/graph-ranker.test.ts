import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from '../engine.ts';
import type { Ranker, RankRequest } from '../ranking.ts';
import { createClassicRanker } from '../classic/ranker.ts';
import { createHybridRanker } from './graph-ranker.ts';
import { walkOf } from './graph-walk.ts';

const rankers = { hybrid: createHybridRanker, classic: createClassicRanker };

function request(text: string, more: Partial<RankRequest> = {}): RankRequest {
  return { text, limit: 10, view: {}, nowMs: 0, ...more };
}

function idsOf(memory: MemoryEngine, ranker: Ranker, asked: RankRequest): string[] {
  return ranker
    .plan(asked)
    .run()
    .map(({ index }) => memory.graph.node(index)?.id ?? '');
}

for (const [name, createRanker] of Object.entries(rankers)) {
  // req: memory.retrieval.valid-only
  test(`${name}: what was superseded, removed or has expired is not found`, () => {
    const memory = new MemoryEngine({ now: () => 0 });
    const ranker = createRanker(memory.graph);
    memory.ingest({ id: 'old', key: 'deploy day', value: 'deploys happen on Friday' });
    memory.ingest({ id: 'other', key: 'deploy window', value: 'deploys happen at noon' });
    memory.ingest({ id: 'gone', key: 'deploy tool', value: 'deploys happen by hand' });
    memory.ingest({ id: 'expired', key: 'deploy freeze', value: 'no deploys', expiresAtMs: 10 });
    memory.supersede('old', { id: 'new', key: 'deploy day', value: 'deploys happen on Tuesday' });
    memory.remove(['gone']);
    assert.deepEqual(idsOf(memory, ranker, request('deploys', { nowMs: 20 })).toSorted(), ['new', 'other']);
    memory.reset();
    assert.deepEqual(idsOf(memory, ranker, request('deploys')), []);
    ranker[Symbol.dispose]();
  });

  // req: memory.retrieval.tenants
  test(`${name}: a tenant finds only its own, and nobody finds a tenant's`, () => {
    const memory = new MemoryEngine();
    const ranker = createRanker(memory.graph);
    for (const tenant of ['', 'a', 'b']) {
      memory.ingest({ id: `secret${tenant}`, key: 'secret', value: `the secret of ${tenant}`, tenant });
    }
    for (const tenant of ['', 'a', 'b']) {
      assert.deepEqual(idsOf(memory, ranker, request('secret', { view: { tenant } })), [`secret${tenant}`]);
    }
    ranker[Symbol.dispose]();
  });

  // req: memory.retrieval.activation
  test(`${name}: what a found fact rests on is found with it`, () => {
    const memory = new MemoryEngine();
    memory.ingest({ id: 'premise', key: 'headcount', value: 'eight people' });
    memory.ingest({ id: 'noise', key: 'lunch', value: 'soup' });
    memory.ingest({ id: 'plan', key: 'capacity', value: 'forty points a sprint', dependsOn: ['premise'] });
    const ranker = createRanker(memory.graph);
    assert.deepEqual(idsOf(memory, ranker, request('capacity of a sprint')), ['plan', 'premise']);
    ranker[Symbol.dispose]();
  });

  // req: memory.retrieval.explain
  test(`${name}: an explanation names the seeds with their words, the way and the parts of the score`, () => {
    const memory = new MemoryEngine();
    const premise = memory.ingest({ id: 'premise', key: 'headcount', value: 'eight people' });
    const plan = memory.ingest({ id: 'plan', key: 'capacity', value: 'forty points', dependsOn: ['premise'] });
    const ranker = createRanker(memory.graph);
    const { seeds, path, parts } = ranker.explain(request('capacity'), premise.index);
    assert.deepEqual(
      seeds.map(({ index, terms }) => [index, terms.length]),
      [[plan.index, 1]],
    );
    assert.deepEqual(path, [plan.index, premise.index]);
    assert((parts['activation'] ?? 0) > 0);
    ranker[Symbol.dispose]();
  });
}

// req: memory.retrieval.context-fill
test('a context is filled up with the newest facts once those that answer are in', () => {
  const memory = new MemoryEngine();
  const ranker = createHybridRanker(memory.graph);
  const keys = ['apples', 'pears', 'plums', 'cherries', 'grapes', 'figs'];
  for (const [n, key] of keys.entries()) memory.ingest({ id: `f${n}`, key, value: `batch${n}` });
  memory.addTurn({ speaker: 'user', text: 'pears it is' });
  const ranked = ranker.planContext(request('how many pears', { limit: 20 })).run();
  assert.equal(memory.graph.node(ranked[0]?.index ?? -1)?.id, 'f1');
  assert.equal(ranked.length, 6);
  const few = ranker.planContext(request('pears', { limit: 3 })).run();
  assert.deepEqual(
    few.map(({ index }) => memory.graph.node(index)?.id),
    ['f1', 'f5', 'f4'],
  );
  ranker[Symbol.dispose]();
});

// req: memory.retrieval.deterministic
test('an index that followed a memory ranks as one that reads it afterwards', () => {
  const memory = new MemoryEngine({ now: () => 7 });
  const followed = createHybridRanker(memory.graph);
  for (let n = 0; n < 200; n++) {
    memory.ingest({ id: `f${n}`, key: `k${n % 9}`, value: `deploy ${n} on day ${n % 5}` });
    if (n % 3 === 0) memory.supersede(`f${n}`, { key: `k${n % 9}`, value: `deploy ${n} moved to day ${n % 7}` });
    if (n % 10 === 0) memory.addTurn({ speaker: n % 20 === 0 ? 'user' : 'assistant', text: `about deploy ${n}` });
  }
  const late = createHybridRanker(memory.graph);
  for (const text of ['deploy 33', 'which day is deploy 7', 'k3']) {
    assert.equal(JSON.stringify(followed.plan(request(text)).run()), JSON.stringify(late.plan(request(text)).run()));
  }
  for (const ranker of [followed, late]) ranker[Symbol.dispose]();
});

// req: memory.retrieval.classic
test('classic: an exact word counts 3, a stem 2, a synonym 1.5, a piece of a word 1', () => {
  const memory = new MemoryEngine();
  memory.ingest({ id: 'token', key: 'a', value: 'auth' });
  memory.ingest({ id: 'synonym', key: 'b', value: 'login' });
  memory.ingest({ id: 'piece', key: 'c', value: 'coauthors' });
  memory.ingest({ id: 'none', key: 'd', value: 'weather' });
  const ranker = createClassicRanker(memory.graph);
  assert.deepEqual(idsOf(memory, ranker, request('auth')), ['token', 'synonym', 'piece']);
  memory.reset();
  memory.ingest({ id: 'stem', key: 'a', value: 'testing' });
  memory.ingest({ id: 'token', key: 'b', value: 'tested' });
  memory.ingest({ id: 'piece', key: 'c', value: 'attestedly' });
  assert.deepEqual(idsOf(memory, ranker, request('tested')), ['token', 'stem', 'piece']);
  ranker[Symbol.dispose]();
});

// req: memory.retrieval.bounded
test('activation stops at a node that thousands lead to, and reads no more of its edges', () => {
  const memory = new MemoryEngine({ now: () => 0 });
  const hub = memory.ingest({ id: 'hub', key: 'headcount', value: 'eight people' });
  for (let n = 0; n < 600; n++)
    memory.ingest({ id: `f${n}`, key: `plan ${n}`, value: `sprint ${n}`, dependsOn: ['hub'] });
  const visitsOf = (maxEdges: number): number => {
    let visits = 0;
    walkOf(memory.graph, { maxEdges }).forEachNeighbour(hub.index, () => visits++);
    return visits;
  };
  assert.deepEqual([visitsOf(599), visitsOf(600)], [0, 600]);
  const ranker = createHybridRanker(memory.graph);
  assert.deepEqual(idsOf(memory, ranker, request('headcount')), ['hub']);
  assert(idsOf(memory, ranker, request('plan 77')).includes('hub'));
  ranker[Symbol.dispose]();
});

// req: memory.retrieval.tenants
test('no word of one tenant weighs in the order of another', () => {
  const orders = [0, 500].map((others) => {
    const memory = new MemoryEngine({ now: () => 0 });
    memory.ingest({ id: 'a', key: 'deploy', value: 'friday friday', tenant: 't' });
    memory.ingest({ id: 'b', key: 'budget', value: 'deploy freeze', tenant: 't' });
    for (let n = 0; n < others; n++) memory.ingest({ key: 'deploy', value: `friday ${n}`, tenant: 'u' });
    const ranker = createHybridRanker(memory.graph);
    const ranked = ranker.plan(request('friday freeze deploy', { view: { tenant: 't' } })).run();
    ranker[Symbol.dispose]();
    return JSON.stringify(ranked);
  });
  assert.equal(orders[0], orders[1]);
});

// req: memory.retrieval.function-words
test('a question of nothing but function words finds texts that have them, the most of them first', () => {
  const memory = new MemoryEngine({ now: () => 0 });
  memory.ingest({ id: 'subject', key: 'same', value: 'kept' });
  memory.ingest({ id: 'both', key: 'lunch', value: 'is it The same, again' });
  memory.ingest({ id: 'piece', key: 'lather', value: 'other samey words' });
  memory.ingest({ id: 'ended', key: 'x', value: 'the same' });
  memory.ingest({ id: 'expired', key: 'y', value: 'the same', expiresAtMs: 10 });
  memory.ingest({ id: 'theirs', key: 'same', value: 'the same', tenant: 'b' });
  memory.supersede('ended', { id: 'now', key: 'x', value: 'another' });
  const ranker = createHybridRanker(memory.graph);
  const asked = (text: string, more: object = {}): string[] =>
    idsOf(memory, ranker, request(text, { nowMs: 20, ...more }));
  assert.deepEqual(asked('same'), ['subject', 'both']);
  assert.deepEqual(asked('The same!'), ['both', 'subject']);
  assert.deepEqual(asked('The same!', { limit: 1 }), ['both']);
  assert.deepEqual(asked('same', { view: { tenant: 'b' } }), ['theirs']);
  assert.deepEqual([asked('nor'), asked(''), asked('same banana')], [[], [], []]);
  const reason = ranker.explain(request('the same', { nowMs: 20 }), 0);
  assert.deepEqual(
    reason.seeds.map(({ terms }) => terms),
    [['the', 'same'], ['same']],
  );
  ranker[Symbol.dispose]();
});

// req: memory.retrieval.function-words
test('such a question reads the newest texts alone, and what has it for its subject', () => {
  const memory = new MemoryEngine();
  memory.ingest({ id: 'subject', key: 'once', value: 'said' });
  memory.ingest({ id: 'body', key: 'old', value: 'said once' });
  for (let nth = 0; nth < 5_000; nth++) memory.ingest({ id: `f${nth}`, key: `key ${nth}`, value: 'filler' });
  memory.ingest({ id: 'new', key: 'new', value: 'said once' });
  const ranker = createHybridRanker(memory.graph);
  assert.deepEqual(idsOf(memory, ranker, request('once')), ['subject', 'new']);
  ranker[Symbol.dispose]();
});
