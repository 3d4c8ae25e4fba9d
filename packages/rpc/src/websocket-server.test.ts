// The accepting side over real sockets: one write a turn, limits, slow readers, and every way to close.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { clientFrame, Inbox, RawSocket, Wire } from '@car-runtime/testkit/wire';
import { WebSocket } from 'ws';
import { TestWebSocketServer, type WebSocketServerOptions } from '../test/web-socket-server.ts';
import type { Channel, CloseInfo } from './channel.ts';
import { SharedFrame } from './frame.ts';
import { Peer, type PeerOptions } from './peer.ts';
import { atEndOfTurn } from './turn.ts';
import { openWebSocket } from './websocket-client.ts';

/** Starts a channel and keeps what it delivers. */
function record(channel: Channel): { texts: Inbox<string>; binaries: Inbox<Uint8Array>; closed: Promise<CloseInfo> } {
  const texts = new Inbox<string>('text');
  const binaries = new Inbox<Uint8Array>('binary');
  const closed = Promise.withResolvers<CloseInfo>();
  channel.start({
    onText: (text) => texts.push(text),
    onBinary: (bytes) => binaries.push(bytes),
    onClose: closed.resolve,
  });
  return { texts, binaries, closed: closed.promise };
}

/** A peer that answers `echo` at once, on every connection. */
async function serveEcho(
  server: TestWebSocketServer,
  options: PeerOptions = {},
): Promise<{ peer: Peer; writes: number[]; closed: Promise<CloseInfo> }> {
  const { channel, writes } = await server.accepted();
  const closed = Promise.withResolvers<CloseInfo>();
  const peer = new Peer(channel, { onRequest: (call) => call.resolve(call.params), onClose: closed.resolve }, options);
  peer.start();
  return { peer, writes, closed: closed.promise };
}

const request = (id: number, params: unknown = []): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'echo', params });

for (const transport of ['tcp', 'unix'] as const) {
  suite(transport, () => {
    const listen = (options: WebSocketServerOptions = {}): Promise<TestWebSocketServer> =>
      TestWebSocketServer.listen({ ...options, transport });

    // req: rpc.one-write
    test('all answers of one turn leave in one write', async () => {
      await using server = await listen();
      await using raw = await RawSocket.upgraded(server.address);
      const { writes } = await serveEcho(server);
      const before = writes.length;
      raw.write(Buffer.concat(Array.from({ length: 50 }, (_, id) => clientFrame(request(id)))));
      for (let id = 0; id < 50; id++) assert.equal((JSON.parse(await raw.nextText()) as { id: number }).id, id);
      assert.equal(writes.length - before, 1);
    });

    // req: rpc.one-write
    test('texts, notifications and shared frames keep their order in one write', async () => {
      await using server = await listen();
      await using raw = await RawSocket.upgraded(server.address);
      const { channel, writes } = await server.accepted();
      record(channel);
      const before = writes.length;
      const shared = SharedFrame.text('shared €');
      channel.send('ascii');
      channel.sendFrame(shared);
      channel.send('ünïcode 😀');
      channel.sendFrame(SharedFrame.binary(Uint8Array.of(1, 2, 3)));
      channel.send('');
      channel.sendFrame(shared);
      assert.ok(channel.queuedBytes > 40);
      const frames = [];
      for (let index = 0; index < 6; index++) frames.push(await raw.nextFrame());
      assert.deepEqual(
        frames.map(({ opcode, payload }) => (opcode === 1 ? payload.toString() : [...payload])),
        ['ascii', 'shared €', 'ünïcode 😀', [1, 2, 3], '', 'shared €'],
      );
      assert.equal(writes.length - before, 1);
      assert.equal(channel.queuedBytes, 0);
    });

    // req: rpc.storage-first
    test('what one turn appends is stored before its answers leave, also when they are too much to wait for its end', async () => {
      await using server = await listen();
      await using raw = await RawSocket.upgraded(server.address);
      const { channel, socket } = await server.accepted();
      record(channel);
      const order: string[] = [];
      const write = socket.write.bind(socket);
      socket.write = ((...args: Parameters<typeof write>) => {
        order.push('answer');
        return write(...args);
      }) as typeof socket.write;
      for (let index = 0; index < 4; index++) {
        atEndOfTurn('storage', { endTurn: () => order.push('line') });
        channel.send('x'.repeat(200_000));
      }
      for (let index = 0; index < 4; index++) await raw.nextFrame();
      assert.deepEqual(
        order.slice(0, 3),
        ['line', 'line', 'answer'],
        'the first write is behind the lines of its answers',
      );
      assert.equal(order.filter((what) => what === 'line').length, 4);
      assert.equal(order.at(-1), 'answer');
    });

    // req: rpc.storage-first
    test('a close writes what is queued, behind what it acknowledges', async () => {
      await using server = await listen();
      await using raw = await RawSocket.upgraded(server.address);
      const { channel } = await server.accepted();
      record(channel);
      let isStored = false;
      atEndOfTurn('storage', { endTurn: () => (isStored = true) });
      channel.send('last words');
      channel.close(1001, 'bye');
      assert.ok(isStored);
      channel.send('too late');
      assert.equal(await raw.nextText(), 'last words');
      assert.equal(await raw.closeCode(), 1001);
    });

    // req: rpc.frame-limit
    test('a frame over the limit closes with 1009 and is not delivered; one of exactly the limit is', async () => {
      await using server = await listen({ maxFrameBytes: 1_000 });
      await using raw = await RawSocket.upgraded(server.address);
      const { texts, closed } = record((await server.accepted()).channel);
      raw.sendText('x'.repeat(1_000));
      assert.equal((await texts.next()).length, 1_000);
      raw.sendText('x'.repeat(1_001));
      assert.equal(await raw.closeCode(), 1009);
      await closed;
      assert.equal(texts.size, 0);
    });

    // req: rpc.frame-limit
    test('a frame that claims to be too long is refused by its header alone, and fragments are added up', async () => {
      await using server = await listen({ maxFrameBytes: 1_000 });
      for (const write of [
        (raw: RawSocket) => raw.write(clientFrame('', { claimedLength: 1_001n })),
        (raw: RawSocket) => raw.write(clientFrame('', { claimedLength: 2n ** 40n })),
        (raw: RawSocket) => {
          raw.write(clientFrame('x'.repeat(600), { fin: false }));
          raw.write(clientFrame('x'.repeat(600), { opcode: 0, fin: true }));
        },
      ]) {
        await using raw = await RawSocket.upgraded(server.address);
        const { texts } = record((await server.accepted()).channel);
        write(raw);
        assert.equal(await raw.closeCode(), 1009);
        await raw.closed;
        assert.equal(texts.size, 0);
      }
    });

    // req: rpc.protocol-errors
    test('frames that break the protocol close their connection with the code for it', async () => {
      await using server = await listen();
      const broken: [what: string, bytes: Buffer, code: number][] = [
        ['unmasked', clientFrame('x', { mask: null }), 1002],
        ['reserved bit', clientFrame('x', { rsv: 4 }), 1002],
        ['unknown opcode', clientFrame('x', { opcode: 3 }), 1002],
        ['continuation of nothing', clientFrame('x', { opcode: 0 }), 1002],
        ['fragmented ping', clientFrame('x', { opcode: 9, fin: false }), 1002],
        ['long ping', clientFrame('x'.repeat(126), { opcode: 9 }), 1002],
        ['text within a fragmented text', Buffer.concat([clientFrame('a', { fin: false }), clientFrame('b')]), 1002],
        ['UTF-8 cut short', clientFrame(Uint8Array.of(0xe2, 0x82)), 1007],
        ['UTF-8 that encodes a surrogate', clientFrame(Uint8Array.of(0xed, 0xa0, 0x80)), 1007],
        ['close with a reserved code', clientFrame(Uint8Array.of(0x03, 0xed), { opcode: 8 }), 1002],
        ['close of one byte', clientFrame('x', { opcode: 8 }), 1002],
        ['length beyond 2^53', clientFrame('', { claimedLength: 2n ** 60n }), 1009],
        [
          'too many fragments',
          Buffer.concat([
            clientFrame('', { fin: false }),
            ...Array<Buffer>(1_100).fill(clientFrame('', { fin: false, opcode: 0 })),
          ]),
          1008,
        ],
      ];
      for (const [what, bytes, code] of broken) {
        await using raw = await RawSocket.upgraded(server.address);
        const { texts, closed } = record((await server.accepted()).channel);
        raw.write(bytes);
        assert.equal(await raw.closeCode(), code, what);
        await closed;
        assert.equal(texts.size, 0, what);
      }
    });

    // req: rpc.frames
    test('fragmented text and binary arrive whole, with a ping in between answered', async () => {
      await using server = await listen();
      await using raw = await RawSocket.upgraded(server.address);
      const { texts, binaries } = record((await server.accepted()).channel);
      const euro = Buffer.from('€');
      raw.write(clientFrame(euro.subarray(0, 1), { fin: false }));
      raw.write(clientFrame('hello', { opcode: 9 }));
      raw.write(clientFrame(euro.subarray(1), { opcode: 0, fin: false }));
      raw.write(clientFrame('', { opcode: 0 }));
      assert.equal(await texts.next(), '€');
      const pong = await raw.nextFrame();
      assert.deepEqual([pong.opcode, pong.payload.toString()], [10, 'hello']);
      raw.write(clientFrame(Uint8Array.of(1, 2), { opcode: 2, fin: false }));
      raw.write(clientFrame(Uint8Array.of(3), { opcode: 0 }));
      assert.deepEqual([...(await binaries.next())], [1, 2, 3]);
    });

    // req: rpc.channel-closed
    test('a connection that is cut, at any point, closes once with 1006', async () => {
      await using server = await listen();
      const cuts: Uint8Array[] = [
        Buffer.alloc(0),
        clientFrame('half').subarray(0, 3),
        clientFrame('x', { fin: false }),
      ];
      for (const bytes of cuts) {
        const raw = await RawSocket.upgraded(server.address);
        const { channel } = await server.accepted();
        const infos: CloseInfo[] = [];
        const closed = Promise.withResolvers<void>();
        channel.start({
          onText: () => undefined,
          onBinary: () => undefined,
          onClose: (info) => {
            infos.push(info);
            closed.resolve();
          },
        });
        if (bytes.length > 0) raw.write(bytes);
        raw.socket.destroy();
        await closed.promise;
        channel.close();
        channel.terminate();
        channel.send('nobody hears it');
        assert.deepEqual(infos, [{ code: 1006, reason: '' }]);
        assert.deepEqual([channel.isOpen, channel.queuedBytes], [false, 0]);
      }
    });

    // req: rpc.channel-closed
    test('the code and reason of either side reach the other', async () => {
      await using server = await listen();
      const near = await openWebSocket(server.target);
      await using wire = new Wire(near);
      const { closed } = record((await server.accepted()).channel);
      near.close(4000, 'client says');
      assert.deepEqual(await closed, { code: 4000, reason: 'client says' });
      assert.deepEqual(await wire.closed, { code: 4000, reason: 'client says' });
      await using second = new Wire(await openWebSocket(server.target));
      const { channel } = await server.accepted();
      const far = record(channel);
      channel.close(1001, 'server says');
      assert.deepEqual(await second.closed, { code: 1001, reason: 'server says' });
      assert.deepEqual(await far.closed, { code: 1001, reason: 'server says' });
    });

    // req: rpc.closing-side
    test('a client that does not answer the close is cut after the closing time', async () => {
      await using server = await listen({ closeTimeoutMs: 50 });
      await using raw = await RawSocket.upgraded(server.address);
      const { channel } = await server.accepted();
      const { closed } = record(channel);
      channel.close(1008, 'go');
      assert.equal(await raw.closeCode(), 1008);
      await raw.closed;
      assert.equal((await closed).code, 1006);
    });

    // req: rpc.slow-reader
    test('a reader that stops reading loses best-effort events, then its connection; another reader feels nothing', async () => {
      await using server = await listen();
      await using slow = await RawSocket.upgraded(server.address);
      const limits = { softQueueBytes: 100_000, hardQueueBytes: 2_000_000 };
      const wedged = await serveEcho(server, limits);
      await using good = new Wire(await openWebSocket(server.target));
      const reading = await serveEcho(server, limits);
      slow.socket.pause();
      const frame = SharedFrame.text(
        JSON.stringify({ jsonrpc: '2.0', method: 'event', params: { text: 'x'.repeat(10_000) } }),
      );
      let sent = 0;
      while (wedged.peer.droppedNotifications === 0) {
        wedged.peer.sendShared(frame, { isBestEffort: true });
        assert.ok(reading.peer.sendShared(frame, { isBestEffort: true }), 'the reader gets every event');
        sent++;
        assert.equal((await good.next()).method, 'event');
      }
      assert.ok(wedged.peer.channel.isOpen);
      assert.equal(reading.peer.droppedNotifications, 0);
      while (wedged.peer.sendShared(frame));
      const { code } = await wedged.closed;
      assert.equal(code, 1006);
      assert.equal((await good.call('echo', [sent])).result?.toString(), String(sent));
      assert.ok(reading.peer.channel.isOpen);
    });
  });
}

// req: rpc.upgrade
test('headers are added to the answer of their own upgrade only, and a malformed upgrade is 400', async () => {
  await using server = await TestWebSocketServer.listen({ headers: ['x-added: yes'] });
  await using raw = await RawSocket.open(server.address);
  const head = await raw.upgrade('127.0.0.1');
  assert.match(head, /^HTTP\/1\.1 101 .*\r\nx-added: yes/s);
  await using bad = await RawSocket.open(server.address);
  bad.write(
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  const answer = await new Promise<string>((resolve) =>
    bad.socket.once('data', (bytes: Buffer) => resolve(bytes.toString())),
  );
  assert.match(answer, /^HTTP\/1\.1 400 /);
});

// req: rpc.upgrade
test('the client of ws with compression on offer gets none, and its frames arrive', async () => {
  await using server = await TestWebSocketServer.listen();
  const client = new WebSocket(server.target.url, { perMessageDeflate: true });
  const { texts } = record((await server.accepted()).channel);
  await new Promise((resolve) => client.once('open', resolve));
  assert.equal(client.extensions, '');
  client.send('plain');
  assert.equal(await texts.next(), 'plain');
  client.terminate();
});
