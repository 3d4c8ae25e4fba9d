import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve, type TestDaemon, type Wire } from '@car-runtime/testkit';
import { maxBufferedChunks } from './tool-handle.ts';

/** A wire whose client declared a streaming tool, and the daemon's request to run it in a plan that went on. */
async function startBuild(daemon: TestDaemon) {
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('tools.register', [{ name: 'build', streaming: true }, { name: 'plain' }]);
  wire.sendJson({ jsonrpc: '2.0', id: 'plan', method: 'proposal.submit', params: { proposal: plan('build') } });
  const request = await wire.nextRequest();
  const reply = (await wire.next()) as {
    result: { results: { status: string; output: { tool_handle: string; status: string } }[] };
  };
  const [started, after] = reply.result.results;
  assert.deepEqual([started?.status, started?.output.status, after?.status], ['succeeded', 'running', 'succeeded']);
  const handle = started?.output.tool_handle ?? '';
  return { wire, request, requestId: request.id, handle };
}

function plan(tool: string, mode = 'streaming') {
  return {
    actions: [
      { id: 'a', type: 'tool_call', tool, invocation_mode: mode, parameters: { target: 'all' } },
      { id: 'b', type: 'state_write', parameters: { key: 'k', value: 1 } },
    ],
  };
}

function sendChunk(wire: Wire, request_id: string, seq: number, chunk: object): void {
  wire.sendJson({ jsonrpc: '2.0', method: 'tools.chunk', params: { request_id, seq, chunk } });
}

// req: tools.detached-start, tools.poll
test('a streaming tool is started, its plan goes on, and polling drains its chunks until its end was seen once', async () => {
  await using daemon = serve();
  const { wire, request, requestId, handle } = await startBuild(daemon);
  assert.deepEqual(request.params, {
    action_id: 'a',
    tool: 'build',
    parameters: { target: 'all' },
    attempt: 1,
    request_id: requestId,
    stream: true,
  });
  sendChunk(wire, requestId, 0, { kind: 'text', text: 'compiling' });
  sendChunk(wire, requestId, 1, { kind: 'progress', fraction: 0.5 });
  const about = { handle, tool: 'build', action_id: 'a' };
  assert.deepEqual(await wire.result('tools.poll', { handle }), {
    ...about,
    status: 'running',
    chunks: [
      { kind: 'text', text: 'compiling' },
      { kind: 'progress', fraction: 0.5 },
    ],
  });
  assert.deepEqual(await wire.result('tools.poll', { handle }), { ...about, status: 'running', chunks: [] });
  wire.sendJson({ jsonrpc: '2.0', id: requestId, result: { files: 3 } });
  await wire.expectQuiet();
  assert.deepEqual(await wire.result('tools.poll', { handle }), {
    ...about,
    status: 'succeeded',
    chunks: [{ kind: 'done', result: { files: 3 } }],
    result: { files: 3 },
  });
  assert.equal(await wire.result('tools.poll', { handle }), null);
  assert.equal(await wire.result('tools.poll', { handle: 'never-was' }), null);
});

// req: tools.detached-refused
test('a tool that was not declared streaming cannot be started detached, in the original text', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('tools.register', [{ name: 'plain' }]);
  for (const mode of ['streaming', 'long_running']) {
    const { results } = (await wire.result('proposal.submit', { proposal: plan('plain', mode) })) as {
      results: { status: string; error: string }[];
    };
    assert.equal(results[0]?.status, 'failed');
    assert.match(results[0]?.error ?? '', /does not support streaming\/long-running invocation/);
  }
});

// req: tools.cancel-handle
test('tools.cancel seals a running handle, tells the client once, and drops what comes later', async () => {
  await using daemon = serve();
  const { wire, requestId, handle } = await startBuild(daemon);
  wire.sendJson({ jsonrpc: '2.0', id: 'stop', method: 'tools.cancel', params: { handle } });
  assert.deepEqual(await wire.next(), {
    jsonrpc: '2.0',
    method: 'tools.cancel',
    params: { request_id: requestId, action_id: 'a', reason: 'cancelled by the client' },
  });
  assert.deepEqual(await wire.next(), { jsonrpc: '2.0', id: 'stop', result: { cancelled: true } });
  sendChunk(wire, requestId, 0, { kind: 'text', text: 'too late' });
  wire.sendJson({ jsonrpc: '2.0', id: requestId, result: 'too late' });
  assert.deepEqual(await wire.result('tools.cancel', { handle }), { cancelled: false });
  assert.deepEqual(await wire.result('tools.poll', { handle }), {
    handle,
    tool: 'build',
    action_id: 'a',
    status: 'cancelled',
    chunks: [],
  });
  assert.deepEqual(await wire.result('tools.cancel', { handle: 'never-was' }), { cancelled: false });
});

// req: tools.chunk-order
test('a chunk out of order, or of the wrong shape, ends its invocation with tools.cancel', async () => {
  await using daemon = serve();
  for (const [bad, error] of [
    [{ seq: 1, chunk: { kind: 'text', text: 'x' } }, "tool 'build' sent chunk 1 where 0 was due"],
    [{ seq: 0, chunk: { kind: 'done', result: 1 } }, "tool 'build' sent a chunk of the wrong shape"],
  ] as const) {
    const { wire, requestId, handle } = await startBuild(daemon);
    wire.sendJson({ jsonrpc: '2.0', method: 'tools.chunk', params: { request_id: requestId, ...bad } });
    assert.deepEqual((await wire.next()).params, { request_id: requestId, action_id: 'a', reason: error });
    const report = (await wire.result('tools.poll', { handle })) as { status: string; error: string };
    assert.deepEqual([report.status, report.error], ['failed', error]);
  }
});

// req: tools.chunk-cap
test(`at most ${maxBufferedChunks} chunks wait for a poll; the oldest make room and are counted`, async () => {
  await using daemon = serve();
  const { wire, requestId, handle } = await startBuild(daemon);
  for (let seq = 0; seq < maxBufferedChunks + 5; seq++) sendChunk(wire, requestId, seq, { kind: 'data', data: seq });
  const report = (await wire.result('tools.poll', { handle })) as {
    chunks: { data: number }[];
    dropped_chunks: number;
  };
  assert.deepEqual([report.chunks.length, report.chunks[0]?.data, report.dropped_chunks], [maxBufferedChunks, 5, 5]);
});

// req: tools.stream-event
test('a subscriber receives every chunk as it comes, the end included', async () => {
  await using daemon = serve();
  const { wire, requestId, handle } = await startBuild(daemon);
  assert.deepEqual(await wire.result('tools.stream.subscribe', {}), { subscribed: true });
  assert.deepEqual(await wire.result('tools.stream.subscribe', {}), { subscribed: true });
  sendChunk(wire, requestId, 0, { kind: 'text', text: 'x' });
  wire.sendJson({ jsonrpc: '2.0', id: requestId, error: { code: -32000, message: 'disk full' } });
  const [first, second] = [await wire.next(), await wire.next()];
  assert.deepEqual(
    [first.method, first.params],
    ['tools.stream.event', { handle, chunk: { kind: 'text', text: 'x' } }],
  );
  assert.deepEqual(second.params, { handle, chunk: { kind: 'error', message: 'disk full' } });
});

test('running tools of a connection that closes are forgotten with it', async () => {
  await using daemon = serve();
  const { wire } = await startBuild(daemon);
  await wire[Symbol.asyncDispose]();
  const other = await daemon.peer({ as: 'client' });
  await other.expectQuiet();
});
