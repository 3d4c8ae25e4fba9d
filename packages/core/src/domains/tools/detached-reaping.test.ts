// Running tools that nobody looks after, on a clock that the test moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeTime, serve } from '@car-runtime/testkit';

const minuteMs = 60_000;

// req: tools.reaped
test('a tool that ended waits 15 minutes to be polled, and its handle is then unknown', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('tools.register', [{ name: 'build', streaming: true }]);
  const handles = [];
  for (const [n, timeout_ms] of [undefined, 50].entries()) {
    const action = { id: 'a', type: 'tool_call', tool: 'build', invocation_mode: 'long_running', timeout_ms };
    wire.sendJson({ jsonrpc: '2.0', id: n, method: 'proposal.submit', params: { proposal: { actions: [action] } } });
    const { id } = await wire.nextRequest();
    const { result } = await wire.next();
    const [started] = (result as { results: { output: { tool_handle: string } }[] }).results;
    // Its budget bounds the start alone.
    await time.advance(minuteMs);
    wire.sendJson({ jsonrpc: '2.0', id, result: n });
    await wire.expectQuiet();
    handles.push(started?.output.tool_handle);
  }
  const [reaped, polled] = handles;
  await time.advance(13 * minuteMs);
  const { status } = (await wire.result('tools.poll', { handle: polled })) as { status: string };
  assert.equal(status, 'succeeded');
  await time.advance(2 * minuteMs);
  assert.equal(await wire.result('tools.poll', { handle: reaped }), null);
});
