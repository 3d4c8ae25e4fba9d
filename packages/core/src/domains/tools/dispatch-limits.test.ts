import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { serve } from '@car-runtime/testkit';

async function call(client: Client, tool: string, n: number, tenantId?: string): Promise<unknown> {
  const proposal = { actions: [{ type: 'tool_call' as const, tool, parameters: { n } }] };
  const { results } = await client.proposal.submit({ proposal, ...(tenantId && { scope: { tenantId } }) });
  assert.equal(results[0]?.status, 'succeeded', results[0]?.error ?? '');
  return results[0].output;
}

// req: tools.result-cache
test('a tool with cache_ttl_secs is called once for equal parameters, and anew for others, tenants and another tool', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  let calls = 0;
  const tool = await client.registerTool({ name: 'count', cache_ttl_secs: 60 }, {}, () => ++calls);
  const answers = [await call(client, 'count', 1), await call(client, 'count', 1), await call(client, 'count', 2)];
  answers.push(
    await call(client, 'count', 1, 'tenant'),
    await call(client, 'count', 1, 'tenant'),
    await call(client, 'count', 1),
  );
  assert.deepEqual(answers, [1, 1, 2, 3, 3, 1]);
  await tool[Symbol.asyncDispose]();
  await client.registerTool({ name: 'count', cache_ttl_secs: 60 }, {}, () => 'new');
  assert.equal(await call(client, 'count', 1), 'new');
});

// req: tools.rate-limit
test('a tool with a rate limit waits for a token instead of failing, and the wait ends with its attempt', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  let calls = 0;
  await client.registerTool({ name: 'scarce', rate_limit: { max_calls: 2, interval_secs: 3_600 } }, {}, () => ++calls);
  assert.deepEqual([await call(client, 'scarce', 1), await call(client, 'scarce', 1)], [1, 2]);
  const waiting = { actions: [{ type: 'tool_call' as const, tool: 'scarce', timeout_ms: 20 }] };
  const { results } = await client.proposal.submit({ proposal: waiting });
  assert.deepEqual([results[0]?.status, calls], ['failed', 2]);
  assert.match(results[0]?.error ?? '', /action timed out/);
});

// req: tools.detached-caches
test('a detached call is never answered from a cache nor kept in one, and takes its token like any other', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const rate_limit = { max_calls: 2, interval_secs: 3_600 };
  await wire.result('tools.register', [{ name: 'build', streaming: true, cache_ttl_secs: 60, rate_limit }]);
  const action = { id: 'a', type: 'tool_call', tool: 'build', idempotent: true, invocation_mode: 'streaming' };
  const submit = (rest: object): void =>
    wire.sendJson({
      jsonrpc: '2.0',
      id: 'plan',
      method: 'proposal.submit',
      params: { proposal: { actions: [{ ...action, ...rest }] } },
    });
  const handles = new Set();
  for (let n = 0; n < 2; n++) {
    submit({});
    await wire.nextRequest();
    const { result } = await wire.next();
    const [started] = (result as { results: { output: { tool_handle: string } }[] }).results;
    handles.add(started?.output.tool_handle);
  }
  assert.equal(handles.size, 2, 'started twice');
  submit({ timeout_ms: 20 });
  const { result } = await wire.next();
  const [waited] = (result as { results: { status: string; error: string }[] }).results;
  assert.deepEqual([waited?.status, /action timed out/.test(waited?.error ?? '')], ['failed', true]);
});
