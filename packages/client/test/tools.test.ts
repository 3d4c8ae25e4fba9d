// Tools and other requests of the daemon, against a daemon that does what the test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, ToolCancelledError, type Client, type ToolContext } from '@car-runtime/client';
import { methods } from '@car-runtime/protocol';
import { ChannelClosedError, RpcError } from '@car-runtime/rpc';
import { ScriptedDaemon } from './scripted-daemon.ts';

const fast = { baseDelayMs: 1, maxDelayMs: 5 };

async function open(): Promise<{ daemon: ScriptedDaemon; client: Client }> {
  const daemon = new ScriptedDaemon();
  return { daemon, client: await connect({ channel: daemon.open, reconnect: fast }) };
}

let lastId = 0;
function execute(daemon: ScriptedDaemon, tool: string, parameters: object, more: object = {}): Promise<unknown> {
  const id = `cb-test-${++lastId}`;
  const params = { action_id: 'a1', tool, parameters, attempt: 1, request_id: id, ...more };
  return daemon.last.peer.request('tools.execute', params, { id, timeoutMs: 1_000 });
}

// req: client.tool-execution
test('a tool gets its parameters and what the daemon says about the execution', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  const contexts: ToolContext[] = [];
  const parameters = { type: 'object', properties: { text: { type: 'string' } } };
  await client.registerTool('upper', parameters, async ({ text }, context) => {
    contexts.push(context);
    return { text: String(text).toUpperCase() };
  });
  assert.deepEqual(daemon.calls.at(-1), {
    connection: 1,
    method: 'tools.register',
    params: [{ name: 'upper', parameters }],
  });
  const output = await execute(daemon, 'upper', { text: 'hi' }, { attempt: 2, timeout_ms: 500, session_id: 's1' });
  assert.deepEqual(output, { text: 'HI' });
  const [context = assert.fail()] = contexts;
  const { actionId, attempt, requestId, timeoutMs, sessionId, signal } = context;
  assert.equal(signal.aborted, false);
  assert.deepEqual([actionId, attempt, requestId, timeoutMs, sessionId], ['a1', 2, `cb-test-${lastId}`, 500, 's1']);
});

// req: client.tool-execution
test('a definition says more about a tool than its name does, and nothing returned is null', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  await client.registerTool({ name: 'noop', description: 'Does nothing', idempotent: true }, () => undefined);
  await client.registerTool({ name: 'typed', cache_ttl_secs: 5 }, { type: 'object' }, () => 1);
  assert.deepEqual(
    daemon.calls.slice(-2).map(({ params }) => params),
    [
      [{ name: 'noop', description: 'Does nothing', idempotent: true }],
      [{ name: 'typed', cache_ttl_secs: 5, parameters: { type: 'object' } }],
    ],
  );
  assert.equal(await execute(daemon, 'noop', {}), null);
});

// req: client.tool-errors
test('what a handler throws becomes the message of error -32000, and an unknown tool says so', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  daemon.handlers['test.fail'] = () => {
    throw new RpcError(-32602, 'inner failure');
  };
  const thrown: Record<string, () => unknown> = {
    sync: () => {
      throw new Error('no such file');
    },
    async: () => Promise.reject(new TypeError('wrong')),
    text: () => {
      // oxlint-disable-next-line typescript/only-throw-error -- handlers of plain JavaScript do it
      throw 'just text';
    },
    blank: () => {
      throw new RangeError();
    },
    own: () => {
      throw new RpcError(-32000, 'halted', { data: { terminal: true } });
    },
    bare: () => Promise.reject(Object.create(null)),
    nested: () => client.request('test.fail'),
    unencodable: () => 1n,
  };
  for (const [name, handler] of Object.entries(thrown)) await client.registerTool({ name }, handler);
  const answers: Record<string, unknown> = {};
  for (const name of [...Object.keys(thrown), 'nothing']) {
    await assert.rejects(execute(daemon, name, {}), ({ code, message, data }: RpcError) => {
      answers[name] = data === undefined ? [code, message] : [code, message, data];
      return true;
    });
  }
  assert.deepEqual(answers, {
    sync: [-32000, 'no such file'],
    async: [-32000, 'wrong'],
    text: [-32000, 'just text'],
    blank: [-32000, 'RangeError'],
    own: [-32000, 'halted', { terminal: true }],
    bare: [-32000, 'the handler threw an object'],
    nested: [-32000, 'inner failure'],
    unencodable: [-32603, 'Cannot encode the result of tools.execute: Do not know how to serialize a BigInt'],
    nothing: [-32000, 'unknown tool: nothing'],
  });
});

// req: client.tool-cancel
test('tools.cancel aborts the handler and its answer is not sent', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  const started = Promise.withResolvers<AbortSignal>();
  const finish = Promise.withResolvers<void>();
  await client.registerTool({ name: 'slow' }, async (_parameters, { signal }) => {
    started.resolve(signal);
    await finish.promise;
    return 'too late';
  });
  const cancels = client.events('tools.cancel');
  const answer = execute(daemon, 'slow', {});
  let isAnswered = false;
  answer.then(
    () => (isAnswered = true),
    () => undefined,
  );
  const signal = await started.promise;
  const cancel = { request_id: `cb-test-${lastId}`, action_id: 'a1', reason: 'deadline' };
  daemon.last.peer.notify('tools.cancel', cancel);
  assert.deepEqual((await cancels.next()).value, cancel);
  assert.ok(signal.aborted && signal.reason instanceof ToolCancelledError);
  assert.equal(signal.reason.reason, 'deadline');
  finish.resolve();
  // Anything the client sends later arrives later.
  await client.request('test.echo');
  assert.equal(isAnswered, false);
  // Neither a second cancel nor one for nobody does anything.
  daemon.last.peer.notify('tools.cancel', cancel);
  daemon.last.peer.notify('tools.cancel', { request_id: 'cb-0', action_id: '', reason: '' });
  daemon.last.peer.notify('tools.cancel', null);
  assert.equal(await client.request('test.echo'), null);
});

// req: client.tool-cancel
test('cancelled executions leave nothing behind, however many there are', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  await client.registerTool(
    { name: 'wait' },
    (_parameters, { signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
  );
  // More than a peer keeps in flight.
  for (let round = 0; round < 30; round++) {
    const ids = Array.from({ length: 50 }, (_none, index) => `cb-${round}-${index}`);
    for (const id of ids) {
      void daemon.last.peer
        .request('tools.execute', { action_id: '', tool: 'wait', parameters: {}, attempt: 1, request_id: id }, { id })
        .catch(() => undefined);
    }
    await client.request('test.echo');
    for (const id of ids) daemon.last.peer.notify('tools.cancel', { request_id: id, action_id: '', reason: 'enough' });
  }
  await client.registerTool({ name: 'still' }, () => 'here');
  assert.equal(await execute(daemon, 'still', {}), 'here');
});

// req: client.tool-cancel
test('a lost connection aborts what runs', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  const started = Promise.withResolvers<AbortSignal>();
  await client.registerTool({ name: 'slow' }, (_parameters, { signal }) => {
    started.resolve(signal);
    return new Promise(() => {});
  });
  execute(daemon, 'slow', {}).catch(() => undefined);
  const signal = await started.promise;
  daemon.last.channel.terminate();
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  assert.ok(signal.reason instanceof ChannelClosedError);
});

// req: client.tool-unregister
test('a disposed tool is unregistered, unless its name has a new owner', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  const first = await client.registerTool({ name: 'tool' }, () => 'first');
  const second = await client.registerTool({ name: 'tool' }, () => 'second');
  await first.unregister();
  assert.equal(await execute(daemon, 'tool', {}), 'second');
  await second[Symbol.asyncDispose]();
  await second.unregister();
  assert.deepEqual(
    daemon.calls.filter(({ method }) => method === 'tools.unregister').map(({ params }) => params),
    [{ name: 'tool' }],
  );
  await assert.rejects(execute(daemon, 'tool', {}), /^RpcError: unknown tool: tool$/);
});

// req: client.tool-unregister
test('a tool the daemon refuses is not kept', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  daemon.handlers['tools.register'] = () => {
    throw new RpcError(-32603, 'Cannot register "bad": its schema is not valid');
  };
  await assert.rejects(
    client.registerTool('bad', { type: 'nonsense' }, () => 1),
    /its schema is not valid/,
  );
  await assert.rejects(execute(daemon, 'bad', {}), /unknown tool/);
});

// req: client.standard-schema
test('a zod schema types the parameters, is sent as JSON Schema, and checks what arrives', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  const { params } = methods['state.get'];
  await client.registerTool('read', params, ({ key, tenant_id = 'nobody' }) => `${key} of ${tenant_id}`);
  const [definition] = (daemon.calls.at(-1)?.params ?? []) as { parameters: Record<string, unknown> }[];
  assert.deepEqual(definition?.parameters['required'], ['key']);
  assert.equal(await execute(daemon, 'read', { key: 'a' }), 'a of nobody');
  await assert.rejects(
    execute(daemon, 'read', { key: 1 }),
    /^RpcError: Invalid parameters for tool "read": key: .*expected string/,
  );
});

// req: client.callbacks
test('other requests of the daemon go to their handler, and without one are unknown', async () => {
  const { daemon, client } = await open();
  await using _client = client;
  const ask = (method: string, params: object): Promise<unknown> =>
    daemon.last.peer.request(method, params, { timeoutMs: 1_000 });
  const handling = client.onCallback('sampling.create', (params, { method, signal }) => ({
    params,
    method,
    aborted: signal.aborted,
  }));
  assert.deepEqual(await ask('sampling.create', { text: 'hi' }), {
    params: { text: 'hi' },
    method: 'sampling.create',
    aborted: false,
  });
  assert.throws(
    () => client.onCallback('sampling.create', () => null),
    /Cannot handle sampling\.create: it has a handler already/,
  );
  handling[Symbol.dispose]();
  await assert.rejects(ask('sampling.create', {}), { code: -32601, message: 'unknown method: sampling.create' });
  client.onCallback('sampling.create', () => Promise.reject(new Error('busy')));
  await assert.rejects(ask('sampling.create', {}), { code: -32000, message: 'busy' });
  // A catch-all for tools stands behind the registered ones.
  await client.registerTool({ name: 'known' }, () => 'own');
  client.onCallback('tools.execute', ({ tool }) => `any ${tool}`);
  assert.deepEqual([await execute(daemon, 'known', {}), await execute(daemon, 'other', {})], ['own', 'any other']);
});
