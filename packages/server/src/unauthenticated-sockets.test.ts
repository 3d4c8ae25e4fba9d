import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { UnauthenticatedSockets, type CutReason, type UnauthenticatedLimits } from './unauthenticated-sockets.ts';

const limits = { maxSockets: 4, maxSocketsPerAddress: 4, maxBytes: 1_000, upgradeTimeoutMs: 60_000 };

/** A server that admits every socket, and clients to it. */
async function open(change: Partial<UnauthenticatedLimits> = {}) {
  const cuts: CutReason[] = [];
  const sockets = new UnauthenticatedSockets({ ...limits, ...change }, (reason) => cuts.push(reason));
  const server = createServer((socket) => server.emit('admitted', sockets.admit(socket), socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  return {
    sockets,
    cuts,
    async connect() {
      const client = connect(port, '127.0.0.1').on('error', () => undefined);
      clients.push(client);
      const [watched, socket] = await once(server, 'admitted');
      return { client, watched, socket: socket as Socket };
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

// req: transport.preauth-sockets
test('the socket that waits longest makes room once it had time to authenticate', async () => {
  await using place = await open({ maxSockets: 2 });
  const first = await place.connect();
  await place.connect();
  const third = await place.connect();
  assert.equal(third.watched, undefined, 'both others are too young to be cut');
  assert.deepEqual(place.cuts, ['too-many-sockets']);
  await new Promise((resolve) => setTimeout(resolve, 260));
  const closed = once(first.client, 'close');
  const fourth = await place.connect();
  assert.ok(fourth.watched);
  await closed;
  assert.equal(place.sockets.size, 2);
  assert.deepEqual(place.cuts, ['too-many-sockets', 'too-many-sockets']);
});

test('a socket that has authenticated or closed counts no more', async () => {
  await using place = await open({ maxSocketsPerAddress: 2 });
  const first = await place.connect();
  const second = await place.connect();
  first.watched.release();
  first.watched.release();
  assert.equal(place.sockets.size, 1);
  second.client.destroy();
  await once(second.socket, 'close');
  assert.equal(place.sockets.size, 0);
});

// req: transport.preauth-bytes
test('bytes count from the first one on, and no more after authentication', async () => {
  await using place = await open();
  const stranger = await place.connect();
  stranger.client.write('x'.repeat(1_001));
  await once(stranger.client, 'close');
  assert.deepEqual(place.cuts, ['too-many-bytes']);
  const friend = await place.connect();
  friend.watched.markUpgraded();
  friend.watched.release();
  friend.socket.resume();
  friend.client.end('x'.repeat(5_000));
  await once(friend.socket, 'end');
  assert.deepEqual(place.cuts, ['too-many-bytes']);
});

// req: transport.preauth-upgrade-time
test('a socket that does not upgrade in time is cut', async () => {
  await using place = await open({ upgradeTimeoutMs: 30 });
  const { client } = await place.connect();
  await once(client, 'close');
  assert.deepEqual(place.cuts, ['upgrade-timeout']);
});
