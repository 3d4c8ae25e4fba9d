import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';

// req: tools.schema-pattern
test('a pattern of a tool schema that would hang a backtracking engine is matched in linear time', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const schema = { type: 'object', properties: { text: { type: 'string', pattern: '^(a+)+$' } } };
  await client.registerTool('t', schema, () => 'ran');
  const submit = async (text: string) =>
    (await client.proposal.submit({ proposal: { actions: [{ type: 'tool_call', tool: 't', parameters: { text } }] } }))
      .results[0]?.status;
  assert.equal(await submit(`${'a'.repeat(20_000)}b`), 'rejected');
  assert.equal(await submit('aaa'), 'succeeded');
});

// req: tools.schema-invalid
test('a tool whose schema is no schema is refused by name, and none of its list is registered', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const error = await wire.error('tools.register', [
    { name: 'good' },
    { name: 'bad', parameters: { type: 'no-such-type' } },
  ]);
  assert.equal(error.code, -32603);
  assert.match(error.message, /^Cannot register tool "bad": /);
  const { tools } = (await wire.result('tools.list', {})) as { tools: { name: string }[] };
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['messaging.send'],
  );
});
