// A client that answers tool callbacks by hand.
import assert from 'node:assert/strict';
import type { TestDaemon, Wire } from '@car-runtime/testkit';

export interface Result {
  action_id: string;
  status: string;
  output: unknown;
  error: string | null;
}

/** A client that has registered some tools and speaks by hand. */
export async function toolClient(daemon: TestDaemon, ...tools: string[]): Promise<Wire> {
  const wire = await daemon.peer({ as: 'client' });
  await wire.result(
    'tools.register',
    tools.map((name) => ({ name })),
  );
  return wire;
}

export function submit(wire: Wire, actions: object[], rest: object = {}): void {
  wire.sendJson({
    jsonrpc: '2.0',
    id: 'submit',
    method: 'proposal.submit',
    params: { proposal: { id: 'p', actions }, ...rest },
  });
}

/** The results of the submitted proposal, whose answer must be the next frame. */
export async function results(wire: Wire): Promise<Result[]> {
  const { id, result } = await wire.next();
  assert.equal(id, 'submit');
  return (result as { results: Result[] }).results;
}

export const call = (id: string, tool: string, rest: object = {}): object => ({ id, type: 'tool_call', tool, ...rest });
