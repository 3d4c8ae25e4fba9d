// What the compiler must accept and refuse. The calls are compiled, never made.
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { methods } from '@car-runtime/protocol';

// req: client.typed-calls
export async function compiles(client: Client): Promise<unknown[]> {
  const keys: string[] = await client.call('state.keys');
  const nested: string[] = await client.state.keys({ tenant_id: 'a' }, { timeoutMs: 1 });
  const { session_id: sessionId }: { session_id: string } = await client.session.policy.open();
  const count: number = await client.tools.register([{ name: 'a' }]);
  const { pid }: { pid: number } = await client.server.status();
  const requestIds: string[] = [];
  for await (const { request_id: requestId } of client.events('tools.cancel')) requestIds.push(requestId);

  // @ts-expect-error -- not an any: a list of strings is no number
  const wrong: number = await client.state.keys();
  // @ts-expect-error -- key is required
  await client.call('state.get', {});
  // @ts-expect-error -- params are required where a field is
  await client.state.get();
  // @ts-expect-error -- the params are a bare array
  await client.tools.register({ name: 'a' });
  // @ts-expect-error -- the params are required
  await client.tools.register();
  // @ts-expect-error -- no such method
  await client.call('state.nothing');
  // @ts-expect-error -- no such method
  await client.state.nothing();
  // @ts-expect-error -- the key is a string
  await client.call('state.get', { key: 1 });

  const schema = methods['server.schema'].params;
  await client.registerTool('describe', schema, ({ method }) => method?.toUpperCase());
  // @ts-expect-error -- method may be missing
  await client.registerTool('describe', schema, ({ method }) => method.toUpperCase());
  await client.registerTool('echo', { type: 'object' }, (parameters, { signal }) =>
    signal.aborted ? null : parameters['text'],
  );
  await client.registerTool({ name: 'noop', idempotent: true }, () => null);
  client.onCallback('tools.execute', ({ tool }) => tool.toUpperCase());
  client.onCallback('sampling.create', (params) => params);
  return [keys, nested, sessionId, count, pid, wrong, requestIds];
}

test('the typed calls compile', () => {});
