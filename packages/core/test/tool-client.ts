// A client that answers tool callbacks by hand.
import assert from 'node:assert/strict';
import type { TestDaemon, Wire, WireMessage } from '@car-runtime/testkit';

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

export function resultsOf(reply: WireMessage | undefined): Result[] {
  assert.equal(reply?.id, 'submit');
  return (reply.result as { results: Result[] }).results;
}

/** The results of the submitted proposal, whose answer must be the next frame. */
export async function results(wire: Wire): Promise<Result[]> {
  return resultsOf(await wire.next());
}

export const call = (id: string, tool: string, rest: object = {}): object => ({ id, type: 'tool_call', tool, ...rest });
