// session.auth on the wire: the three forms, what is refused, the single claim on an agent, and what a thief can try.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InMemoryAgentCredentials, mintToken, ServerState } from '@car-runtime/core';
import { createMemoryPair, type Channel, type ChannelHandlers } from '@car-runtime/rpc';
import { serve, TempFolder, turnOver, type TestDaemon, type Wire } from '@car-runtime/testkit';

const mismatch = { code: -32603, message: 'auth failed: token mismatch', data: { reason: 'auth_failed' } };

async function roleOf(wire: Wire): Promise<unknown> {
  const { connection } = (await wire.result('server.status')) as { connection: { role: string; agent_id?: string } };
  return connection.agent_id === undefined ? connection.role : [connection.role, connection.agent_id];
}

function closed(daemon: TestDaemon): Promise<void> {
  return daemon.state.sessions.size === 0 ? Promise.resolve() : turnOver().then(() => closed(daemon));
}

// req: auth.forms
test('each form of session.auth gives its role and answers what it should', async () => {
  await using daemon = serve();
  const forms: [params: object, result: object, role: unknown][] = [
    [{ token: daemon.authToken }, { ok: true, auth_enabled: true }, 'client'],
    [{ host_token: daemon.hostToken }, { ok: true, auth_enabled: true, role: 'host' }, 'host'],
    [
      { token: daemon.agentToken('a1'), agent_id: 'a1' },
      { ok: true, auth_enabled: true, agent_id: 'a1' },
      ['agent', 'a1'],
    ],
    [
      { token: daemon.authToken, memory_namespace: 'notes' },
      { ok: true, auth_enabled: true, memory_namespace: 'notes' },
      'client',
    ],
    [
      { host_token: daemon.hostToken, memory_namespace: '' },
      { ok: true, auth_enabled: true, role: 'host', memory_namespace: '' },
      'host',
    ],
  ];
  for (const [params, result, role] of forms) {
    const wire = await daemon.peer();
    assert.deepEqual(await wire.result('session.auth', params), result);
    assert.deepEqual(await roleOf(wire), role);
  }
});

// req: auth.wrong-token
test('a wrong credential of any form leaves the connection open and unauthenticated, and a right one still works', async () => {
  await using daemon = serve();
  const agentToken = daemon.agentToken('a1');
  const wrong = [
    { token: 'nope' },
    { token: '' },
    { token: `${daemon.authToken} ` },
    { token: daemon.hostToken },
    { token: agentToken },
    { host_token: daemon.authToken },
    { host_token: '' },
    { token: daemon.authToken, agent_id: 'a1' },
    { token: daemon.hostToken, agent_id: 'a1' },
    { token: agentToken, agent_id: 'a2' },
    { token: agentToken, agent_id: '' },
    { token: agentToken, agent_id: '__proto__' },
  ];
  const wire = await daemon.peer();
  for (const params of wrong) assert.deepEqual(await wire.error('session.auth', params), mismatch);
  assert.ok(wire.channel.isOpen);
  const stranger = await daemon.peer();
  assert.deepEqual(await stranger.error('session.auth', { token: 'nope' }), mismatch);
  assert.match((await stranger.error('server.status')).message, /^auth required:/);
  assert.equal((await stranger.closed).code, 1008);
  await wire.result('session.auth', { token: daemon.authToken });
  assert.equal(await roleOf(wire), 'client');
  assert.deepEqual([...daemon.state.attachedAgents], []);
});

// req: auth.forms
test('params that are none of the three forms are refused and the forms named', async () => {
  await using daemon = serve();
  const wire = await daemon.peer();
  const forms = 'give { token }, { token, agent_id } or { host_token }';
  const bad: [params: unknown, message: string][] = [
    [undefined, `Invalid params for session.auth: token or host_token is missing; ${forms}`],
    [{ agent_id: 'a' }, `Invalid params for session.auth: token or host_token is missing; ${forms}`],
    [{ host_token: 'x', token: 'y' }, `Invalid params for session.auth: host_token stands alone; ${forms}`],
    [{ host_token: 'x', agent_id: 'y' }, `Invalid params for session.auth: host_token stands alone; ${forms}`],
    [{ token: 5 }, 'Invalid params for session.auth: token: expected string, received number'],
    [{ token: null }, `Invalid params for session.auth: token or host_token is missing; ${forms}`],
    [[daemon.authToken], 'Invalid params for session.auth: params: expected object, received array'],
  ];
  for (const [params, message] of bad) {
    const error = await wire.error('session.auth', params);
    assert.deepEqual([error.code, error.message], [-32602, message]);
  }
  await wire.result('session.auth', { token: daemon.authToken });
});

// req: auth.role-from-credential
test('nothing a client claims about itself adds to what its credential gives', async () => {
  await using daemon = serve();
  const claims = {
    role: 'host',
    is_host: true,
    isHost: true,
    scopes: ['operator.admin'],
    authenticated: true,
    client_id: 'x',
  };
  const wire = await daemon.peer();
  assert.deepEqual(await wire.error('session.auth', { ...claims, token: 'nope' }), mismatch);
  assert.deepEqual(await wire.result('session.auth', { ...claims, token: daemon.authToken }), {
    ok: true,
    auth_enabled: true,
  });
  assert.equal(await roleOf(wire), 'client');
  await wire.result('session.init', { ...claims, tools: [] });
  await wire.result('server.handshake', { ...claims, protocol_version: 2 });
  assert.equal(await roleOf(wire), 'client');
});

// req: auth.off
test('with authentication off any token is taken and no role is given for it', async () => {
  await using daemon = serve({ auth: false });
  for (const params of [{}, { token: 'anything' }, { host_token: 'anything' }, { token: 'x', agent_id: 'a' }]) {
    const wire = await daemon.peer();
    assert.deepEqual(await wire.result('session.auth', params), { ok: true, auth_enabled: false });
    assert.equal(await roleOf(wire), 'client');
  }
  const wire = await daemon.peer();
  assert.deepEqual(await wire.result('session.auth', { memory_namespace: 'n' }), {
    ok: true,
    auth_enabled: false,
    memory_namespace: 'n',
  });
  assert.deepEqual([...daemon.state.attachedAgents], []);
});

// req: auth.install-once, auth.blank-token
test('tokens and verifier are installed once; a second one is handed back, and a blank token is an error', async () => {
  using folder = new TempFolder();
  await using state = ServerState.standalone(folder.path);
  for (const blank of ['', ' ', '\n\t']) {
    assert.throws(() => state.installAuthToken(blank), { message: 'Cannot install a blank daemon token' });
    assert.throws(() => state.installHostToken(blank), { message: 'Cannot install a blank host token' });
  }
  assert.equal(state.isAuthRequired, false);
  assert.deepEqual(state.installAuthToken('first'), { installed: true });
  assert.deepEqual(state.installAuthToken('second'), { installed: false, rejected: 'second' });
  assert.deepEqual(state.installAuthToken('first'), { installed: false, rejected: 'first' });
  assert.deepEqual(state.installHostToken('h'), { installed: true });
  assert.deepEqual(state.installHostToken('h2'), { installed: false, rejected: 'h2' });
  const [one, two] = [new InMemoryAgentCredentials(), new InMemoryAgentCredentials()];
  assert.deepEqual(state.installAgentCredentials(one), { installed: true });
  const refused = state.installAgentCredentials(two);
  assert.ok(!refused.installed && refused.rejected === two);
  assert.equal(state.isAuthRequired, true);
});

// req: auth.single-claim
test('an agent id is attached to one connection; a second is refused until the first is gone', async () => {
  await using daemon = serve();
  const credential = daemon.credential({ agent: 'a1' });
  const first = await daemon.peer({ as: { agent: 'a1' } });
  await first.result('session.auth', credential);
  const [holder] = [...daemon.state.attachedAgents.values()];
  const second = await daemon.peer();
  assert.deepEqual(await second.error('session.auth', credential), {
    code: -32603,
    message: 'agent "a1" is already attached on another connection',
    data: { reason: 'already_attached', agent_id: 'a1' },
  });
  assert.deepEqual([...daemon.state.attachedAgents], [['a1', holder]]);
  assert.match((await second.error('server.status')).message, /^auth required:/, 'it did not become authenticated');
  const other = await daemon.peer({ as: { agent: 'a2' } });
  assert.deepEqual(await other.error('session.auth', credential), {
    code: -32603,
    message: 'Cannot attach agent "a1": this connection is agent "a2"',
    data: { reason: 'failed' },
  });
  await first.close();
  const third = await daemon.peer({ as: { agent: 'a1' } });
  assert.deepEqual(await roleOf(third), ['agent', 'a1']);
  await Promise.all([third.close(), other.close()]);
  await closed(daemon);
  assert.deepEqual([...daemon.state.attachedAgents], []);
});

// req: auth.single-claim
test('of many connections that claim one agent at the same time exactly one gets it', async () => {
  await using daemon = serve();
  const credential = daemon.credential({ agent: 'a1' });
  const wires = await Promise.all(Array.from({ length: 20 }, () => daemon.peer()));
  const replies = await Promise.all(wires.map((wire) => wire.call('session.auth', credential)));
  assert.equal(replies.filter(({ result }) => result !== undefined).length, 1);
  assert.equal(
    replies.filter(({ error }) => error?.message.includes('already attached on another connection')).length,
    19,
  );
});

// req: auth.rotation
test("rotating an agent's token closes its connection, which can do nothing more; the new token is good at once", async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: { agent: 'a1' } });
  const old = daemon.credential({ agent: 'a1' });
  const { connection } = (await wire.result('server.status')) as { connection: { client_id: string } };
  const session = daemon.state.sessions.get(connection.client_id);
  daemon.rotateAgentToken('a1');
  // The old client has not read that it was closed, and goes on.
  wire.sendJson({ jsonrpc: '2.0', id: 1, method: 'state.set', params: { key: 'stolen', value: 1 } });
  const replacement = await daemon.peer({ as: { agent: 'a1' } });
  assert.deepEqual(await roleOf(replacement), ['agent', 'a1']);
  assert.deepEqual(await wire.closed, { code: 1008, reason: 'agent token withdrawn' });
  assert.equal(wire.unread, 0);
  assert.ok(session?.isClosed);
  const late = await daemon.peer();
  assert.deepEqual(await late.error('session.auth', old), mismatch);
  assert.equal(daemon.state.attachedAgents.size, 1, 'the close of the old connection takes nothing from the new one');
  daemon.agents.revoke('a1');
  assert.equal((await replacement.closed).code, 1008);
});

// req: auth.rotation
test('an old connection that does not let go keeps the new one neither out nor, when it goes at last, takes its claim', async () => {
  await using daemon = serve();
  const handlers = Promise.withResolvers<ChannelHandlers>();
  // The close of this channel is reported when the test says so, as on a socket whose other end is stuck.
  const stuck: Channel = {
    transport: 'memory',
    isOpen: true,
    queuedBytes: 0,
    start: handlers.resolve,
    send: () => undefined,
    sendFrame: () => undefined,
    close: () => undefined,
    terminate: () => undefined,
  };
  const { id } = daemon.state.createSession(stuck);
  const old = await handlers.promise;
  old.onText(
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'session.auth', params: daemon.credential({ agent: 'a1' }) }),
  );
  await turnOver();
  assert.deepEqual([...daemon.state.attachedAgents], [['a1', id]]);
  daemon.rotateAgentToken('a1');
  const replacement = await daemon.peer({ as: { agent: 'a1' } });
  const holder = daemon.state.attachedAgents.get('a1');
  assert.ok(holder !== undefined && holder !== id);
  old.onClose({ code: 1006, reason: '' });
  await turnOver();
  assert.deepEqual([...daemon.state.attachedAgents], [['a1', holder]]);
  assert.deepEqual(await roleOf(replacement), ['agent', 'a1']);
});

// req: auth.throttle
test('ten thousand wrong tries delay neither a right one nor anybody at work, and leave nothing behind', async () => {
  await using daemon = serve();
  const worker = await daemon.peer({ as: 'client' });
  const thieves = await Promise.all(Array.from({ length: 100 }, () => daemon.peer()));
  for (const [thief, wire] of thieves.entries()) {
    for (let n = 0; n < 100; n++)
      wire.sendJson({ jsonrpc: '2.0', id: n, method: 'session.auth', params: { token: `guess ${thief} ${n}` } });
  }
  const startedAt = performance.now();
  const owner = await daemon.peer({ as: 'client' });
  assert.equal(await roleOf(owner), 'client');
  assert.equal(await roleOf(worker), 'client');
  const tookMs = performance.now() - startedAt;
  const answered = thieves.reduce((sum, { unread }) => sum + unread, 0);
  assert.ok(answered < 200, `${answered} guesses were answered in ${tookMs} ms`);
  await Promise.all(thieves.map((wire) => wire.close()));
  await turnOver();
  assert.equal(daemon.state.sessions.size, 2);
  const text = JSON.stringify(daemon.log.records);
  assert.ok(daemon.log.records.some(({ message }) => message === 'authentication failed'));
  assert.ok(!text.includes('guess') && !text.includes(daemon.authToken), 'no credential is logged');
});

// req: auth.timeout
test('a daemon gives a connection five seconds to authenticate', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  using folder = new TempFolder();
  const state = ServerState.standalone(folder.path);
  state.installAuthToken(mintToken());
  const [near, far] = createMemoryPair();
  const closing = Promise.withResolvers<{ code: number; reason: string }>();
  far.start({ onText: () => undefined, onBinary: () => undefined, onClose: closing.resolve });
  state.createSession(near);
  t.mock.timers.tick(4_999);
  await turnOver();
  assert.equal(state.sessions.size, 1);
  t.mock.timers.tick(1);
  assert.deepEqual(await closing.promise, { code: 1008, reason: 'authentication timed out' });
  t.mock.timers.reset();
  await state[Symbol.asyncDispose]();
});
