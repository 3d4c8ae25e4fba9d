// Tenants of one memory: what the others do makes no difference to what one is answered, ids that they share included.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from '@car-runtime/core';
import { openDaemon, serve, type Wire } from '@car-runtime/testkit';
import * as fc from 'fast-check';

interface Call {
  method: string;
  params: Record<string, unknown>;
}

const id = fc.integer({ min: 0, max: 4 }).map((nth) => `f${nth}`);
const subject = fc.constantFrom('deploy day', 'owner', '__proto__', 'same');
const body = fc.constantFrom('Friday', 'Tuesday', 'ann', 'not Friday but Tuesday');
const optional = <T>(name: string, value: fc.Arbitrary<T>) =>
  fc.option(value).map((each) => (each === null ? {} : { [name]: each }));
const call = (method: string, ...parts: fc.Arbitrary<object>[]): fc.Arbitrary<Call> =>
  fc.tuple(...parts).map((each) => ({ method, params: Object.assign({}, ...each) as Record<string, unknown> }));
const named = (name: string, value: fc.Arbitrary<unknown>) => value.map((each) => ({ [name]: each }));
const query = named('query', fc.constantFrom('deploy day', 'owner ann', 'Friday Tuesday', 'same'));
const skillName = fc.constantFrom('login', 'pay');

const write = fc.oneof(
  {
    weight: 6,
    arbitrary: call(
      'memory.add_fact',
      named('subject', subject),
      named('body', body),
      optional('fact_id', id),
      optional('supersedes', fc.oneof(id, subject)),
      optional('depends_on', fc.array(id, { maxLength: 2 })),
      optional('premises', fc.array(id, { maxLength: 2 })),
    ),
  },
  call('memory.save_knowledge', optional('id', id), named('subject', subject), named('body', body)),
  call('memory.save_procedural', optional('id', id), named('subject', subject), named('body', body)),
  call('memory.invalidate', named('fact_id', id)),
  call('memory.confirm', named('fact_id', id)),
  call('memory.delete', named('id', id)),
  call('skill.report', named('skill_name', skillName), named('outcome', fc.constantFrom('success', 'failure'))),
  call(
    'skills.ingest_distilled',
    named(
      'skills',
      skillName.map((name) => [{ name, code: 'x' }]),
    ),
  ),
);
const read = fc.oneof(
  call('memory.query', query),
  call('memory.build_context', query),
  call('memory.build_context_fast', query),
  call('memory.explain', query, optional('fact_id', id)),
  call('memory.show', named('fact_id', id)),
  call('memory.neighbors', named('fact_id', id)),
  call('memory.timeline', named('key', subject)),
  call('memory.list', named('include_ended', fc.boolean())),
  call('memory.candidates'),
  call('memory.export'),
  call('memory.fact_count'),
  call('memory.intervene', query),
  call('skills.list'),
  call('skill.find', named('task', fc.constant('login and pay'))),
  call('skill.meta', named('key', skillName)),
);
const calls = fc.array(fc.oneof(write, read), { minLength: 4, maxLength: 14 });

/** An answer or an error, without the times in it. */
async function answered(wire: Wire, { method, params }: Call, tenant_id: string | undefined): Promise<string> {
  const { id: _, ...answer } = await wire.call(method, { ...params, ...(tenant_id !== undefined && { tenant_id }) });
  return JSON.stringify(answer).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'then');
}

// Scores, too, are made of the tenant's own facts alone.
for (const defaultRanking of ['hybrid', 'classic']) {
  // req: memory.ids.tenants
  test(`${defaultRanking}: a tenant is answered what it would be if it were alone, whatever ids the others use`, async () => {
    await fc.assert(
      fc.asyncProperty(calls, calls, calls, async (own, others, unscoped) => {
        const transcript = async (isAlone: boolean): Promise<string[]> => {
          await using daemon = serve({ sharedMemory: new MemoryEngine({ defaultRanking, now: () => 1_000 }) });
          const wire = await daemon.peer({ as: 'client' });
          const [other, nobody] = [await daemon.peer({ as: 'client' }), await daemon.peer({ as: 'client' })];
          const answers: string[] = [];
          for (let nth = 0; nth < 14; nth++) {
            const [mine, theirs, whose] = [own[nth], others[nth], unscoped[nth]];
            if (!isAlone && theirs) await answered(other, theirs, 'b');
            if (!isAlone && whose) await answered(nobody, whose, undefined);
            if (mine) answers.push(await answered(wire, mine, '__proto__'));
          }
          return answers;
        };
        assert.deepEqual(await transcript(false), await transcript(true));
      }),
      { numRuns: process.env['CAR_TEST_LONG'] ? 400 : 25, endOnFailure: true },
    );
  });
}

// req: memory.ids.tenants
test('an id of another tenant is as unknown as one that nobody has, in every method that takes one', async () => {
  await using daemon = await openDaemon('tcp');
  const client = await daemon.connect();
  const add = (tenant_id: string, more: object = {}): Promise<number> =>
    client.memory.add_fact({ subject: 'plan', body: `of ${tenant_id}`, fact_id: 'x', tenant_id, ...more });
  assert.deepEqual([await add('a'), await add('b')], [1, 1], 'both have it, and each counts its own');
  const theirs = await client.memory.show({ fact_id: 'x', tenant_id: 'b' });
  assert.equal(theirs.fact.body, 'of b');
  await client.memory.add_fact({ subject: 's', body: 'of a', fact_id: 'only', tenant_id: 'a' });
  const refused = async (ask: (fact_id: string) => Promise<unknown>): Promise<string> => {
    const messages = await Promise.all(
      ['only', 'none'].map((each) =>
        ask(each).then(
          () => 'done',
          (error: Error) => error.message.replaceAll(each, '?'),
        ),
      ),
    );
    assert.equal(messages[0], messages[1]);
    return messages[0] ?? '';
  };
  for (const tenant of [{ tenant_id: 'b' }, {}]) {
    assert.match(
      await refused((supersedes) => client.memory.add_fact({ subject: 's', body: 'b', supersedes, ...tenant })),
      /Cannot supersede/,
    );
    assert.match(await refused((fact_id) => client.memory.show({ fact_id, ...tenant })), /no such fact/);
    assert.match(await refused((fact_id) => client.memory.neighbors({ fact_id, ...tenant })), /no such fact/);
    assert.match(await refused((fact_id) => client.memory.explain({ query: 's', fact_id, ...tenant })), /no such fact/);
    assert.match(await refused((fact_id) => client.memory.invalidate({ fact_id, ...tenant })), /no such fact/);
    assert.match(await refused((fact_id) => client.memory.confirm({ fact_id, ...tenant })), /no such fact/);
    assert.equal((await client.memory.delete({ id: 'only', ...tenant })).deleted, false);
    await client.memory.add_fact({ subject: 'dependent', body: 'd', fact_id: 'd', depends_on: ['only'], ...tenant });
    assert.deepEqual((await client.memory.show({ fact_id: 'd', ...tenant })).depends_on, []);
  }
  assert.equal(await client.memory.fact_count({ tenant_id: 'a' }), 2);
});
