// Which memories there are, and a host that looks into one that is not its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { serve } from '@car-runtime/testkit';

const subjects = async (client: Client) => (await client.memory.list({})).facts.map(({ subject }) => subject);

// req: memory.extra.scopes
test('a host lists the memories of namespaces and agents, works on one of them, and goes back', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'researcher' } });
  await agent.memory.add_fact({ subject: 'of the agent', body: 'x' });
  const host = await daemon.connect({ as: 'host' });
  assert.deepEqual(await host.memory.select({ namespace: 'Team/<b>' }), { kind: 'namespace', name: 'Team/<b>' });
  await host.memory.add_fact({ subject: 'of the team', body: 'x' });
  assert.deepEqual(await host.memory.scopes(), {
    scopes: [
      { kind: 'namespace', name: 'Team/<b>' },
      { kind: 'agent', name: 'researcher' },
    ],
    selected: { kind: 'namespace', name: 'Team/<b>' },
  });
  assert.deepEqual(await subjects(host), ['of the team']);
  await host.memory.select({ agent_id: 'researcher' });
  assert.deepEqual(await subjects(host), ['of the agent']);
  assert.deepEqual(await host.memory.select({}), { kind: 'own' });
  assert.deepEqual(await subjects(host), []);
  assert.deepEqual(await subjects(agent), ['of the agent']);
});

// req: memory.extra.scopes
test('a memory that was left is followed no longer, and one that an agent does not have is not made', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'one' } });
  await agent.memory.add_fact({ subject: 'first', body: 'x' });
  const host = await daemon.connect({ as: 'host' });
  await host.memory.select({ agent_id: 'one' });
  await using events = host.events('memory.watch.event');
  await host.memory.watch({});
  await host.memory.select({ namespace: 'other' });
  await host.memory.watch({});
  await agent.memory.add_fact({ subject: 'unseen', body: 'x' });
  await host.memory.add_fact({ subject: 'seen', body: 'x' });
  const { value } = await events[Symbol.asyncIterator]().next();
  assert.equal(value?.fact?.subject, 'seen');
  const peer = await daemon.peer({ as: 'host' });
  for (const agent_id of ['nobody', '../shared', 'one/../one']) {
    const { data } = await peer.error('memory.select', { agent_id });
    assert.equal(data?.['reason'], 'unknown_memory', agent_id);
  }
  const both = await peer.error('memory.select', { agent_id: 'one', namespace: 'other' });
  assert.equal(both.data?.['reason'], 'invalid_params');
  const client = await daemon.peer({ as: { agent: 'two' } });
  for (const method of ['memory.select', 'memory.scopes'])
    assert.equal((await client.error(method, {})).data?.['reason'], 'forbidden');
});
