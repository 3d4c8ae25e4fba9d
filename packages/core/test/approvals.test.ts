import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostApproval } from '@car-runtime/protocol';
import { serve } from '@car-runtime/testkit';
import { HostWire } from './host-wire.ts';

const request = (host: HostWire, params: object = {}) =>
  host.call<HostApproval>('host.request_approval', { action: 'deploy?', ...params });

// req: host.request-approval, host.resolve-approval
test('a system-level approval is announced with a card, decided by any client, and the decision announced', async () => {
  await using daemon = serve();
  const dashboard = await HostWire.connect(daemon, 'host');
  await dashboard.subscribe();
  const agent = await HostWire.connect(daemon, { agent: 'a1' });
  const other = await HostWire.connect(daemon);
  const asked = await request(agent, {
    action: 'deploy to staging?',
    details: { commit: 'c0ffee' },
    system_level: true,
    agent_id: 'somebody-else',
  });
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
  assert.match(id, /^approval-[0-9a-f-]{36}$/);
  assert.match(String(digest), /^sha256:[0-9a-f]{64}$/);
  assert.equal(number, 1);
  assert.ok(!Number.isNaN(Date.parse(created_at)));
  assert.match(
    String(card),
    /^Somebody asks you to decide. In their words:\n {2}"deploy to staging\?"\n {2}commit: "c0ffee"/,
  );
  const { message, agent_id, payload } = await dashboard.next('approval.requested');
  assert.deepEqual([message, agent_id, payload], ['deploy to staging?', 'a1', asked]);
  const decided = await other.resolve(id, 'approve');
  assert.deepEqual([decided.status, decided.resolution, decided.outcome], ['resolved', 'approve', 'approved']);
  assert.deepEqual(await dashboard.nextApproval('approval.resolved'), decided);
  assert.deepEqual(await agent.call('host.approvals'), { approvals: [decided], total: 1 });
});

// req: host.approval-agent-id
test('agent_id is stamped for an agent and kept for a client; a registered agent of that id then waits for approval', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon);
  await owner.subscribe();
  await owner.call('host.register_agent', { id: 'worker', name: 'Worker', kind: 'test' });
  const other = await HostWire.connect(daemon);
  assert.equal((await request(other, { agent_id: 'worker' })).agent_id, 'worker');
  const changed = await owner.next('agent.status_changed');
  assert.deepEqual([changed.agent_id, changed.payload['status']], ['worker', 'waiting_for_approval']);
  const [agent] = await owner.call<{ status: string }[]>('host.agents');
  assert.equal(agent?.status, 'waiting_for_approval');
  assert.equal((await request(other)).agent_id, null);
});

// req: host.resolve-acl
test('an agent resolves nothing, not even its own, whatever it sends', async () => {
  await using daemon = serve();
  const agent = await HostWire.connect(daemon, { agent: 'a1' });
  await agent.subscribe();
  for (const system_level of [true, false]) {
    const { id } = await request(agent, { system_level });
    const refused = await agent.refusal('host.resolve_approval', {
      approval_id: id,
      resolution: 'approve',
      role: 'host',
    });
    assert.deepEqual([refused.code, refused.reason], [-32603, 'forbidden']);
  }
  assert.deepEqual(
    (await agent.approvals()).map(({ status }) => status),
    ['pending', 'pending'],
  );
});

// req: host.resolve-acl
test('an approval of an agent is resolved by a subscribed client, and by nobody that only connects', async () => {
  await using daemon = serve();
  const agent = await HostWire.connect(daemon, { agent: 'a1' });
  const { id, client_id } = await request(agent);
  assert.equal(typeof client_id, 'string');
  const stranger = await HostWire.connect(daemon, 'host');
  assert.deepEqual(await stranger.refusal('host.resolve_approval', { approval_id: id, resolution: 'approve' }), {
    code: -32603,
    message: `approval '${id}' is owned by another session`,
    reason: 'not_owner',
  });
  const host = await HostWire.connect(daemon);
  await host.subscribe();
  assert.equal((await host.resolve(id, 'deny')).outcome, 'denied_by_human');
});

// req: host.resolve-forward
test('a decision on what another client owns is handed to that client alone, which then decides', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon);
  const { id } = await request(owner);
  const host = await HostWire.connect(daemon, 'host');
  const watcher = await HostWire.connect(daemon);
  await watcher.subscribe();
  assert.equal(
    (await host.refusal('host.resolve_approval', { approval_id: id, resolution: 'approve' })).reason,
    'not_owner',
  );
  await host.subscribe();
  assert.equal((await host.resolve(id, 'approve')).status, 'pending');
  const { kind, payload, sequence } = await owner.events.next();
  assert.deepEqual(
    [kind, payload, sequence],
    ['approval.resolve_requested', { approval_id: id, resolution: 'approve' }, undefined],
  );
  assert.equal((await owner.resolve(id, 'approve')).outcome, 'approved');
  const told = await watcher.nextApproval('approval.resolved');
  assert.equal(told.id, id, 'no word to others of what was handed on');
});

// req: host.first-writer
test('a second decision changes nothing and is answered with the first, whoever makes it', async () => {
  await using daemon = serve();
  const [one, two] = [await HostWire.connect(daemon, 'host'), await HostWire.connect(daemon)];
  const { id } = await request(one, { system_level: true });
  await one.subscribe();
  const first = await one.resolve(id, 'approve');
  assert.deepEqual(await two.resolve(id, 'deny'), first);
  await one.next('approval.resolved');
  await two.call('host.notify', {});
  assert.equal((await one.events.next()).kind, 'host.notification', 'decided once, told once');
});

// req: host.approval-tolerance
test('the earlier spelling of both methods means the same', async () => {
  await using daemon = serve();
  const client = await HostWire.connect(daemon);
  const asked = await client.call<HostApproval>('host.request_approval', {
    title: 'Deploy?',
    description: 'to staging',
    context: { commit: 'c0ffee' },
    details: { a: 1 },
    required_approvals: 2,
    system_level: true,
  });
  assert.equal(asked.action, 'Deploy?');
  assert.deepEqual(asked.details, { a: 1, description: 'to staging', context: { commit: 'c0ffee' } });
  const no = await client.call<HostApproval>('host.resolve_approval', {
    approval_id: asked.id,
    approved: false,
    notes: 'not now',
  });
  assert.deepEqual([no.resolution, no.outcome, no.notes], ['deny', 'denied_by_human', 'not now']);
  const { id } = await request(client, { system_level: true });
  const yes = await client.call<HostApproval>('host.resolve_approval', { approval_id: id, approved: true });
  assert.deepEqual([yes.resolution, yes.outcome], ['approve', 'approved']);
});

// req: host.approval-outcome
test('with options of its own any of them but a refusal means yes, and where one is named approve that one alone', async () => {
  await using daemon = serve();
  const client = await HostWire.connect(daemon);
  const outcomes: unknown[] = [];
  for (const [options, resolution] of [
    [['staging', 'production', 'cancel'], 'staging'],
    [['staging', 'production', 'cancel'], 'production'],
    [['staging', 'production', 'cancel'], 'cancel'],
    [['staging', 'production', 'cancel'], 'elsewhere'],
    [['deny', 'approve'], 'approve'],
    [['deny', 'approve'], 'Approve'],
    [['deny', 'approve'], 'something else'],
  ] as const) {
    const { id } = await request(client, { options, system_level: true });
    outcomes.push((await client.resolve(id, resolution)).outcome);
  }
  assert.deepEqual(outcomes, [
    'approved',
    'approved',
    'denied_by_human',
    'denied_by_human',
    'approved',
    'denied_by_human',
    'denied_by_human',
  ]);
});

// req: host.approval-params
test('what is missing or too long is named, and an unknown approval is an error', async () => {
  await using daemon = serve();
  const client = await HostWire.connect(daemon);
  const refused = async (method: string, params: object) => {
    const { code, message } = await client.refusal(method, params);
    return `${code} ${message}`;
  };
  assert.deepEqual(
    [
      await refused('host.request_approval', {}),
      await refused('host.request_approval', { action: '  ' }),
      await refused('host.request_approval', { action: 'x', options: [] }),
      await refused('host.request_approval', { action: 'x', details: { text: 'x'.repeat(200_000) } }),
      await refused('host.resolve_approval', { approval_id: 'x' }),
      await refused('host.resolve_approval', { approval_id: 'nope', resolution: 'approve' }),
    ].map((text) => text.replace(/\d{6} bytes/, 'so many bytes')),
    [
      '-32602 Invalid params for host.request_approval: action: expected string, but it is missing',
      '-32602 Invalid params for host.request_approval: action: expected string, but it is missing',
      '-32602 Invalid params for host.request_approval: options: Too small: expected array to have >=1 items',
      '-32603 Cannot ask for approval: details are too large: so many bytes, limit 131072',
      '-32602 Invalid params for host.resolve_approval: resolution: expected string, but it is missing',
      '-32603 unknown approval "nope"',
    ],
  );
});

// req: host.approval-disconnect
test('a connection that goes away takes its own pending approvals with it; system-level ones stay', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon, 'host');
  await host.subscribe();
  const client = await HostWire.connect(daemon);
  const own = await request(client);
  const lasting = await request(client, { system_level: true });
  client[Symbol.dispose]();
  const ended = await host.nextApproval('approval.ended');
  assert.deepEqual(
    [ended.id, ended.status, ended.resolution, ended.outcome],
    [own.id, 'resolved', null, 'requester_gone'],
  );
  assert.deepEqual(
    (await host.approvals({ status: 'pending' })).map(({ id }) => id),
    [lasting.id],
  );
});

// req: host.approval-paging
test('host.approvals pages through any number of them, and filters by status', async () => {
  await using daemon = serve();
  const client = await HostWire.connect(daemon);
  const ids: string[] = [];
  for (let index = 0; index < 25; index++) ids.push((await request(client, { system_level: true })).id);
  await client.resolve(ids[3] as string, 'approve');
  const seen: string[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: { approvals: HostApproval[]; total: number; next?: number } = await client.call('host.approvals', {
      limit: 10,
      after,
    });
    assert.equal(page.total, 25);
    seen.push(...page.approvals.map(({ id }) => id));
    after = page.next;
  }
  assert.deepEqual(seen, ids);
  const idsOf = async (params: object) => (await client.approvals(params)).map(({ id }) => id);
  assert.deepEqual(await idsOf({}), ids);
  assert.deepEqual(await idsOf({ limit: 3 }), ids.slice(-3));
  assert.deepEqual(await idsOf({ status: 'resolved' }), [ids[3]]);
  assert.deepEqual(await idsOf({ status: 'pending', limit: 1, after: 3 }), [ids[4]]);
});

// req: host.approvals-before
test('host.approvals with before reads backwards, page by page', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon, 'host');
  for (let index = 0; index < 5; index++) await request(host, { action: `ask ${index}`, system_level: true });
  const before = async (number?: number) => {
    const params = { limit: 2, ...(number !== undefined && { before: number }) };
    const { approvals } = await host.call<{ approvals: HostApproval[] }>('host.approvals', params);
    return approvals.map(({ number: each }) => each);
  };
  assert.deepEqual([await before(), await before(4), await before(2), await before(1)], [[4, 5], [2, 3], [1], []]);
});
