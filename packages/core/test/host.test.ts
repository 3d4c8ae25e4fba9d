import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostAgent, HostDevice, HostEvent } from '@car-runtime/protocol';
import { version } from '@car-runtime/core';
import { serve, turnOver } from '@car-runtime/testkit';
import { HostWire } from './host-wire.ts';

const kindsOf = (events: HostEvent[]): string[] => events.map(({ kind }) => kind);

// req: host.subscribe
test('host.subscribe answers all there is to show, and events follow', async () => {
  await using daemon = serve();
  const agent = await HostWire.connect(daemon, { agent: 'a1' });
  await agent.call('host.register_agent', { id: 'a', name: 'A', kind: 'test' });
  await agent.call('host.register_device', { id: 'd', name: 'D', platform: 'linux' });
  const asked = await agent.call('host.request_approval', { action: 'x?' });
  const host = await HostWire.connect(daemon);
  const { cursor, ...snapshot } = await host.subscribe();
  assert.deepEqual(snapshot, {
    subscribed: true,
    agents: await host.call('host.agents'),
    devices: await host.call('host.devices'),
    approvals: [asked],
    events: (await host.call<{ events: HostEvent[] }>('host.events')).events,
    identity: { version, pid: process.pid, manifest_path: null, manifest_role: 'none' },
    pending_signins: [],
    event_sequence: 3,
    approvals_pending: 1,
  });
  assert.deepEqual(kindsOf(snapshot.events), ['agent.registered', 'device.registered', 'approval.requested']);
  assert.equal(cursor.seq, 3);
  await agent.call('host.notify', { message: 'hello' });
  const { id, timestamp, ...event } = await host.events.next();
  assert.match(id, /^event-[0-9a-f-]{36}$/);
  assert.ok(!Number.isNaN(Date.parse(timestamp)));
  assert.deepEqual(event, { kind: 'host.notification', agent_id: null, message: 'hello', payload: {}, sequence: 4 });
});

// req: host.subscribe
test('a repeated subscription takes the place of the first: every event comes once', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon);
  await host.subscribe();
  await host.subscribe();
  await host.call('host.notify', { message: 'one' });
  await host.call('host.notify', { message: 'two' });
  assert.deepEqual([(await host.events.next()).message, (await host.events.next()).message], ['one', 'two']);
  assert.equal(host.events.size, 0);
});

// req: host.handshake
test('with --require-handshake host.subscribe needs server.handshake before it, and nothing else does', async () => {
  await using daemon = serve({ config: { requireHandshake: true } });
  const host = await HostWire.connect(daemon);
  const { code, message } = await host.refusal('host.subscribe');
  assert.equal(code, -32005);
  assert.match(message, /^protocol handshake required:/);
  await host.call('host.agents');
  await host.call('server.handshake', { protocol_version: 2 });
  await host.subscribe();
});

// req: host.identity
test('the identity says who holds the manifest, and asking takes nothing', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon);
  const { identity: before } = await host.subscribe();
  assert.deepEqual(before, { version, pid: process.pid, manifest_path: null, manifest_role: 'none' });
  daemon.state.installAgentsObserver('/srv/agents.json');
  const { identity } = await host.subscribe();
  assert.deepEqual(identity, {
    version,
    pid: process.pid,
    manifest_path: '/srv/agents.json',
    manifest_role: 'observer',
  });
});

// req: host.agents
test('an agent is registered with an id of its own or a given one, updated in place by its owner, and announced', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon);
  await owner.subscribe();
  const given = {
    id: 'a',
    name: 'A',
    kind: 'test',
    capabilities: ['chat'],
    project: 'p',
    pid: 7,
    display: { color: 'red' },
    metadata: { m: 1 },
  };
  const stored = await owner.call<HostAgent>('host.register_agent', given);
  const { updated_at, session_id, ...rest } = stored;
  assert.deepEqual(rest, { ...given, status: 'idle', current_task: null });
  assert.equal(typeof session_id, 'string');
  assert.equal(typeof updated_at, 'string');
  assert.deepEqual((await owner.next('agent.registered')).payload, stored);
  const other = await owner.call<HostAgent>('host.register_agent', { name: 'B', kind: 'test' });
  assert.match(other.id, /^agent-[0-9a-f-]{36}$/);
  assert.deepEqual([other.capabilities, other.metadata], [[], {}]);
  await owner.call('host.register_agent', { id: 'a', name: 'A2', kind: 'test' });
  const agents = await owner.call<HostAgent[]>('host.agents');
  assert.deepEqual(
    agents.map(({ name }) => name),
    ['A2', 'B'],
  );
});

// req: host.status
test('host.set_status changes status and task, and tells message and payload to hosts alone', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon);
  await owner.subscribe();
  await owner.call('host.register_agent', { id: 'a', name: 'A', kind: 'test' });
  const running = await owner.call<HostAgent>('host.set_status', {
    agent_id: 'a',
    status: 'running',
    current_task: 'build',
    message: 'step 1',
    payload: { step: 1 },
  });
  assert.deepEqual([running.status, running.current_task], ['running', 'build']);
  const event = await owner.next('agent.status_changed');
  assert.deepEqual([event.agent_id, event.message, event.payload], ['a', 'step 1', { step: 1 }]);
  const done = await owner.call<HostAgent>('host.set_status', { agent_id: 'a', status: 'completed' });
  assert.deepEqual([done.status, done.current_task], ['completed', 'build']);
  assert.equal((await owner.refusal('host.set_status', { agent_id: 'a', status: 'dancing' })).code, -32602);
});

// req: host.acl
test('agents and devices are changed by the connection that registered them and by no other, hosts included', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon, { agent: 'a1' });
  await owner.call('host.register_agent', { id: 'a', name: 'A', kind: 'test' });
  await owner.call('host.register_device', { id: 'd', name: 'D', platform: 'linux' });
  const attempts: [method: string, params: object, what: string][] = [
    ['host.register_agent', { id: 'a', name: 'Mine', kind: 'test' }, `agent 'a' is owned by another session`],
    ['host.set_status', { agent_id: 'a', status: 'errored' }, `agent 'a' is owned by another session`],
    ['host.unregister_agent', { agent_id: 'a' }, `agent 'a' is owned by another session`],
    ['host.register_device', { id: 'd', name: 'Mine', platform: 'x' }, `device 'd' is owned by another session`],
    ['host.update_device', { device_id: 'd', name: 'Mine' }, `device 'd' is owned by another session`],
  ];
  for (const as of ['client', 'host', { agent: 'a2' }] as const) {
    const other = await HostWire.connect(daemon, as);
    for (const [method, params, message] of attempts) {
      assert.deepEqual(await other.refusal(method, params), { code: -32603, message, reason: 'not_owner' });
    }
    assert.deepEqual(
      (await other.call<HostAgent[]>('host.agents')).map(({ name }) => name),
      ['A'],
    );
  }
  assert.equal((await owner.refusal('host.unregister_agent', { agent_id: 'b' })).message, `unknown agent 'b'`);
  assert.equal((await owner.refusal('host.update_device', { device_id: 'b' })).message, `unknown device 'b'`);
  assert.deepEqual(await owner.call('host.unregister_agent', { agent_id: 'a' }), { ok: true });
  const other = await HostWire.connect(daemon);
  await other.call('host.register_agent', { id: 'a', name: 'Now mine', kind: 'test' });
});

// req: host.devices
test('a device is registered, updated and announced', async () => {
  await using daemon = serve();
  const owner = await HostWire.connect(daemon);
  await owner.subscribe();
  const device = await owner.call<HostDevice>('host.register_device', {
    name: 'Phone',
    platform: 'ios',
    capabilities: ['camera'],
  });
  assert.match(device.id, /^device-[0-9a-f-]{36}$/);
  assert.deepEqual((await owner.next('device.registered')).payload, device);
  const changed = await owner.call<HostDevice>('host.update_device', { device_id: device.id, status: 'asleep' });
  assert.deepEqual([changed.name, changed.status, changed.capabilities], ['Phone', 'asleep', ['camera']]);
  assert.deepEqual((await owner.next('device.updated')).payload, changed);
  assert.deepEqual(await owner.call('host.devices'), [changed]);
});

// req: host.disconnect
test('what a connection registered goes with it, and hosts are told', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon);
  await host.subscribe();
  const owner = await HostWire.connect(daemon);
  await owner.call('host.register_agent', { id: 'a', name: 'A', kind: 'test' });
  await owner.call('host.register_device', { id: 'd', name: 'D', platform: 'linux' });
  owner[Symbol.dispose]();
  assert.equal((await host.next('agent.unregistered')).agent_id, 'a');
  assert.deepEqual([await host.call('host.agents'), await host.call('host.devices')], [[], []]);
});

// req: host.registry-seam
test('agents that other parts of the daemon know are shown too; of one id, the registered one', async () => {
  await using daemon = serve();
  const { registry } = daemon.state.host;
  const supervised: HostAgent = {
    id: 's',
    name: 'Supervised',
    kind: 'supervised',
    capabilities: ['chat'],
    status: 'running',
    metadata: {},
  };
  using _ = registry.addSource(() => [supervised, { ...supervised, id: 'a' }]);
  const client = await HostWire.connect(daemon);
  await client.subscribe();
  await client.call('host.register_agent', { id: 'a', name: 'A', kind: 'test' });
  assert.deepEqual(
    (await client.call<HostAgent[]>('host.agents')).map(({ id, name }) => [id, name]),
    [
      ['a', 'A'],
      ['s', 'Supervised'],
    ],
  );
  registry.registerAgent(undefined, { id: 'run', name: 'Runner', kind: 'multi' });
  registry.setStatus(undefined, 'run', { status: 'running' });
  assert.equal((await client.next('agent.status_changed')).agent_id, 'run');
  assert.equal((await client.refusal('host.unregister_agent', { agent_id: 'run' })).reason, 'not_owner');
  registry.unregisterAgent(undefined, 'run');
});

// req: host.notify
test('host.notify tells everybody under any kind but those that the daemon alone uses', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon);
  await host.subscribe();
  const agent = await HostWire.connect(daemon, { agent: 'a1' });
  const params = { kind: 'build.done', agent_id: 'x', message: 'm', payload: { target_device_id: 'd' } };
  const recorded = await agent.call<HostEvent>('host.notify', params);
  assert.deepEqual(await host.events.next(), recorded);
  for (const kind of ['approval.resolved', 'approval.requested', 'store.degraded', 'gap']) {
    assert.equal((await agent.refusal('host.notify', { kind })).reason, 'reserved_kind');
  }
  const large = await agent.refusal('host.notify', { payload: { text: 'x'.repeat(300_000) } });
  assert.equal(large.reason, 'too_large');
  assert.equal(host.events.size, 0);
});

// req: host.ring
test('the ring keeps the newest 500 events in order, and less of large ones', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon);
  for (let index = 1; index <= 600; index++) await host.call('host.notify', { message: String(index) });
  const { events } = await host.call<{ events: HostEvent[] }>('host.events', { limit: 10_000 });
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    Array.from({ length: 500 }, (_, index) => index + 101),
  );
  assert.deepEqual(
    events.map(({ message }) => message),
    events.map(({ sequence }) => String(sequence)),
  );
  const newest = await host.call<{ events: HostEvent[] }>('host.events');
  assert.deepEqual(newest.events, events.slice(-100));
  assert.deepEqual(await host.call('host.events', { limit: 0 }), { events: [] });
  for (let index = 0; index < 60; index++) await host.call('host.notify', { payload: { text: 'x'.repeat(200_000) } });
  const large = await host.call<{ events: HostEvent[] }>('host.events', { limit: 500 });
  assert.ok(large.events.length < 45 && JSON.stringify(large).length < 9_000_000, `${large.events.length} events`);
});

// req: host.resume
test('a host that comes back with its cursor gets what it missed, and is told when that cannot be', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon);
  const { cursor, delivery } = await host.subscribe();
  assert.equal(delivery, undefined, 'only who asks is told');
  for (let index = 1; index <= 3; index++) await host.call('host.notify', { message: String(index) });
  const back = await HostWire.connect(daemon);
  const resumed = await back.subscribe({ after: { ...cursor, seq: cursor.seq + 1 } });
  assert.deepEqual([resumed.delivery, resumed.events.map(({ message }) => message)], ['replayed', ['2', '3']]);
  await host.call('host.notify', { message: '4' });
  assert.equal((await back.events.next()).message, '4');
  const nothing = await back.subscribe({ after: { ...cursor, seq: cursor.seq + 4 } });
  assert.deepEqual([nothing.delivery, nothing.events], ['replayed', []]);
  assert.equal((await back.subscribe({ after: { epoch: 'another life', seq: 0 } })).delivery, 'reset');
  assert.equal((await back.subscribe({ after: { ...cursor, seq: 1_000 } })).delivery, 'reset');
  for (let index = 0; index < 500; index++) await host.call('host.notify', {});
  const late = await back.subscribe({ after: cursor });
  assert.deepEqual([late.delivery, late.events.length], ['snapshot', 100]);
});

// req: host.bounds
test('a connection registers so many agents, each of modest size, and no more', async () => {
  await using daemon = serve();
  const client = await HostWire.connect(daemon);
  const register = { name: 'A', kind: 'test' };
  for (let index = 0; index < 1_000; index++)
    await client.call('host.register_agent', { ...register, id: `a${index}` });
  assert.equal((await client.refusal('host.register_agent', register)).code, -32008);
  await client.call('host.register_agent', { ...register, id: 'a1' });
  const large = await client.refusal('host.register_agent', {
    ...register,
    id: 'a1',
    metadata: { text: 'x'.repeat(70_000) },
  });
  assert.equal(large.reason, 'too_large');
  const others = await Promise.all(Array.from({ length: 3 }, () => HostWire.connect(daemon)));
  const outcomes = await Promise.all(
    Array.from({ length: 180 }, (_, index) =>
      (others[index % 3] as HostWire)
        .call('host.register_agent', { ...register, metadata: { text: 'x'.repeat(60_000) } })
        .then(
          () => 'kept',
          (error: { code: number }) => error.code,
        ),
    ),
  );
  assert.ok(outcomes.includes(-32008) && outcomes.filter((each) => each === 'kept').length < 140);
  await turnOver();
});
