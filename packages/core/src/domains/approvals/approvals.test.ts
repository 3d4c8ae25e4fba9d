import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve, type Wire } from '@car-runtime/testkit';

type Json = Record<string, unknown>;

/** The next host event of this kind; others before it are passed over. */
async function nextEvent(wire: Wire, kind: string): Promise<Json & { payload: Json }> {
  for (;;) {
    const { method, params } = await wire.next();
    if (method === 'host.event' && params?.['kind'] === kind) return params as Json & { payload: Json };
  }
}

async function subscribed(wire: Wire): Promise<Wire> {
  await wire.result('host.subscribe');
  return wire;
}

// req: host.request-approval, host.resolve-approval
test('a system-level approval is announced with a card, decided by any client, and the decision announced', async () => {
  await using daemon = serve();
  const dashboard = await subscribed(await daemon.peer({ as: 'host' }));
  const agent = await daemon.peer({ as: { agent: 'a1' } });
  const other = await daemon.peer({ as: 'client' });
  const asked = (await agent.result('host.request_approval', {
    action: 'deploy to staging?',
    details: { commit: 'c0ffee' },
    system_level: true,
  })) as Json;
  const { id, created_at, number, digest, card, ...rest } = asked;
  assert.deepEqual(rest, {
    kind: 'request',
    agent_id: 'a1',
    action: 'deploy to staging?',
    details: { commit: 'c0ffee' },
    options: ['approve', 'deny'],
    status: 'pending',
    resolved_at: null,
    resolution: null,
  });
  assert.match(String(id), /^approval-[0-9a-f-]{36}$/);
  assert.match(String(digest), /^sha256:[0-9a-f]{64}$/);
  assert.equal(number, 1);
  assert.ok(!Number.isNaN(Date.parse(String(created_at))));
  assert.match(
    String(card),
    /^Somebody asks you to decide. In their words:\n {2}"deploy to staging\?"\n {2}commit: "c0ffee"/,
  );
  assert.deepEqual((await nextEvent(dashboard, 'approval.requested')).payload, asked);
  const decided = (await other.result('host.resolve_approval', { approval_id: id, resolution: 'approve' })) as Json;
  assert.deepEqual([decided['status'], decided['resolution'], decided['outcome']], ['resolved', 'approve', 'approved']);
  assert.deepEqual((await nextEvent(dashboard, 'approval.resolved')).payload, decided);
  assert.deepEqual(await agent.result('host.approvals'), { approvals: [decided], total: 1 });
});
