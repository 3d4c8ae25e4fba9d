// Tool callbacks as a client sees them on the wire: what it is sent, and what becomes of its answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve, turnOver, type TestDaemon, type Wire } from '@car-runtime/testkit';
import { call, results, submit, toolClient } from './tool-client.ts';

// req: callback.payload
test('tools.execute carries exactly the fields of the contract, and its id is cb-<n>', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  submit(wire, [call('a', 'work', { parameters: { n: [1, { deep: null }] }, timeout_ms: 60_000 }), call('b', 'work')]);
  assert.deepEqual(await wire.next(), {
    jsonrpc: '2.0',
    id: 'cb-1',
    method: 'tools.execute',
    params: {
      action_id: 'a',
      tool: 'work',
      parameters: { n: [1, { deep: null }] },
      timeout_ms: 60_000,
      attempt: 1,
      request_id: 'cb-1',
    },
  });
  wire.sendJson({ jsonrpc: '2.0', id: 'cb-1', result: 1 });
  assert.deepEqual(await wire.next(), {
    jsonrpc: '2.0',
    id: 'cb-2',
    method: 'tools.execute',
    params: { action_id: 'b', tool: 'work', parameters: {}, attempt: 1, request_id: 'cb-2' },
  });
  wire.sendJson({ jsonrpc: '2.0', id: 'cb-2', result: 2 });
  assert.deepEqual(
    (await results(wire)).map(({ output }) => output),
    [1, 2],
  );
});

// req: callback.payload
test('each connection counts its callbacks from 1, and the policy session of the proposal goes along', async () => {
  await using daemon = serve();
  for (let connection = 0; connection < 2; connection++) {
    const wire = await toolClient(daemon, 'work');
    const { session_id } = (await wire.result('session.policy.open', {})) as { session_id: string };
    submit(wire, [call('a', 'work')], { session_id });
    const { id, params } = await wire.nextRequest();
    assert.deepEqual([id, params['request_id'], params['session_id']], ['cb-1', 'cb-1', session_id]);
  }
});

// req: callback.answer
test('the result is the output, whatever it is, and no result is null', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  const outputs = [0, '', false, null, [], { a: { b: [1] } }, 'text', -1.5];
  for (const [index, output] of outputs.entries()) {
    submit(wire, [call('a', 'work')]);
    const { id } = await wire.nextRequest();
    wire.sendJson({ jsonrpc: '2.0', id, result: output });
    assert.deepEqual((await results(wire))[0]?.output, output, String(index));
  }
  submit(wire, [call('a', 'work')]);
  wire.sendJson({ jsonrpc: '2.0', id: (await wire.nextRequest()).id });
  const [result] = await results(wire);
  assert.deepEqual([result?.status, result?.output], ['succeeded', null]);
});

// req: callback.answer
test('an error answer fails the action with its message, and the next callback works', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  const errors: [error: unknown, text: string][] = [
    [{ code: -32000, message: 'file not found' }, 'file not found'],
    [{ code: 7, message: '', data: { secret: 1 } }, ''],
    ['plain text', 'plain text'],
    [{ code: -32000 }, 'unknown error'],
  ];
  for (const [error, text] of errors) {
    submit(wire, [call('a', 'work')]);
    wire.sendJson({ jsonrpc: '2.0', id: (await wire.nextRequest()).id, error });
    const [result] = await results(wire);
    assert.deepEqual([result?.status, result?.error, result?.output], ['failed', text, null]);
  }
  await wire.expectQuiet();
});

// req: callback.answer
test('an answer with a forbidden key fails its action at once', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  submit(wire, [call('a', 'work')]);
  const { id } = await wire.nextRequest();
  wire.send(`{"jsonrpc":"2.0","id":"${id}","result":{"__proto__":{"isAdmin":true}}}`);
  const [result] = await results(wire);
  assert.deepEqual(
    [result?.status, result?.error],
    ['failed', 'Cannot take the answer: a key named "__proto__" is not allowed'],
  );
});

// req: callback.channel-closed
test('however the connection is lost, the action ends at once as such, and the journal has all that was ended', async () => {
  const ways = {
    'client closes': async (wire) => void (await wire.close()),
    'client vanishes': async (wire) => wire.channel.terminate(),
    'session removed': async (_wire, daemon, clientId) => void (await daemon.state.removeSession(clientId)),
    'daemon drains': async (_wire, daemon) => await daemon.state.drain(0),
  } satisfies Record<string, (wire: Wire, daemon: TestDaemon, clientId: string) => Promise<void>>;
  for (const [way, lose] of Object.entries(ways)) {
    await using daemon = serve();
    const wire = await toolClient(daemon, 'slow', 'flaky');
    const { connection } = (await wire.result('server.status')) as { connection: { client_id: string } };
    submit(wire, [call('a', 'slow'), call('b', 'slow')]);
    await wire.nextRequest();
    const retrying = [call('c', 'flaky', { failure_behavior: 'retry', max_retries: 8 }), call('d', 'slow')];
    wire.sendJson({
      jsonrpc: '2.0',
      id: 'other',
      method: 'proposal.submit',
      params: { proposal: { actions: retrying } },
    });
    wire.sendJson({ jsonrpc: '2.0', id: (await wire.nextRequest()).id, error: { code: -32000, message: 'flaky' } });
    await turnOver();
    await lose(wire, daemon, connection.client_id);
    await turnOver();
    const ended = daemon
      .journal(connection.client_id)
      .filter(({ kind }) => kind === 'action_failed' || kind === 'action_skipped');
    assert.deepEqual(
      ended.map(({ action_id, data }) => `${action_id}: ${String(data['error'] ?? data['reason'])}`).toSorted(),
      ["a: tool 'slow' callback channel closed", "b: action 'a' failed", 'c: flaky', "d: action 'c' failed"],
      way,
    );
  }
});

// req: callback.unknown-tool
test('a client that does not know the tool it registered fails the action by name', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'ghost');
  submit(wire, [call('a', 'ghost')]);
  wire.sendJson({
    jsonrpc: '2.0',
    id: (await wire.nextRequest()).id,
    error: { code: -32000, message: 'unknown tool: ghost' },
  });
  assert.equal((await results(wire))[0]?.error, "no handler for tool 'ghost'");
});
