// The core inside a program of your own: over the in-memory channel, and over a WebSocket server you already run.
// Checks itself and exits non-zero when something is not as it should be.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@car-runtime/client';
import { MemoryEngine, mintToken, ServerState } from '@car-runtime/core';
import { createMemoryPair } from '@car-runtime/rpc';
import { WebSocketAcceptor } from '@car-runtime/rpc/node';

/** The program's own memory. Every session works on this one: `embedded` cannot be made without it. */
const memory = new MemoryEngine();

const home = await mkdtemp(join(tmpdir(), 'car-embedded-'));
const state = ServerState.embedded(join(home, 'journals'), memory);

try {
  // 1. In memory: no socket, no token, the same protocol.
  const [ours, theirs] = createMemoryPair();
  const session = state.createSession(ours);
  await using car = await connect({ channel: () => theirs });
  await using _tool = await car.registerTool(
    'double',
    { type: 'object', properties: { n: { type: 'number' } } },
    ({ n }) => Number(n) * 2,
  );
  const { results } = await car.proposal.submit({
    proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'double', parameters: { n: 21 } }] },
  });
  assert.equal(results[0]?.output, 42);
  assert.equal(await state.memoryOf(session), memory);
  memory.ingest({ key: 'release day', value: 'Tuesday' });
  const [known] = await car.memory.query({ query: 'when is release day' });
  assert.equal(known?.body, 'Tuesday', 'what the program put into its memory, its sessions find');
  const journal = await readFile(state.journalPathOf(session), 'utf8');
  assert.match(journal, /"kind":"action_succeeded"/);
  console.log('in memory: 21 doubled is', results[0]?.output);

  // 2. On a WebSocket server of the program's own, with a token. Embedders check Host and Origin themselves.
  const token = mintToken();
  assert.deepEqual(state.installAuthToken(token), { installed: true });
  assert.deepEqual(state.installAuthToken('another'), { installed: false, rejected: 'another' });
  const acceptor = new WebSocketAcceptor();
  const http = createServer((_request, response) => response.end('the host program\n'));
  http.on('upgrade', (request, socket, head) => {
    if (request.headers.origin !== undefined) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    acceptor.accept(request, socket, head, { transport: 'tcp' }, (channel) => void state.createSession(channel));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  {
    await using remote = await connect({ url: `ws://127.0.0.1:${port}`, token, allowUnproven: true });
    await remote.state.set({ key: 'greeting', value: 'hello' });
    assert.equal(await remote.state.get({ key: 'greeting' }), 'hello');
    assert.equal(await car.state.get({ key: 'greeting' }), null, 'every session has a state of its own');
    console.log('over a WebSocket:', await remote.state.get({ key: 'greeting' }), `(${state.sessions.size} sessions)`);
  }
  http.close();
} finally {
  await state[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
}
console.log('embedded: all checks passed');
