// The client against the real core, over every transport.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthenticationError, CarError, connect, ConnectionLostError, type Client } from '@car-runtime/client';
import { openDaemon, transports, type TestDaemon } from '@car-runtime/testkit';

const fast = { baseDelayMs: 1, maxDelayMs: 20 };

/** Cuts every session of the daemon, as a network would. */
async function cutAll(daemon: TestDaemon, client: Client): Promise<void> {
  const changes = client.connectionChanges();
  for (const { peer } of daemon.state.sessions.values()) peer.channel.terminate('cut by the test');
  await changes.next();
  await changes.return();
}

for (const transport of transports) {
  // req: client.daemon
  test(`${transport}: calls, nested calls and errors`, async () => {
    await using daemon = await openDaemon(transport);
    const client = await daemon.connect();
    assert.equal(await client.state.set({ key: 'a', value: { b: 1 } }), 'ok');
    assert.deepEqual(await client.call('state.get', { key: 'a' }), { b: 1 });
    const { session_id: sessionId } = await client.session.policy.open();
    assert.deepEqual(await client.session.policy.close({ session_id: sessionId }), { closed: true });
    assert.equal((await client.server.status()).connection.transport, transport);
    await assert.rejects(
      client.request('state.get', { key: 1 }),
      (error) => error instanceof CarError && error.code === -32602 && error.reason === 'invalid_params',
    );
    await assert.rejects(client.request('no.such'), { code: -32601, message: 'unknown method: no.such' });
  });

  // req: client.daemon
  test(`${transport}: a plan runs tools of the client, and a tool past its time is told so`, async () => {
    await using daemon = await openDaemon(transport);
    const client = await daemon.connect();
    const aborted = Promise.withResolvers<unknown>();
    await client.registerTool(
      'upper',
      { type: 'object', required: ['text'] },
      ({ text }, { actionId }) => `${String(text).toUpperCase()} in ${actionId}`,
    );
    await client.registerTool({ name: 'fail' }, () => Promise.reject(new Error('out of order')));
    await client.registerTool({ name: 'slow' }, (_parameters, { signal, timeoutMs }) => {
      signal.addEventListener('abort', () => aborted.resolve([timeoutMs, String(signal.reason)]));
      return new Promise(() => {});
    });
    const { results } = await client.proposal.submit({
      proposal: {
        actions: [
          { id: 'a', type: 'tool_call', tool: 'upper', parameters: { text: 'hi' } },
          { id: 'b', type: 'tool_call', tool: 'upper', parameters: { text: '$a.output' }, dependencies: ['a'] },
          { id: 'c', type: 'tool_call', tool: 'fail', failure_behavior: 'skip' },
          { id: 'd', type: 'tool_call', tool: 'slow', timeout_ms: 20, failure_behavior: 'skip' },
        ],
      },
    });
    assert.deepEqual(
      results.map(({ status, output }) => [status, output ?? null]),
      [
        ['succeeded', 'HI in a'],
        ['succeeded', 'HI IN A in b'],
        ['failed', null],
        ['failed', null],
      ],
    );
    assert.match(results[2]?.error ?? '', /out of order/);
    const [timeoutMs, reason] = (await aborted.promise) as [number, string];
    assert.equal(timeoutMs, 20);
    assert.match(reason, /^ToolCancelledError: Execution of tool "slow" was cancelled: /);
  });

  // req: client.daemon
  test(`${transport}: after a cut the tools are there again, and the lost call says that it may have run`, async () => {
    await using daemon = await openDaemon(transport);
    const client = await daemon.connect({ reconnect: fast });
    const started = Promise.withResolvers<void>();
    await client.registerTool({ name: 'wait' }, () => {
      started.resolve();
      return new Promise(() => {});
    });
    await client.registerTool({ name: 'answer' }, () => 42);
    const submit = (tool: string) => client.proposal.submit({ proposal: { actions: [{ type: 'tool_call', tool }] } });
    const lost = assert.rejects(submit('wait'), ConnectionLostError);
    await started.promise;
    await cutAll(daemon, client);
    await lost;
    const { results } = await submit('answer');
    assert.equal(results[0]?.output, 42);
    assert.equal(client.connection.connections, 2);
  });

  // req: client.daemon
  test(`${transport}: agents and hosts have their roles, and an agent gets its id back after a cut`, async () => {
    await using daemon = await openDaemon(transport);
    const host = await daemon.connect({ as: 'host' });
    assert.equal((await host.server.status()).connection.role, 'host');
    const agent = await daemon.connect({ as: { agent: 'a1' }, reconnect: fast });
    assert.equal(agent.connection.auth?.agent_id, 'a1');
    await cutAll(daemon, agent);
    assert.equal((await agent.server.status()).connection.agent_id, 'a1');
    daemon.log.takeErrors();
  });
}

// req: client.daemon
test('a wrong token is refused by the real daemon with the typed error', async () => {
  await using daemon = await openDaemon('memory');
  await assert.rejects(
    connect({ channel: () => daemon.channel(), token: 'wrong' }),
    (error) => error instanceof AuthenticationError && error.reason === 'auth_failed',
  );
  await assert.rejects(connect({ channel: () => daemon.channel() }), AuthenticationError);
});
