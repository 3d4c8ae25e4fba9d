// Our server frames, read by `ws` and by a reader of our own; and what a shared frame is made of.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RawSocket, readServerFrame } from '@car-runtime/testkit/wire';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { TestWebSocketServer } from '../test/web-socket-server.ts';
import { frameHeaderLength, opcode, SharedFrame, writeFrameHeader } from './frame.ts';

const silent = { onText: () => undefined, onBinary: () => undefined, onClose: () => undefined };
const lengths = [0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 16 * 1024 * 1024 + 1];
const headerLengths = new Map([
  [125, 2],
  [126, 4],
  [65_535, 4],
  [65_536, 10],
]);

// req: rpc.frames
test('a header has 2, 4 or 10 bytes, and says its length in the shortest form', () => {
  for (const [length, bytes] of headerLengths) {
    assert.equal(frameHeaderLength(length), bytes);
    const target = new Uint8Array(16);
    assert.equal(writeFrameHeader(target, 3, opcode.binary, length), 3 + bytes);
    assert.deepEqual([...target.subarray(0, 3), target[3]], [0, 0, 0, 0x82]);
  }
});

// req: rpc.frames
test('a shared frame of any payload reads back as it was, in text and binary', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const read = readServerFrame(Buffer.from(SharedFrame.text(text).bytes));
      assert.ok(read && read.rest.length === 0);
      assert.deepEqual(
        [read.frame.fin, read.frame.rsv, read.frame.opcode, read.frame.isMasked, read.frame.payload.toString()],
        [true, 0, 1, false, text],
      );
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (payload) => {
      const read = readServerFrame(Buffer.from(SharedFrame.binary(payload).bytes));
      assert.deepEqual([read?.frame.opcode, read?.frame.payload], [2, Buffer.from(payload)]);
    }),
    { numRuns: 20 },
  );
});

// req: rpc.frames
test('a shared frame is encoded once', () => {
  const frame = SharedFrame.text('x');
  assert.equal(frame.bytes, frame.bytes);
});

suite('over a socket', { concurrency: false }, () => {
  // req: rpc.frames
  test('the client of ws reads our frames of every length, text and binary, single and many in one write', async () => {
    await using server = await TestWebSocketServer.listen();
    const client = new WebSocket(server.target.url);
    const received: { data: Buffer; isBinary: boolean }[] = [];
    const all = Promise.withResolvers<void>();
    const expected = lengths.length * 3 + 3;
    client.on('message', (data, isBinary) => {
      received.push({ data: data as Buffer, isBinary });
      if (received.length === expected) all.resolve();
    });
    client.on('error', all.reject);
    const { channel } = await server.accepted();
    channel.start(silent);
    const texts = ['ü€😀'.repeat(100), '\ud800 alone', '\u0000\u007f\u0080'];
    for (const length of lengths) {
      channel.send('a'.repeat(length));
      channel.sendFrame(SharedFrame.binary(new Uint8Array(length).fill(7)));
      channel.sendFrame(SharedFrame.text('b'.repeat(length)));
    }
    for (const text of texts) channel.send(text);
    await all.promise;
    lengths.forEach((length, index) => {
      const [text, binary, shared] = received.slice(index * 3, index * 3 + 3);
      assert.deepEqual([text?.isBinary, binary?.isBinary, shared?.isBinary], [false, true, false]);
      assert.ok(text?.data.equals(Buffer.alloc(length, 'a')), `text of ${length}`);
      assert.ok(binary?.data.equals(Buffer.alloc(length, 7)), `binary of ${length}`);
      assert.ok(shared?.data.equals(Buffer.alloc(length, 'b')), `shared of ${length}`);
    });
    // UTF-8 has no lone surrogates; an encoder puts the replacement character in their place.
    const last = received.slice(-3).map(({ data }) => data.toString());
    assert.deepEqual(last, [texts[0], '\ufffd alone', texts[2]]);
    client.terminate();
  });

  // req: rpc.frames
  test('a reader that knows only the RFC reads whole, unmasked frames with the shortest header', async () => {
    await using server = await TestWebSocketServer.listen();
    await using raw = await RawSocket.upgraded(server.address);
    const { channel } = await server.accepted();
    channel.start(silent);
    for (const length of lengths) {
      channel.send('é'.repeat(Math.floor(length / 2)) + (length % 2 === 1 ? 'x' : ''));
      const frame = await raw.nextFrame();
      const { fin, rsv, opcode: code, isMasked, headerLength, payload } = frame;
      assert.deepEqual([fin, rsv, code, isMasked, payload.length], [true, 0, 1, false, length]);
      assert.equal(headerLength, frameHeaderLength(length));
    }
  });

  // req: rpc.frames
  test('a burst arrives as its messages, in order with what is sent before and behind it, on every connection', async () => {
    await using server = await TestWebSocketServer.listen();
    const clients = [new WebSocket(server.target.url), new WebSocket(server.target.url)];
    const burst = SharedFrame.burst([SharedFrame.text('é'), SharedFrame.text('x'.repeat(200)), SharedFrame.text('')]);
    const single = SharedFrame.text('single');
    const received = clients.map((client) => collect(client, 9));
    for (const _ of clients) {
      const { channel } = await server.accepted();
      channel.start(silent);
      channel.sendFrame(burst);
      channel.sendFrame(single);
      channel.send('before');
      channel.sendFrame(burst);
      channel.send('behind');
    }
    const parts = ['é', 'x'.repeat(200), ''];
    for (const texts of received) assert.deepEqual(await texts, [...parts, 'single', 'before', ...parts, 'behind']);
    for (const client of clients) client.terminate();
  });

  test('the same frames in the same order are joined once, others anew', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((text) => SharedFrame.text(text)) as [SharedFrame, SharedFrame, SharedFrame];
    const joined = SharedFrame.join([a, b]);
    assert.deepEqual([...joined], [...a.bytes, ...b.bytes]);
    assert.equal(SharedFrame.join([a, b]), joined);
    assert.deepEqual([...SharedFrame.join([a, c])], [...a.bytes, ...c.bytes]);
    assert.deepEqual([...SharedFrame.join([a, b, c])], [...a.bytes, ...b.bytes, ...c.bytes]);
    assert.equal(SharedFrame.join([a]), a.bytes);
    assert.equal(SharedFrame.join([]).length, 0);
    const burst = SharedFrame.burst([a, SharedFrame.binary(new Uint8Array([1, 2]))]);
    assert.deepEqual([...burst.bytes], [...a.bytes, 0x82, 2, 1, 2]);
    assert.deepEqual([burst.messageCount, a.messageCount], [2, 1]);
  });
});

function collect(client: WebSocket, count: number): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('message', (data) => {
      if (texts.push((data as Buffer).toString()) === count) resolve(texts);
    });
  });
}
