import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve, type Wire } from '@car-runtime/testkit';
import { CallbackSlots, maxCallbacks } from './callback-slots.ts';

function submit(wire: Wire, id: string, count: number, rest: object = {}): void {
  const actions = Array.from({ length: count }, (_, index) => ({
    id: `${id}/${index}`,
    type: 'tool_call',
    tool: 'work',
    failure_behavior: 'skip',
    ...rest,
  }));
  wire.sendJson({ jsonrpc: '2.0', id, method: 'proposal.submit', params: { proposal: { id, actions } } });
}

// req: proposal.callbacks-bounded
test('of plans side by side as many callbacks are under way as a client takes; the others follow in their order', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('tools.register', [{ name: 'work' }]);
  for (let plan = 0; plan < 16; plan++) submit(wire, `p${plan}`, 100);
  const asked: string[] = [];
  for (let n = 0; n < maxCallbacks; n++) asked.push((await wire.nextRequest()).id);
  await wire.expectQuiet();
  const answers: unknown[] = [];
  for (let n = 0; n < 1_600; n++) {
    const id = asked.shift();
    wire.sendJson({ jsonrpc: '2.0', id, result: n });
    while (asked.length < Math.min(maxCallbacks, 1_600 - n - 1)) {
      const message = await wire.next();
      if (message.method === 'tools.execute') asked.push(String(message.id));
      else answers.push(message);
    }
  }
  while (answers.length < 16) answers.push(await wire.next());
  const outputs = (answers as { result: { results: { status: string; output: number }[] } }[]).flatMap(
    ({ result }) => result.results,
  );
  assert.ok(outputs.every(({ status }) => status === 'succeeded'));
  assert.equal(new Set(outputs.map(({ output }) => output)).size, 1_600);
});

// req: proposal.callbacks-bounded
test('a call whose time ends while it waits for its turn was never sent, and is not cancelled', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('tools.register', [{ name: 'work' }]);
  for (let plan = 0; plan < 6; plan++) submit(wire, `p${plan}`, 100);
  for (let n = 0; n < maxCallbacks; n++) await wire.nextRequest();
  submit(wire, 'late', 1, { timeout_ms: 20 });
  const { id, result } = await wire.next();
  const { results } = result as { results: { error: string }[] };
  assert.deepEqual([id, results[0]?.error], ['late', 'action timed out after 20ms']);
  await wire.expectQuiet();
});

test('a slot goes to whoever waits longest and still waits', async () => {
  const slots = new CallbackSlots();
  for (let n = 0; n < maxCallbacks; n++) assert.equal(slots.acquire(undefined), undefined);
  const gone = new AbortController();
  const order: string[] = [];
  const first = assert.rejects(slots.acquire(gone.signal) ?? Promise.resolve(), /gone/);
  const second = slots.acquire(undefined)?.then(() => order.push('second'));
  const third = slots.acquire(new AbortController().signal)?.then(() => order.push('third'));
  gone.abort(new Error('gone'));
  await first;
  slots.release();
  await second;
  slots.release();
  await third;
  assert.deepEqual(order, ['second', 'third']);
  slots.release();
  assert.equal(slots.acquire(undefined), undefined);
});
