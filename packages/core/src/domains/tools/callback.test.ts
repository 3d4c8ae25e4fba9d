// What one tool callback asks of its connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToolCall } from '@car-runtime/engine';
import { createMemoryPair, Peer } from '@car-runtime/rpc';
import { Wire } from '@car-runtime/testkit';
import type { Connection } from '../../kernel/connection.ts';
import { callTool } from './callback.ts';

const toolCall: ToolCall = { action_id: 'a', tool: 'work', parameters: {}, attempt: 1 };
const whenUnknown = (): never => {
  throw new Error('not this test');
};

/** A connection over memory, and the other end of it. */
function connect(): { connection: Connection; wire: Wire; peer: Peer } {
  const [near, far] = createMemoryPair();
  const peer = new Peer(near, { onRequest: () => undefined }, { idPrefix: 'cb-' });
  peer.start();
  // Of a connection only its peer is used.
  return { connection: { peer } as Connection, wire: new Wire(far), peer };
}

// req: callback.grace
test('with a budget the wait is the budget and 5 s, so that the deadline of the attempt comes first; else the default', async () => {
  const { connection, peer } = connect();
  const waits: number[] = [];
  peer.call = (request, _id, _method, _params, timeoutMs) => {
    waits.push(timeoutMs);
    request.answered(null);
  };
  await callTool(
    connection,
    { ...toolCall, timeout_ms: 1_200 },
    { defaultTimeoutMs: 300_000, signal: undefined, whenUnknown },
  );
  await callTool(
    connection,
    { ...toolCall, timeout_ms: 0 },
    { defaultTimeoutMs: 300_000, signal: undefined, whenUnknown },
  );
  await callTool(connection, toolCall, { defaultTimeoutMs: 300_000, signal: undefined, whenUnknown });
  assert.deepEqual(waits, [6_200, 5_000, 300_000]);
});

// req: callback.write-failure
test('parameters that cannot be sent fail the call as such, and nothing is sent', async () => {
  const { connection, wire, peer } = connect();
  const calling = callTool(
    connection,
    { ...toolCall, parameters: { n: 1n } },
    { defaultTimeoutMs: 1_000, signal: undefined, whenUnknown },
  );
  await assert.rejects(calling, /^Error: failed to send tool callback: .*BigInt/);
  assert.equal(peer.pendingRequests, 0);
  assert.equal(peer.notify('marker', {}), true);
  assert.equal((await wire.next()).method, 'marker');
});

// req: callback.channel-closed
test('on a connection that is closed already the call fails as such', async () => {
  const { connection, peer } = connect();
  peer.close();
  const calling = callTool(connection, toolCall, { defaultTimeoutMs: 1_000, signal: undefined, whenUnknown });
  await assert.rejects(calling, { message: "tool 'work' callback channel closed" });
});

// req: callback.cancel-once
test('a call that was given up before it was sent is neither sent nor cancelled', async () => {
  const { connection, wire, peer } = connect();
  const reason = new Error('given up');
  const calling = callTool(connection, toolCall, {
    defaultTimeoutMs: 1_000,
    signal: AbortSignal.abort(reason),
    whenUnknown,
  });
  await assert.rejects(calling, reason);
  peer.notify('marker', {});
  assert.equal((await wire.next()).method, 'marker');
});
