import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';

// req: state.bounds
test('a connection keeps 100 000 keys of all tenants together; one more is refused by name, by call and by plan', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const expected_effects = Object.fromEntries(Array.from({ length: 99_999 }, (_, n) => [`k${n}`, n]));
  const submit = async (action: object): Promise<unknown> => {
    const { results } = (await wire.result('proposal.submit', { proposal: { actions: [action] } })) as {
      results: { status: string; error: string | null; state_changes: object }[];
    };
    const [{ status, error, state_changes } = { status: '', error: '', state_changes: {} }] = results;
    return [status, error, Object.keys(state_changes).length];
  };
  const read = { type: 'state_read', parameters: { key: 'k0' } };
  assert.deepEqual(await submit({ ...read, expected_effects }), ['succeeded', null, 99_999]);
  assert.equal(await wire.result('state.set', { key: 'last', tenant_id: 't' }), 'ok');

  const refusal = 'Cannot write state key "more": 100000 keys are there, at most 100000 are allowed';
  const { code, message, data } = await wire.error('state.set', { key: 'more', value: 1 });
  assert.deepEqual([code, message, data], [-32603, refusal, { reason: 'state_full' }]);
  const write = { type: 'state_write', parameters: { key: 'more', value: 1 }, expected_effects: { k0: 'changed' } };
  assert.deepEqual(await submit(write), ['failed', refusal, 0]);
  assert.equal(await wire.result('state.get', { key: 'k0' }), 0, 'none of the action was written');
  assert.equal(await wire.result('state.set', { key: 'k0', value: 'changed' }), 'ok', 'a key that is there can change');

  const other = await daemon.peer({ as: 'client' });
  assert.equal(await other.result('state.set', { key: 'more', value: 1 }), 'ok', 'others have their own');
});

// req: state.bounds, state.snapshot-bound
test('a connection keeps 64 Mi characters of state, and a snapshot of more than 16 Mi is refused with the way around', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const value = 'x'.repeat(15 * 1024 * 1024);
  await wire.result('state.set', { key: 'k0', value });
  assert.deepEqual(await wire.result('state.snapshot', {}), { k0: value });
  for (const key of ['k1', 'k2', 'k3']) await wire.result('state.set', { key, value });
  assert.deepEqual(await wire.error('state.set', { key: 'k4', value }), {
    code: -32603,
    message: 'Cannot write state key "k4": the state would have more than 67108864 characters as JSON',
    data: { reason: 'state_full' },
  });
  assert.deepEqual(await wire.error('state.snapshot', {}), {
    code: -32603,
    message:
      'Cannot answer a snapshot of the state: it has more than 16777216 characters; state.keys and state.get read it piece by piece',
    data: { reason: 'snapshot_too_large' },
  });
  assert.deepEqual(await wire.result('state.keys', {}), ['k0', 'k1', 'k2', 'k3']);
  await wire.result('state.set', { key: 'small', value: 1, tenant_id: 't' });
  assert.deepEqual(await wire.result('state.snapshot', { tenant_id: 't' }), { small: 1 });
});

// req: state.snapshot-slices
test('a large snapshot is what the state was when it was asked for, and lets other calls in between', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const expected_effects = Object.fromEntries(
    Array.from({ length: 50_000 }, (_, n) => [`k${n}`, { n, text: 'ü"\u2028'.repeat(10) }]),
  );
  const action = { type: 'state_read', parameters: { key: 'k0' }, expected_effects };
  await wire.result('proposal.submit', { proposal: { actions: [action] } });
  wire.sendJson({ jsonrpc: '2.0', id: 'large', method: 'state.snapshot', params: {} });
  wire.sendJson({ jsonrpc: '2.0', id: 'small', method: 'state.set', params: { key: 'k0', value: 'later' } });
  const [first, second] = [await wire.next(), await wire.next()];
  assert.deepEqual([first.id, second.id], ['small', 'large']);
  assert.deepEqual(second.result, expected_effects);
});
