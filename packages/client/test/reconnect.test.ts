// What a lost connection means for calls, tools and events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AuthenticationError,
  ClientClosedError,
  connect,
  ConnectionLostError,
  NotConnectedError,
  ProtocolMismatchError,
  RequestTimeoutError,
  type Client,
  type ConnectionChange,
} from '@car-runtime/client';
import { ChannelClosedError, RpcError } from '@car-runtime/rpc';
import fc from 'fast-check';
import { hold, ScriptedDaemon } from './scripted-daemon.ts';

const fast = { baseDelayMs: 1, maxDelayMs: 5 };

async function nextState(changes: AsyncIterator<ConnectionChange>, state: string): Promise<ConnectionChange> {
  for (;;) {
    const { value, done } = await changes.next();
    if (done) throw new Error(`The client ended before it was ${state}`);
    if (value.state === state) return value;
  }
}

// req: client.reconnect, client.state-events
test('a lost connection is made again: greeting, tools, then the calls that waited, in their order', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open, token: 'secret', reconnect: fast });
  await client.registerTool({ name: 'b' }, () => 'b');
  await client.registerTool({ name: 'a' }, () => 'a');
  const changes = client.connectionChanges();
  daemon.last.channel.terminate('pulled');
  const { error } = await nextState(changes, 'disconnected');
  assert.ok(error instanceof ChannelClosedError);
  assert.match(error.message, /^Connection to a memory channel lost \(1006: pulled\)$/);
  assert.equal(client.connection.state, 'reconnecting');
  const waited = [1, 2, 3].map((n) => client.request('test.echo', { n }));
  const { attempt, delayMs } = await nextState(changes, 'reconnecting');
  assert.ok(attempt === 1 && delayMs !== undefined && delayMs <= fast.maxDelayMs);
  await nextState(changes, 'connected');
  assert.deepEqual(await Promise.all(waited), [{ n: 1 }, { n: 2 }, { n: 3 }]);
  assert.deepEqual(
    daemon.calls
      .filter(({ connection }) => connection === 2)
      .map(({ method, params }) => [method, params])
      .slice(2),
    [
      ['tools.register', [{ name: 'b' }, { name: 'a' }]],
      ['test.echo', { n: 1 }],
      ['test.echo', { n: 2 }],
      ['test.echo', { n: 3 }],
    ],
  );
  assert.deepEqual(daemon.methodsOf(2).slice(0, 2), ['session.auth', 'server.handshake']);
  const id = 'cb-x';
  assert.equal(
    await daemon.last.peer.request(
      'tools.execute',
      { action_id: '', tool: 'b', parameters: {}, attempt: 1, request_id: id },
      { id },
    ),
    'b',
  );
  assert.equal(client.connection.connections, 2);
});

// req: client.never-repeated
test('a call in flight at the cut rejects as lost and is never sent again', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open, reconnect: fast });
  const lost = client.request('test.hold', { once: true });
  await client.request('test.echo');
  daemon.last.channel.terminate();
  await assert.rejects(lost, (error) => {
    assert.ok(error instanceof ConnectionLostError);
    assert.equal(error.method, 'test.hold');
    return true;
  });
  await client.request('test.echo');
  assert.equal(daemon.calls.filter(({ method }) => method === 'test.hold').length, 1);
});

// req: client.waiting-calls
test('a call that waits for a connection keeps its signal and its time limit', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open, reconnect: fast });
  daemon.isDown = true;
  daemon.last.channel.terminate();
  await nextState(client.connectionChanges(), 'disconnected');
  const controller = new AbortController();
  const reason = new Error('never mind');
  const aborted = assert.rejects(client.request('test.echo', [1], { signal: controller.signal }), reason);
  const limited = assert.rejects(client.request('test.echo', [2], { timeoutMs: 10 }), RequestTimeoutError);
  controller.abort(reason);
  await Promise.all([aborted, limited]);
  await assert.rejects(client.request('test.echo', [3], { whenDisconnected: 'reject' }), NotConnectedError);
  assert.equal(client.notify('agent.chat.event', {}), false);
  const patient = client.request('test.echo', [4], { timeoutMs: 5_000 });
  daemon.isDown = false;
  assert.deepEqual(await patient, [4]);
  assert.deepEqual(
    daemon.calls.filter(({ method }) => method === 'test.echo').map(({ params }) => params),
    [[4]],
  );
});

// req: client.waiting-bound
test('more calls than the limit do not wait', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open, reconnect: fast, maxWaitingCalls: 2 });
  daemon.isDown = true;
  daemon.last.channel.terminate();
  await nextState(client.connectionChanges(), 'disconnected');
  const waiting = [client.request('test.echo', [1]), client.request('test.echo', [2])];
  await assert.rejects(
    client.request('test.echo', [3]),
    /NotConnectedError: Cannot call test\.echo: 2 calls already wait for a connection, limit 2/,
  );
  daemon.isDown = false;
  assert.deepEqual(await Promise.all(waiting), [[1], [2]]);
});

// req: client.reconnect-off
test('without reconnecting, and after the last attempt, the client ends and says why', async () => {
  const daemon = new ScriptedDaemon();
  const client = await connect({ channel: daemon.open, reconnect: false });
  const events = client.events('tools.cancel');
  const changes = client.connectionChanges();
  daemon.last.channel.close(1001, 'shutting down');
  const { error } = await nextState(changes, 'closed');
  assert.ok(error instanceof ClientClosedError && error.cause instanceof ChannelClosedError);
  await assert.rejects(events.next(), ClientClosedError);
  await assert.rejects(
    client.request('test.echo'),
    /ClientClosedError: Cannot call test\.echo: Connection to .* lost \(1001: shutting down\)/,
  );
  await client.close();

  const limited = await connect({ channel: daemon.open, reconnect: { ...fast, maxAttempts: 3 } });
  const attempts = limited.connectionChanges();
  daemon.isDown = true;
  daemon.last.channel.terminate();
  const waiting = assert.rejects(limited.request('test.echo'), /gave up reconnecting: nobody listens/);
  const states = (await Array.fromAsync(attempts)).map(({ state, attempt }) =>
    attempt === undefined ? state : `${state} ${attempt}`,
  );
  assert.deepEqual(states, ['disconnected', 'reconnecting 1', 'reconnecting 2', 'reconnecting 3', 'closed']);
  await waiting;
});

// req: client.auth-ends
test('a credential refused at a reconnect ends the client; one that may be renewed gets a few attempts', async () => {
  const refuse = (): never => {
    throw new RpcError(-32603, 'auth failed: token mismatch', { data: { reason: 'auth_failed' } });
  };
  const attemptsWith = async (token: string | (() => string), handler = refuse): Promise<[number, unknown]> => {
    const daemon = new ScriptedDaemon();
    const client = await connect({ channel: daemon.open, token, reconnect: fast });
    daemon.handlers['session.auth'] = handler;
    daemon.last.channel.terminate();
    const error = await client.request('test.echo').catch((failure: unknown) => failure);
    assert.ok(error instanceof ClientClosedError);
    return [daemon.connections.length - 1, error.cause];
  };
  const [fixed, why] = await attemptsWith('secret');
  assert.equal(fixed, 1);
  assert.ok(why instanceof AuthenticationError);
  const [renewable] = await attemptsWith(() => 'secret');
  assert.equal(renewable, 5);
});

// req: client.auth-ends
test('a token that changed with the daemon is read again', async () => {
  const daemon = new ScriptedDaemon();
  let token = 'first';
  await using client = await connect({ channel: daemon.open, token: () => token, reconnect: fast });
  daemon.handlers['session.auth'] = (params) => {
    const given = (params as { token: string }).token;
    if (given === 'second') return { ok: true, auth_enabled: true };
    token = 'second'; // the new daemon writes its file only now
    throw new RpcError(-32603, 'auth failed: token mismatch', { data: { reason: 'auth_failed' } });
  };
  daemon.last.channel.terminate();
  assert.equal(await client.request('test.echo', null), null);
});

// req: client.auth-ends
test('an agent whose lost connection still holds its id keeps trying', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open, agentId: 'a1', token: 'secret', reconnect: fast });
  let refusals = 0;
  daemon.handlers['session.auth'] = () => {
    if (++refusals > 8) return { ok: true, auth_enabled: true };
    throw new RpcError(-32603, 'agent "a1" is already attached on another connection');
  };
  daemon.last.channel.terminate();
  assert.deepEqual(await client.request('test.echo', {}), {});
});

// req: client.auth-ends
test('another protocol version after the reconnect ends the client', async () => {
  const daemon = new ScriptedDaemon();
  const client = await connect({ channel: daemon.open, token: () => 't', reconnect: fast });
  daemon.handlers['server.handshake'] = () => {
    throw new RpcError(-32006, 'protocol version mismatch: this daemon speaks 3');
  };
  daemon.last.channel.terminate();
  const error = await client.request('test.echo').catch((failure: unknown) => failure);
  assert.ok(error instanceof ClientClosedError && error.cause instanceof ProtocolMismatchError);
});

// req: client.close
test('close during an attempt and during the wait before one leaves nothing behind', async () => {
  const daemon = new ScriptedDaemon();
  const slow = await connect({ channel: daemon.open, reconnect: fast });
  daemon.handlers['server.handshake'] = () => hold;
  const before = daemon.connections.length;
  daemon.last.channel.terminate();
  while (daemon.connections.length === before) await new Promise((resolve) => setTimeout(resolve, 1));
  const waiting = assert.rejects(slow.request('test.echo'), ClientClosedError);
  await slow.close();
  await waiting;
  while (!daemon.last.peer.isClosed) await new Promise((resolve) => setTimeout(resolve, 1));

  const idle = new ScriptedDaemon();
  const client = await connect({ channel: idle.open, reconnect: { baseDelayMs: 60_000, maxDelayMs: 60_000 } });
  idle.last.channel.terminate();
  await nextState(client.connectionChanges(), 'reconnecting');
  await client.close();
  assert.equal(client.connection.state, 'closed');
});

// req: client.tool-reregister
test('tools registered and removed while there is no connection are right after it', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open, reconnect: fast });
  const old = await client.registerTool({ name: 'old' }, () => 1);
  daemon.isDown = true;
  daemon.last.channel.terminate();
  await nextState(client.connectionChanges(), 'disconnected');
  const removed = old.unregister();
  const added = client.registerTool({ name: 'new' }, () => 2);
  daemon.isDown = false;
  await Promise.all([removed, added]);
  const registered = daemon.calls.filter(({ method, connection }) => method === 'tools.register' && connection > 1);
  for (const { params } of registered) assert.deepEqual(params, [{ name: 'new' }]);
});

// req: client.tool-reregister
test('a registration cut off before its answer is made again', async () => {
  const daemon = new ScriptedDaemon();
  await using client = await connect({ channel: daemon.open, reconnect: fast });
  let cuts = 0;
  const register = daemon.handlers['tools.register'];
  daemon.handlers['tools.register'] = (params, connection, call) => {
    if (++cuts > 3) return register?.(params, connection, call);
    connection.channel.terminate();
    return hold;
  };
  const tool = await client.registerTool({ name: 'tool' }, () => 1);
  assert.equal(tool.name, 'tool');
  assert.ok(cuts > 3);
});

/** Cuts anywhere: while greeting, while registering, with calls waiting, in flight, or just answered. */
const plan = fc.record({
  cutAfter: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
  calls: fc.integer({ min: 1, max: 40 }),
  pausesEvery: fc.integer({ min: 1, max: 5 }),
});

// req: client.never-repeated, client.reconnect, client.tool-reregister
test('whatever is cut when, each call is answered once or lost, and never runs twice', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async ({ cutAfter, calls, pausesEvery }) => {
      const daemon = new ScriptedDaemon();
      const runs = new Map<number, number>();
      /** Tools each connection knew before its first other call. */
      const late: number[] = [];
      const remaining = [...cutAfter];
      let untilCut = Infinity;
      const cut = (): void => {
        if (--untilCut > 0) return;
        untilCut = remaining.shift() ?? Infinity;
        daemon.last.channel.terminate();
      };
      for (const [method, handler] of Object.entries(daemon.handlers)) {
        daemon.handlers[method] = (params, connection, call) => {
          cut();
          return handler(params, connection, call);
        };
      }
      daemon.handlers['test.count'] = (params, connection) => {
        const { n } = params as { n: number };
        runs.set(n, (runs.get(n) ?? 0) + 1);
        if (!daemon.methodsOf(connection.number).includes('tools.register')) late.push(n);
        cut();
        return n;
      };
      const client: Client = await connect({
        channel: daemon.open,
        token: 'secret',
        reconnect: { baseDelayMs: 0, maxDelayMs: 1 },
      });
      await client.registerTool({ name: 'tool' }, () => 1);
      untilCut = remaining.shift() ?? Infinity;
      const outcomes: Promise<'answered' | 'lost'>[] = [];
      for (let n = 0; n < calls; n++) {
        const answer = client.request('test.count', { n }).then(
          (result) => {
            assert.equal(result, n);
            return 'answered' as const;
          },
          (error: unknown) => {
            assert.ok(error instanceof ConnectionLostError, String(error));
            return 'lost' as const;
          },
        );
        outcomes.push(answer);
        if (n % pausesEvery === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      const settled = await Promise.all(outcomes);
      for (const [n, outcome] of settled.entries()) {
        const times = runs.get(n) ?? 0;
        assert.ok(times <= 1, `call ${n} ran ${times} times`);
        if (outcome === 'answered') assert.equal(times, 1);
      }
      assert.deepEqual(late, []);
      untilCut = Infinity;
      assert.equal(await client.request('test.echo', { n: 'last' }).then(() => 'usable'), 'usable');
      await client.close();
    }),
    { numRuns: process.env['CAR_TEST_LONG'] ? 2_000 : 100 },
  );
});
