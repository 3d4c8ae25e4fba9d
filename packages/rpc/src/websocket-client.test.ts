// The connecting side in Node, and the platform's own WebSocket.
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Inbox, TempFolder, Wire } from '@car-runtime/testkit/wire';
import { TestWebSocketServer } from '../test/web-socket-server.ts';
import { ChannelClosedError } from './errors.ts';
import { SharedFrame } from './frame.ts';
import { openWebChannel } from './web-channel.ts';
import { openWebSocket } from './websocket-client.ts';

const silent = { onText: () => undefined, onBinary: () => undefined, onClose: () => undefined };

// req: rpc.connect
test('connects over TCP, over a Unix socket, and by a ws+unix URL, and says which it is', async () => {
  await using tcp = await TestWebSocketServer.listen();
  await using unix = await TestWebSocketServer.listen({ transport: 'unix' });
  assert.ok(unix.target.socketPath);
  const targets = [
    [tcp, tcp.target, 'tcp'],
    [unix, unix.target, 'unix'],
    [unix, { url: `ws+unix:${unix.target.socketPath}:/` }, 'unix'],
  ] as const;
  for (const [server, target, transport] of targets) {
    await using wire = new Wire(await openWebSocket(target));
    const { channel } = await server.accepted();
    assert.deepEqual([wire.channel.transport, channel.transport], [transport, transport]);
    const texts = new Inbox<string>('text');
    channel.start({ ...silent, onText: (text) => texts.push(text) });
    wire.send('out €');
    assert.equal(await texts.next(), 'out €');
    channel.send('in €');
    assert.equal(await wire.nextText(), 'in €');
  }
});

// req: rpc.connect
test('what the server says with the upgrade is kept until the channel is started', async () => {
  await using server = await TestWebSocketServer.listen();
  const opening = openWebSocket(server.target);
  const { channel: far } = await server.accepted();
  far.start(silent);
  far.send('first');
  far.sendFrame(SharedFrame.binary(Uint8Array.of(5)));
  const near = await opening;
  // A whole handshake later, what was sent with the first one has arrived.
  (await openWebSocket(server.target)).terminate();
  await using wire = new Wire(near);
  assert.equal(await wire.nextText(), 'first');
  assert.deepEqual([...(await wire.nextBinary())], [5]);
});

// req: rpc.connect
test('a channel whose connection ended before it was started still reports the close', async () => {
  await using server = await TestWebSocketServer.listen();
  const near = await openWebSocket(server.target);
  const { channel, socket } = await server.accepted();
  const gone = new Promise<void>((resolve) => channel.start({ ...silent, onClose: () => resolve() }));
  socket.destroy();
  await gone;
  while (near.isOpen) await new Promise((resolve) => setImmediate(resolve));
  const wire = new Wire(near);
  assert.equal((await wire.closed).code, 1006);
});

// req: rpc.connect
test('a failure to connect names the address and the cause', async () => {
  using folder = new TempFolder();
  const path = folder.join('nobody');
  await assert.rejects(openWebSocket({ url: 'ws://localhost/', socketPath: path }), (error: Error) => {
    assert.ok(error instanceof ChannelClosedError);
    assert.match(error.message, new RegExp(`^Cannot connect to ${path}: .*ENOENT`));
    return true;
  });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(openWebSocket({ url: `ws://127.0.0.1:${port}` }), {
    message: new RegExp(`^Cannot connect to ws://127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`),
  });
});

// req: rpc.connect
test('a server that refuses the upgrade, or never answers it, fails the connection', async () => {
  const refusing = createHttpServer((_request, response) => response.writeHead(403).end());
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
  const { port } = refusing.address() as AddressInfo;
  await assert.rejects(openWebSocket({ url: `ws://127.0.0.1:${port}` }), /Unexpected server response: 403/);
  refusing.close();
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port: mutePort } = mute.address() as AddressInfo;
  const sockets = new Inbox<{ destroy(): void }>('socket');
  mute.on('connection', (socket) => sockets.push(socket));
  await assert.rejects(
    openWebSocket({ url: `ws://127.0.0.1:${mutePort}`, handshakeTimeoutMs: 30 }),
    /handshake has timed out/,
  );
  (await sockets.next()).destroy();
  mute.close();
});

// req: rpc.connect
test('an abort ends the connecting with its reason, before and during', async () => {
  const reason = new Error('never mind');
  await assert.rejects(openWebSocket({ url: 'ws://127.0.0.1:1', signal: AbortSignal.abort(reason) }), reason);
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const sockets = new Inbox<{ destroy(): void }>('socket');
  mute.on('connection', (socket) => sockets.push(socket));
  const controller = new AbortController();
  const opening = openWebSocket({
    url: `ws://127.0.0.1:${(mute.address() as AddressInfo).port}`,
    signal: controller.signal,
  });
  const socket = await sockets.next();
  controller.abort(reason);
  await assert.rejects(opening, reason);
  socket.destroy();
  mute.close();
});

// req: rpc.upgrade
test('the answer to the upgrade is shown with the key before anything is sent, and may be refused', async () => {
  await using server = await TestWebSocketServer.listen({ headers: ['x-proof: 42'] });
  let seen: unknown;
  await using wire = new Wire(
    await openWebSocket({
      ...server.target,
      verifyUpgrade: (response, key) => (seen = [response.headers['x-proof'], Buffer.from(key, 'base64').length]),
    }),
  );
  assert.deepEqual(seen, ['42', 16]);
  assert.ok(wire.channel.isOpen);
  await server.accepted();
  const refusal = new Error('not proven');
  const refused = openWebSocket({
    ...server.target,
    verifyUpgrade: () => {
      throw refusal;
    },
  });
  await assert.rejects(refused, refusal);
  const { channel } = await server.accepted();
  const texts: string[] = [];
  await new Promise<void>((resolve) =>
    channel.start({ ...silent, onText: (text) => texts.push(text), onClose: () => resolve() }),
  );
  assert.deepEqual(texts, []);
});

// req: rpc.connect
test("the platform's own WebSocket makes a channel with the same behaviour", async () => {
  await using server = await TestWebSocketServer.listen();
  await using wire = new Wire(await openWebChannel(server.target.url));
  const { channel } = await server.accepted();
  const inbox = new Inbox<unknown>('message');
  channel.start({ ...silent, onText: (text) => inbox.push(text), onBinary: (bytes) => inbox.push([...bytes]) });
  wire.send('text €');
  wire.sendBinary(Uint8Array.of(1, 2));
  wire.channel.sendFrame(SharedFrame.text('shared'));
  assert.deepEqual([await inbox.next(), await inbox.next(), await inbox.next()], ['text €', [1, 2], 'shared']);
  channel.send('back');
  channel.sendFrame(SharedFrame.binary(Uint8Array.of(9)));
  assert.equal(await wire.nextText(), 'back');
  assert.deepEqual([...(await wire.nextBinary())], [9]);
  channel.close(4001, 'over');
  assert.deepEqual(await wire.closed, { code: 4001, reason: 'over' });
  assert.deepEqual([wire.channel.transport, wire.channel.isOpen], ['web', false]);
  await assert.rejects(openWebChannel('ws://127.0.0.1:1'), { message: 'Cannot connect to ws://127.0.0.1:1' });
});
