import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';

// req: host.sessions
test('a host sees who is connected, and of each the tools, policies, tier, filter and numbers in force', async () => {
  await using daemon = serve();
  const host = await daemon.connect({ as: 'host' });
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  const supervisor = await daemon.connect();
  await agent.registerTool('count', undefined, () => 1);
  await agent.tools.register([{ name: 'look', description: 'looks', parameters: {} }]);
  await agent.policy.register({ name: 'no deploys', rule: 'deny_tool', target: 'deploy' });
  await agent.proposal.submit({ proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'count' }] } });
  await supervisor.supervision.subscribe({ filter: { tools: ['deploy'], min_reversibility: 'irreversible' } });
  const { sessions, total } = await host.host.sessions({});
  assert.deepEqual(
    sessions.map(({ role, agent_id, granted_tier, supervises }) => [role, agent_id, granted_tier, supervises]),
    [
      ['host', undefined, 'sandbox_edit', undefined],
      ['agent', 'a1', 'sandbox_edit', undefined],
      ['client', undefined, 'sandbox_edit', { tools: ['deploy'], min_reversibility: 'irreversible' }],
    ],
  );
  assert.equal(total, 3);
  assert.equal((await host.host.sessions({ limit: 1 })).sessions.length, 1);
  const clientId = sessions[1]?.client_id ?? '';
  const { session, tools, policies, metrics } = await host.host.session({ client_id: clientId });
  assert.deepEqual([session.tools, session.policies], [tools.length, policies.length]);
  assert.ok(tools.some(({ name, description }) => name === 'look' && description === 'looks'));
  assert.deepEqual(
    policies.map(({ name }) => name),
    ['no deploys'],
  );
  assert.equal(metrics.actions_succeeded, 1);
});

// req: host.session-events
test("a host reads what another connection's journal has, the newest, by kind", async () => {
  await using daemon = serve();
  const host = await daemon.connect({ as: 'host' });
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  await agent.registerTool('count', undefined, () => 1);
  for (const id of ['a', 'b', 'c'])
    await agent.proposal.submit({ proposal: { actions: [{ id, type: 'tool_call', tool: 'count' }] } });
  const { events: own } = await agent.events.query({});
  const { session_id: client_id } = await agent.session.init();
  const { events, total } = await host.host.session_events({ client_id, limit: 1_000 });
  assert.deepEqual(events, own.toReversed());
  assert.equal(total, own.length);
  const { events: succeeded } = await host.host.session_events({ client_id, kinds: ['action_succeeded'], limit: 2 });
  assert.deepEqual(
    succeeded.map(({ kind, action_id }) => [kind, action_id]),
    [
      ['action_succeeded', 'b'],
      ['action_succeeded', 'c'],
    ],
  );
  await assert.rejects(host.host.session_events({ client_id: 'gone' }), /there is no such connection/);
});

// req: host.sessions
test('nobody but a host sees other sessions, and one that is gone is an error that says so', async () => {
  await using daemon = serve();
  for (const as of ['client', { agent: 'a1' }] as const) {
    const peer = await daemon.peer({ as });
    for (const method of ['host.sessions', 'host.session', 'host.session_events'])
      assert.equal((await peer.error(method, { client_id: 'x' })).data?.['reason'], 'forbidden');
  }
  const host = await daemon.peer({ as: 'host' });
  const { message, data } = await host.error('host.session', { client_id: 'gone' });
  assert.deepEqual(
    [message, data?.['reason']],
    ['Cannot show session "gone": there is no such connection', 'unknown_session'],
  );
});
