import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, ConnectionLostError } from '@car-runtime/client';
import { needsHeartbeat } from '../src/heartbeat.ts';
import { connect as connectInBrowser } from '../src/browser.ts';
import { hold, ScriptedDaemon } from './scripted-daemon.ts';

// req: client.heartbeat
test('a connection that died without a word is cut, and made again', async () => {
  const daemon = new ScriptedDaemon();
  await using listening = await daemon.listen();
  const options = { url: listening.url, heartbeatMs: 20, reconnect: { baseDelayMs: 1, maxDelayMs: 5 } };
  for (const open of [connectInBrowser, (given: typeof options) => connect({ ...given, role: 'none' })]) {
    const before = daemon.connections.length;
    await using client = await open(options);
    const greet = daemon.handlers['server.handshake'];
    daemon.handlers['server.handshake'] = (params, connection, call) =>
      connection.number === before + 1 ? hold : greet?.(params, connection, call);
    const lost = assert.rejects(client.request('test.hold'), ConnectionLostError);
    const { value } = await client.connectionChanges().next();
    assert.match(String(value?.error), /no answer for 20 ms|1006/);
    await lost;
    assert.deepEqual(await client.request('test.echo', []), []);
  }
});

// req: client.heartbeat
test('any answer will do, also that of a daemon without the handshake', async () => {
  const daemon = new ScriptedDaemon();
  delete daemon.handlers['server.handshake'];
  // Also how long an answer may take, so not too short for a busy machine.
  await using client = await connect({ channel: daemon.open, heartbeatMs: 200, reconnect: false });
  while (daemon.calls.length < 6 && client.connection.state === 'connected')
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(client.connection.state, 'connected');
});

// req: client.heartbeat
test('by default only connections across a network are asked', () => {
  const own = ['/run/car.sock', 'a memory channel', 'ws://127.0.0.1:9100/', 'ws://localhost/', 'wss://[::1]/'];
  assert.deepEqual(own.filter(needsHeartbeat), []);
  const others = ['wss://car.example/', 'ws://10.0.0.1:9100/'];
  assert.deepEqual(others.filter(needsHeartbeat), others);
});
