// What a person who looks around in a memory is answered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { serve } from '@car-runtime/testkit';

async function neighborsOf(client: Client, fact_id: string, limit = 2, tenant_id?: string) {
  const found = [];
  let after: string | undefined;
  do {
    const page = await client.memory.neighbors({
      fact_id,
      limit,
      ...(after !== undefined && { after }),
      ...(tenant_id !== undefined && { tenant_id }),
    });
    assert.ok(page.neighbors.length <= limit);
    found.push(...page.neighbors);
    after = page.next;
  } while (after !== undefined);
  return found.map(({ fact, edge }) => `${edge.direction} ${edge.kind} ${edge.weight} ${fact.fact_id}`);
}

// req: memory.extra.neighbors
test('the neighbors of a fact come with their edges, page by page, none twice and none left out', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const add = (fact_id: string, more: object = {}): Promise<number> =>
    client.memory.add_fact({ subject: 'plan', body: `is ${fact_id}`, fact_id, ...more });
  await add('base', { subject: 'budget' });
  await add('old');
  await add('plan', { depends_on: ['base'], supersedes: 'old' });
  for (const nth of [1, 2, 3]) await add(`step${nth}`, { subject: `step ${nth}`, depends_on: ['plan'] });
  await add('same1');
  await add('same2');
  await add('other', { tenant_id: 't' });
  const expected = [
    'out supersedes 1 old',
    'out depends_on 1 base',
    'in depends_on 1 step3',
    'in depends_on 1 step2',
    'in depends_on 1 step1',
    'both related_to 0.5 same2',
    'both related_to 0.5 same1',
  ];
  for (const limit of [1, 2, 3, 50]) assert.deepEqual(await neighborsOf(client, 'plan', limit), expected);
  const { fact, neighbors } = await client.memory.neighbors({ fact_id: 'old' });
  assert.ok(fact.ended_at !== undefined);
  assert.deepEqual(
    neighbors.map(({ fact: { fact_id }, edge }) => [fact_id, edge.direction]),
    [['plan', 'in']],
  );
  assert.deepEqual(await neighborsOf(client, 'other', 2, 't'), []);
  await assert.rejects(client.memory.neighbors({ fact_id: 'nothing' }), { reason: 'unknown_fact' });
  await assert.rejects(client.memory.neighbors({ fact_id: 'other' }), { reason: 'unknown_fact' });
  await assert.rejects(client.memory.neighbors({ fact_id: 'plan', after: 'key:-1' }), {
    data: { reason: 'invalid_params', field: 'after' },
  });
});

// req: memory.extra.list
test('a memory is listed page by page, the newest first, with what ended only for those who ask', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  for (const nth of [1, 2, 3, 4, 5])
    await client.memory.add_fact({ subject: 'k', body: `v${nth}`, fact_id: `f${nth}` });
  await client.memory.add_fact({ subject: 'k', body: 'x'.repeat(100_000), fact_id: 'long', depends_on: ['f3'] });
  await client.memory.add_fact({ subject: 'k', body: 'new', fact_id: 'f6', supersedes: 'f3' });
  await client.memory.add_fact({ subject: 'k', body: 'hidden', tenant_id: 't' });
  await client.skill.ingest({ name: 'login', code: 'x' });
  const list = async (more: object): Promise<string[]> => {
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page = await client.memory.list({ limit: 2, ...more, ...(after !== undefined && { after }) });
      ids.push(...page.facts.map(({ fact_id }) => fact_id));
      after = page.next;
    } while (after !== undefined);
    return ids.filter((id) => !id.startsWith('skill_trigger'));
  };
  assert.deepEqual(await list({}), ['f6', 'long', 'f5', 'f4', 'f2', 'f1']);
  assert.deepEqual(await list({ include_ended: true }), ['f6', 'long', 'f5', 'f4', 'f3', 'f2', 'f1']);
  assert.deepEqual(await list({ needs_review: true }), ['long']);
  const { facts } = await client.memory.list({ needs_review: true });
  assert.deepEqual([facts[0]?.body.length, facts[0]?.is_cut], [2_000, true]);
  await assert.rejects(client.memory.list({ after: 'x' }), { data: { reason: 'invalid_params', field: 'after' } });
});

// req: memory.extra.decide
test('a person ends a fact, or says that one under review stands, of their own tenant alone', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.memory.add_fact({ subject: 'price', body: '10', fact_id: 'price' });
  await client.memory.add_fact({ subject: 'total', body: '100', fact_id: 'total', depends_on: ['price'] });
  await client.memory.add_fact({ subject: 'hidden', body: 'x', fact_id: 'theirs', tenant_id: 't' });
  assert.deepEqual(await client.memory.invalidate({ fact_id: 'price' }), { fact_id: 'price', invalidated: true });
  assert.deepEqual(await client.memory.invalidate({ fact_id: 'price' }), { fact_id: 'price', invalidated: false });
  assert.deepEqual(
    (await client.memory.query({ query: 'price total' })).map(({ fact_id }) => fact_id),
    ['total'],
  );
  assert.equal((await client.memory.show({ fact_id: 'total' })).needs_review, true);
  assert.deepEqual(await client.memory.confirm({ fact_id: 'total' }), { fact_id: 'total', confirmed: true });
  assert.deepEqual(await client.memory.confirm({ fact_id: 'total' }), { fact_id: 'total', confirmed: false });
  for (const fact_id of ['theirs', 'nothing']) {
    await assert.rejects(client.memory.invalidate({ fact_id }), {
      message: `Cannot invalidate "${fact_id}": there is no such fact`,
    });
    await assert.rejects(client.memory.confirm({ fact_id }), { reason: 'unknown_fact' });
  }
});
