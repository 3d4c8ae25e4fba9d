// Connecting, greeting, calling, closing, against a daemon that does what the test says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  AuthenticationError,
  CarError,
  ClientClosedError,
  connect,
  ConnectionLostError,
  ProtocolMismatchError,
  RequestTimeoutError,
} from '@car-runtime/client';
import { protocolVersion, toolRejectedCode as contractToolRejectedCode } from '@car-runtime/protocol';
import { RpcError } from '@car-runtime/rpc';
import { clientVersion, wireProtocolVersion } from '../src/link.ts';
import { toolRejectedCode } from '../src/tool-box.ts';
import { hold, ScriptedDaemon } from './scripted-daemon.ts';

const fast = { baseDelayMs: 1, maxDelayMs: 5 };

// req: client.greeting
test('connect authenticates, then shakes hands, each step after the answer to the one before', async () => {
  const daemon = new ScriptedDaemon();
  const seen: string[] = [];
  daemon.handlers['session.auth'] = async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    seen.push(...daemon.methodsOf(1));
    return { ok: true, auth_enabled: true };
  };
  await using client = await connect({ channel: daemon.open, token: 'secret', memoryNamespace: 'notes' });
  assert.deepEqual(seen, ['session.auth']);
  assert.deepEqual(daemon.calls, [
    { connection: 1, method: 'session.auth', params: { token: 'secret', memory_namespace: 'notes' } },
    { connection: 1, method: 'server.handshake', params: { protocol_version: 2, client_version: clientVersion } },
  ]);
  assert.deepEqual(client.connection, {
    state: 'connected',
    endpoint: 'a memory channel',
    transport: 'memory',
    serverVersion: '9.9.9',
    auth: { ok: true, auth_enabled: true },
    connections: 1,
  });
});

// req: client.greeting
test('each kind of credential has its form, and without one session.auth is skipped', async () => {
  const table = [
    [{}, undefined],
    [{ token: () => Promise.resolve('late') }, { token: 'late' }],
    [
      { agentId: 'a1', token: 't' },
      { agent_id: 'a1', token: 't' },
    ],
    [{ hostToken: 'h' }, { host_token: 'h' }],
    [{ memoryNamespace: 'n' }, { memory_namespace: 'n' }],
  ] as const;
  for (const [options, expected] of table) {
    const daemon = new ScriptedDaemon();
    await using _client = await connect({ channel: daemon.open, ...options });
    assert.deepEqual(daemon.calls.find(({ method }) => method === 'session.auth')?.params, expected);
  }
});

// req: client.no-handshake
test('a daemon without server.handshake is good enough, however it says so', async () => {
  const refusals = [
    new RpcError(-32601, 'unknown method: server.handshake'),
    new RpcError(-32603, 'unknown method: server.handshake'),
  ];
  for (const refusal of refusals) {
    const daemon = new ScriptedDaemon();
    daemon.handlers['server.handshake'] = () => {
      throw refusal;
    };
    await using client = await connect({ channel: daemon.open });
    assert.equal(client.connection.serverVersion, undefined);
    assert.deepEqual(await client.request('test.echo', { a: 1 }), { a: 1 });
  }
});

// req: client.typed-errors
test('a refused credential, a missing one and another protocol version reject connect with their own errors', async () => {
  const table = [
    [
      'session.auth',
      new RpcError(-32603, 'auth failed: token mismatch', { data: { reason: 'auth_failed' } }),
      AuthenticationError,
    ],
    ['server.handshake', new RpcError(-32001, 'auth required: call session.auth'), AuthenticationError],
    ['server.handshake', new RpcError(-32006, 'protocol version mismatch: 3'), ProtocolMismatchError],
  ] as const;
  for (const [method, refusal, kind] of table) {
    const daemon = new ScriptedDaemon();
    daemon.handlers[method] = () => {
      throw refusal;
    };
    await assert.rejects(connect({ channel: daemon.open, token: 'secret' }), (error) => {
      assert.ok(error instanceof kind);
      assert.deepEqual([error.code, error.message, error.method], [refusal.code, refusal.message, method]);
      return true;
    });
  }
});

// req: client.connect-timeout
test('connect gives up on a daemon that says nothing, and on a channel that never comes', async () => {
  const daemon = new ScriptedDaemon();
  daemon.handlers['server.handshake'] = () => hold;
  await assert.rejects(connect({ channel: daemon.open, connectTimeoutMs: 20 }), RequestTimeoutError);
  await assert.rejects(connect({ channel: () => new Promise(() => {}), connectTimeoutMs: 20 }), RequestTimeoutError);
});

// req: client.nested-calls
test('methods are called by name, by path, and by a path that is also a member of the client', async () => {
  const daemon = new ScriptedDaemon();
  for (const method of ['state.get', 'session.policy.open', 'events.count', 'verify', 'verify.monte_carlo'])
    daemon.handlers[method] = () => method;
  await using client = await connect({ channel: daemon.open });
  assert.equal(await client.call('state.get', { key: 'a' }), 'state.get');
  assert.equal(await client.state.get({ key: 'b' }), 'state.get');
  assert.equal(await client.session.policy.open(), 'session.policy.open');
  // Not in the contract yet, so the types do not know them.
  const later = client as unknown as Record<string, Record<string, () => Promise<unknown>> & (() => Promise<unknown>)>;
  assert.equal(await later['events']?.['count']?.(), 'events.count');
  assert.equal(await later['verify']?.(), 'verify');
  assert.equal(await later['verify']?.['monte_carlo']?.(), 'verify.monte_carlo');
  assert.deepEqual(
    daemon.calls.slice(1, 4).map(({ params }) => params),
    [{ key: 'a' }, { key: 'b' }, undefined],
  );
});

// req: client.nested-calls
test('what the language asks of an object is never taken for a method', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open });
  assert.equal(await Promise.resolve(client), client);
  assert.equal(JSON.stringify({ nested: client.state }), '{}');
  JSON.stringify(client);
  assert.deepEqual(daemon.methodsOf(1), ['server.handshake']);
});

// req: client.typed-errors
test('an error answer carries method, code, reason and data', async () => {
  const daemon = new ScriptedDaemon();
  daemon.handlers['state.get'] = () => {
    throw new RpcError(-32602, 'Invalid params for state.get', { data: { reason: 'invalid_params', issues: [] } });
  };
  await using client = await connect({ channel: daemon.open });
  await assert.rejects(client.state.get({ key: 'a' }), (error) => {
    assert.ok(error instanceof CarError && error instanceof RpcError);
    const { name, method, code, reason, data, message } = error;
    assert.deepEqual(
      { name, method, code, reason, data, message },
      {
        name: 'CarError',
        method: 'state.get',
        code: -32602,
        reason: 'invalid_params',
        data: { reason: 'invalid_params', issues: [] },
        message: 'Invalid params for state.get',
      },
    );
    return true;
  });
});

// req: client.call-options
test('a call ends at its signal or its time limit, and a late answer changes nothing', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open });
  const reason = new Error('changed my mind');
  const controller = new AbortController();
  const aborted = client.request('test.hold', {}, { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(aborted, reason);
  await assert.rejects(client.request('test.hold', {}, { signal: controller.signal }), reason);
  await assert.rejects(client.request('test.hold', {}, { timeoutMs: 5 }), RequestTimeoutError);
  // Longer than a timer can wait, which must not mean "at once".
  assert.deepEqual(await client.request('test.echo', [1], { timeoutMs: 2 ** 40 }), [1]);
});

// req: client.close
test('close rejects what waits, ends the streams, and refuses what comes later', async () => {
  const daemon = new ScriptedDaemon();
  const client = await connect({ channel: daemon.open, reconnect: fast });
  const waiting = assert.rejects(client.request('test.hold'), ConnectionLostError);
  const events = client.events('tools.cancel');
  const changes = client.connectionChanges();
  await Promise.all([client.close(), client.close()]);
  await waiting;
  assert.deepEqual(await Array.fromAsync(events), []);
  assert.deepEqual(await Array.fromAsync(changes), [{ state: 'closed' }]);
  assert.deepEqual(await Array.fromAsync(client.events('tools.cancel')), []);
  await assert.rejects(client.request('test.echo'), ClientClosedError);
  assert.equal(client.notify('agent.chat.event'), false);
  assert.equal(client.connection.state, 'closed');
  assert.equal(daemon.connections.length, 1);
  assert.equal(daemon.last.peer.isClosed, true);
});

test('what the client repeats of the contract is what the contract says', () => {
  assert.equal(wireProtocolVersion, protocolVersion);
  assert.equal(toolRejectedCode, contractToolRejectedCode);
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  assert.equal(clientVersion, manifest.version);
});
