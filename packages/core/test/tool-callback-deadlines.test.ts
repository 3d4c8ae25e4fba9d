// How long a tool may take, and who tells it to stop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeTime, serve } from '@car-runtime/testkit';
import { call, results, resultsOf, submit, toolClient } from './tool-client.ts';

// req: callback.own-wait
test('a client that never answers is waited for 300 s, then told to stop, once', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve();
  const wire = await toolClient(daemon, 'slow');
  submit(wire, [call('a', 'slow')]);
  await wire.nextRequest();
  await time.advance(299_900);
  assert.equal(wire.unread, 0);
  await time.advance(200);
  const reason = "tool 'slow' callback timed out (300s)";
  assert.deepEqual(await wire.next(), {
    jsonrpc: '2.0',
    method: 'tools.cancel',
    params: { request_id: 'cb-1', action_id: 'a', reason },
  });
  const [result] = await results(wire);
  assert.deepEqual([result?.status, result?.error], ['failed', reason]);
  wire.sendJson({ jsonrpc: '2.0', id: 'cb-1', result: 'late' });
  await wire.expectQuiet();
});

// req: callback.own-wait
test('the configured wait takes the place of 300 s, its text in whole seconds', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve({ toolTimeoutMs: 2_750 });
  const wire = await toolClient(daemon, 'slow');
  submit(wire, [call('a', 'slow')]);
  await wire.nextRequest();
  await time.advance(2_850);
  assert.equal((await wire.next()).method, 'tools.cancel');
  assert.equal((await results(wire))[0]?.error, "tool 'slow' callback timed out (2s)");
});

// req: callback.attempt-deadline
test("past the action's own budget the attempt fails and the client is told to stop, once; the wait behind it is silent", async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve();
  const wire = await toolClient(daemon, 'slow');
  submit(wire, [call('a', 'slow', { timeout_ms: 400 })]);
  const { params } = await wire.nextRequest();
  assert.equal(params['timeout_ms'], 400);
  await time.advance(399);
  assert.equal(wire.unread, 0);
  await time.advance(1);
  const frames = [await wire.next(), await wire.next()];
  const cancel = frames.find(({ method }) => method === 'tools.cancel');
  assert.deepEqual(cancel?.params, { request_id: 'cb-1', action_id: 'a', reason: 'action timed out' });
  const [result] = resultsOf(frames.find(({ id }) => id === 'submit'));
  assert.deepEqual([result?.status, result?.error], ['failed', 'action timed out after 400ms']);
  await time.advance(6_000);
  wire.sendJson({ jsonrpc: '2.0', id: 'cb-1', result: 'late' });
  await wire.expectQuiet();
});

// req: callback.handler-deadline
test('when the daemon gives up on the whole proposal, the tool in flight is told to stop, once, and -32004 answers', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve({ handlerTimeoutMs: 1_000, toolTimeoutMs: 1_000_000 });
  const wire = await toolClient(daemon, 'slow');
  submit(wire, [call('a', 'slow')]);
  await wire.nextRequest();
  // Room for the 300 s an action without a budget is assumed to take, and 15 s more.
  await time.advance(314_900);
  assert.equal(wire.unread, 0);
  await time.advance(200);
  const frames = [await wire.next(), await wire.next()];
  const cancel = frames.find(({ method }) => method === 'tools.cancel');
  assert.equal(cancel?.params?.['request_id'], 'cb-1');
  const { error } = frames.find(({ id }) => id === 'submit') ?? {};
  assert.equal(error?.code, -32004);
  assert.match(error.message, /^handler 'proposal\.submit' exceeded its 315s response deadline; /);
  wire.sendJson({ jsonrpc: '2.0', id: 'cb-1', result: 'late' });
  await time.advance(2_000_000);
  await wire.expectQuiet();
});

// req: callback.cancel-once
test('a tool that answered, whatever it answered, is never told to stop', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  for (const answer of [{ result: 1 }, { error: { code: -32000, message: 'no' } }]) {
    submit(wire, [call('a', 'work', { timeout_ms: 1_000 })]);
    wire.sendJson({ jsonrpc: '2.0', id: (await wire.nextRequest()).id, ...answer });
    await results(wire);
    await time.advance(2_000_000);
    await wire.expectQuiet();
  }
});

// req: callback.cancel-once
test('of several tools in flight each one is told to stop for itself', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve({ toolTimeoutMs: 5_000 });
  const wire = await toolClient(daemon, 'slow');
  submit(
    wire,
    ['a', 'b', 'c'].map((id) => call(id, 'slow', { failure_behavior: 'skip' })),
  );
  const requests = [await wire.nextRequest(), await wire.nextRequest(), await wire.nextRequest()];
  wire.sendJson({ jsonrpc: '2.0', id: requests[1]?.id, result: 'in time' });
  await time.advance(5_100);
  const cancels = [await wire.next(), await wire.next()];
  assert.deepEqual(
    cancels.map(({ method, params }) => [method, params?.['action_id'], params?.['request_id']]),
    [
      ['tools.cancel', 'a', requests[0]?.id],
      ['tools.cancel', 'c', requests[2]?.id],
    ],
  );
  assert.deepEqual(
    (await results(wire)).map(({ status }) => status),
    ['failed', 'succeeded', 'failed'],
  );
});

// req: callback.attempts
test('attempts are counted from 1, each with a request id of its own', async (t) => {
  const time = new FakeTime(t);
  await using daemon = serve();
  const wire = await toolClient(daemon, 'flaky');
  submit(wire, [call('a', 'flaky', { failure_behavior: 'retry', max_retries: 2 })]);
  const seen: unknown[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { id, params } = await wire.nextRequest();
    seen.push([params['attempt'], params['request_id'], params['action_id']]);
    assert.equal(params['request_id'], id);
    wire.sendJson({
      jsonrpc: '2.0',
      id,
      ...(attempt < 3 ? { error: { code: -32000, message: 'flaky' } } : { result: 'at last' }),
    });
    await time.advance(100 * 2 ** (attempt - 1));
  }
  assert.deepEqual(seen, [
    [1, 'cb-1', 'a'],
    [2, 'cb-2', 'a'],
    [3, 'cb-3', 'a'],
  ]);
  assert.equal((await results(wire))[0]?.output, 'at last');
});
