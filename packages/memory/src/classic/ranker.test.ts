import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from '../engine.ts';
import { createClassicRanker } from './ranker.ts';
import { stemOf, tokensOf } from './text.ts';

const request = { limit: 5, view: {}, nowMs: 0 };

function memoryOf(...facts: [key: string, value: string, tenant?: string][]): MemoryEngine {
  const memory = new MemoryEngine();
  facts.forEach(([key, value, tenant = ''], nth) => memory.ingest({ id: `f${nth}`, key, value, tenant }));
  return memory;
}

function found(memory: MemoryEngine, text: string, tenant = ''): string[] {
  using ranker = createClassicRanker(memory.graph);
  return ranker
    .plan({ ...request, text, view: { tenant } })
    .run()
    .map(({ index }) => memory.graph.node(index)?.id as string);
}

// req: memory.rank.text
test('text is split at spaces and marks, lower-cased, and loses one suffix where three letters stay', () => {
  assert.deepEqual(tokensOf('Deploy:api_v2.1/prod-eu, now '), ['deploy', 'api', 'v2', '1', 'prod', 'eu', 'now']);
  assert.deepEqual(['deploying', 'boxes', 'sing', 'deployed', 'cat'].map(stemOf), [
    'deploy',
    'box',
    'sing',
    'deploy',
    'cat',
  ]);
});

// req: memory.rank.seeds
test('an exact word outranks its stem, a stem a synonym, a synonym a part of a word', () => {
  const memory = memoryOf(['a', 'relogins'], ['b', 'authenticated'], ['c', 'logins'], ['d', 'login'], ['e', 'nothing']);
  assert.deepEqual(found(memory, 'login'), ['f3', 'f2', 'f0']);
  assert.deepEqual(found(memoryOf(['a', 'credential'], ['b', 'reauthed'], ['c', 'auth']), 'auth'), ['f2', 'f0', 'f1']);
});

// req: memory.rank.query
test('what is linked to a match is found through it, and what no longer holds is not', () => {
  const memory = memoryOf(['deploy day', 'Friday'], ['unrelated', 'text']);
  memory.ingest({ id: 'mail', key: 'announcement', value: 'goes to all', dependsOn: ['f0'] });
  assert.deepEqual(found(memory, 'deploy'), ['f0', 'mail']);
  memory.supersede('f0', { id: 'new', key: 'deploy day', value: 'Tuesday' });
  assert.deepEqual(found(memory, 'deploy'), ['new']);
});

// req: memory.graph.tenants
test('a tenant finds only its own, and what others wrote does not weigh in', () => {
  const memory = memoryOf(['k', 'apples'], ['k', 'apples', 't'], ['k', 'apples pears', 't']);
  assert.deepEqual(found(memory, 'apples'), ['f0']);
  assert.deepEqual(found(memory, 'apples', 't'), ['f1', 'f2']);
  assert.deepEqual(found(memory, 'apples', 'nobody'), []);
});

test('an index that follows the graph finds what one made anew finds, after thousands of changes', () => {
  const memory = memoryOf(['k', 'first']);
  using following = createClassicRanker(memory.graph);
  for (let nth = 0; nth < 3_000; nth++) {
    memory.supersede(nth === 0 ? 'k' : `g${nth - 1}`, {
      id: `g${nth}`,
      key: 'k',
      value: `value number ${nth} of the key`,
    });
  }
  memory.ingest({ id: 'other', key: 'numbers', value: 'key value' });
  const plan = { ...request, text: 'number of key 17' };
  using fresh = createClassicRanker(memory.graph);
  assert.deepEqual(following.plan(plan).run(), fresh.plan(plan).run());
  assert.equal(following.plan(plan).cost, fresh.plan(plan).cost);
});

// req: memory.extra.explain
test('an explanation names the seeds, their terms and the way from them', () => {
  const memory = memoryOf(['deploy day', 'Friday']);
  memory.ingest({ id: 'mail', key: 'announcement', value: 'goes to all', dependsOn: ['f0'] });
  using ranker = createClassicRanker(memory.graph);
  const { seeds, path, parts } = ranker.explain({ ...request, text: 'deploy on' }, 1);
  assert.deepEqual(
    seeds.map(({ index, terms }) => [index, terms]),
    [[0, ['deploy']]],
  );
  assert.deepEqual(path, [0, 1]);
  assert.ok((parts['activation'] as number) > 0);
});
