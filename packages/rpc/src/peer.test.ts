// What a peer answers to every kind of frame, and what becomes of its own requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inbox, Wire } from '@car-runtime/testkit/wire';
import type { CloseInfo } from './channel.ts';
import { ChannelClosedError, RequestTimeoutError, RpcError } from './errors.ts';
import { SharedFrame } from './frame.ts';
import type { IncomingCall } from './incoming-call.ts';
import { createMemoryPair, type MemoryChannel } from './memory-channel.ts';
import { Peer, type PeerOptions } from './peer.ts';

interface Bench {
  peer: Peer;
  wire: Wire;
  /** The other end, to be paused. */
  far: MemoryChannel;
  calls: Inbox<IncomingCall>;
  notifications: Inbox<{ method: string; params: unknown }>;
  binaries: Inbox<Uint8Array>;
  closed: Promise<CloseInfo>;
}

/** A peer that answers `echo` with its params at once and hands every other call to the test. */
function openPeer(options: PeerOptions = {}): Bench {
  const [near, far] = createMemoryPair();
  const calls = new Inbox<IncomingCall>('call');
  const notifications = new Inbox<{ method: string; params: unknown }>('notification');
  const binaries = new Inbox<Uint8Array>('binary frame');
  const closed = Promise.withResolvers<CloseInfo>();
  const peer = new Peer(
    near,
    {
      onRequest: (call) => (call.method === 'echo' ? call.resolve(call.params) : calls.push(call)),
      onNotification: (method, params) => notifications.push({ method, params }),
      onBinary: (bytes) => binaries.push(bytes),
      onClose: closed.resolve,
    },
    { idPrefix: 'cb-', ...options },
  );
  peer.start();
  return { peer, wire: new Wire(far), far, calls, notifications, binaries, closed: closed.promise };
}

const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Proves that nothing was sent before: answers come in order. */
async function expectNothingMore({ wire }: Bench): Promise<void> {
  assert.deepEqual(await wire.exchange('{"jsonrpc":"2.0","id":"marker","method":"echo","params":["marker"]}'), {
    jsonrpc: '2.0',
    id: 'marker',
    result: ['marker'],
  });
}

// req: rpc.reply
test('a call is answered under its id with a result, or with an error and its data', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":7,"method":"work","params":{"a":1}}');
  const call = await bench.calls.next();
  assert.deepEqual([call.method, call.params, call.idText, call.isAnswered], ['work', { a: 1 }, '7', false]);
  call.resolve({ done: true });
  assert.equal(await bench.wire.nextText(), '{"jsonrpc":"2.0","id":7,"result":{"done":true}}');
  bench.wire.send('{"jsonrpc":"2.0","id":8,"method":"work"}');
  const failing = await bench.calls.next();
  assert.equal(failing.params, undefined);
  failing.reject(new RpcError(-32003, 'no', { data: { reason: 'x' } }));
  assert.equal(
    await bench.wire.nextText(),
    '{"jsonrpc":"2.0","id":8,"error":{"code":-32003,"message":"no","data":{"reason":"x"}}}',
  );
});

// req: rpc.reply
test('a second answer, and an answer after an error, are ignored', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  const call = await bench.calls.next();
  call.reject(new RpcError(-1, 'first'));
  call.resolve('second');
  call.reject(new RpcError(-2, 'third'));
  call.drop();
  assert.equal((await bench.wire.next()).error?.message, 'first');
  await expectNothingMore(bench);
});

// req: rpc.reply
test('a result that JSON cannot hold is our error, and data that it cannot hold is left out', async () => {
  const bench = openPeer();
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  for (const result of [1n, cycle]) {
    bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
    (await bench.calls.next()).resolve(result);
    const { error } = await bench.wire.next();
    assert.equal(error?.code, -32603);
    assert.match(error?.message ?? '', /^Cannot encode the result of work: /);
  }
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  (await bench.calls.next()).reject(new RpcError(-5, 'x', { data: cycle }));
  assert.deepEqual((await bench.wire.next()).error, { code: -5, message: 'x' });
  for (const result of [undefined, () => 1]) {
    bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
    (await bench.calls.next()).resolve(result);
    assert.equal((await bench.wire.next()).result, null);
  }
});

// req: rpc.reply
test('a call that is dropped is not answered, and its id is free again', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  (await bench.calls.next()).drop();
  assert.equal(bench.peer.inFlight, 0);
  assert.equal((await bench.wire.exchange('{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}')).id, 1);
});

// req: rpc.notification
test('notifications reach the handler and get no answer, whatever is wrong with their params', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","method":"told","params":{"a":1}}');
  bench.wire.send('{"jsonrpc":"2.0","method":"unheard.of"}');
  bench.wire.send('{"jsonrpc":"2.0","method":"told","params":5}');
  bench.wire.send('{"jsonrpc":"2.0","method":"told","params":{"__proto__":1}}');
  assert.deepEqual(await bench.notifications.next(), { method: 'told', params: { a: 1 } });
  assert.deepEqual(await bench.notifications.next(), { method: 'unheard.of', params: undefined });
  assert.deepEqual(await bench.notifications.next(), { method: 'told', params: 5 });
  await expectNothingMore(bench);
  assert.equal(bench.notifications.size, 0, 'one with a forbidden key is not delivered');
});

// req: rpc.binary-frame
test('binary frames reach the handler that takes them, and without one are ignored', async () => {
  const bench = openPeer();
  bench.wire.sendBinary(Uint8Array.of(9, 1, 2));
  assert.deepEqual([...(await bench.binaries.next())], [9, 1, 2]);
  const [near, far] = createMemoryPair();
  new Peer(near, { onRequest: (call) => call.resolve('still here') }).start();
  const wire = new Wire(far);
  wire.sendBinary(Uint8Array.of(0xff));
  assert.equal((await wire.exchange('{"jsonrpc":"2.0","id":1,"method":"x"}')).result, 'still here');
});

const invalid: [frame: string, id: unknown, code: number, message: string][] = [
  ['{"jsonrpc":"1.0","id":1,"method":"echo"}', 1, -32600, 'Invalid request: "jsonrpc" must be "2.0", not "1.0"'],
  ['{"jsonrpc":2.0,"id":1,"method":"echo"}', 1, -32600, 'Invalid request: "jsonrpc" must be "2.0", not a number'],
  ['{"id":1,"method":"echo"}', 1, -32600, 'Invalid request: "jsonrpc" must be "2.0", not missing'],
  ['{"jsonrpc":"2.0","method":5,"id":1}', 1, -32600, 'Invalid request: "method" must be a string, not a number'],
  ['{"jsonrpc":"2.0","method":null,"id":1}', 1, -32600, 'Invalid request: "method" must be a string, not null'],
  ['{"jsonrpc":"2.0","method":{},"id":"a"}', 'a', -32600, 'Invalid request: "method" must be a string, not an object'],
  ['{"jsonrpc":"2.0"}', null, -32600, 'Invalid request: "method" must be a string, not missing'],
  ['{}', null, -32600, 'Invalid request: "jsonrpc" must be "2.0", not missing'],
  ['{"method":"echo"}', null, -32600, 'Invalid request: "jsonrpc" must be "2.0", not missing'],
  [
    '{"jsonrpc":"2.0","id":true,"method":"echo"}',
    null,
    -32600,
    'Invalid request: "id" must be a string, a number or null',
  ],
  [
    '{"jsonrpc":"2.0","id":{},"method":"echo"}',
    null,
    -32600,
    'Invalid request: "id" must be a string, a number or null',
  ],
  [
    '{"jsonrpc":"2.0","id":[1],"method":"echo"}',
    null,
    -32600,
    'Invalid request: "id" must be a string, a number or null',
  ],
  ['5', null, -32600, 'Invalid request: a number where a request object belongs'],
  ['"text"', null, -32600, 'Invalid request: "text" where a request object belongs'],
  ['null', null, -32600, 'Invalid request: null where a request object belongs'],
  ['true', null, -32600, 'Invalid request: a boolean where a request object belongs'],
  ['[]', null, -32600, 'Invalid request: an empty batch'],
  [
    '{"jsonrpc":"2.0","id":1,"method":"echo","params":5}',
    1,
    -32602,
    'Invalid params: "params" must be an object or an array, not a number',
  ],
  [
    '{"jsonrpc":"2.0","id":1,"method":"echo","params":"x"}',
    1,
    -32602,
    'Invalid params: "params" must be an object or an array, not "x"',
  ],
  [
    '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":[{"__proto__":1}]}}',
    1,
    -32602,
    'Invalid params: a key named "__proto__" is not allowed',
  ],
];

// req: rpc.invalid-request
test('what is not a valid request is answered under its id where it has one, and the connection goes on', async () => {
  const bench = openPeer();
  for (const [frame, id, code, message] of invalid) {
    const reply = await bench.wire.exchange(frame);
    const reason = code === -32600 ? 'invalid_request' : 'invalid_params';
    assert.deepEqual(reply, { jsonrpc: '2.0', id, error: { code, message, data: { reason } } }, frame);
  }
  await expectNothingMore(bench);
});

// req: rpc.parse-error
test('text that cannot be parsed is answered -32700 with id null, and the connection goes on', async () => {
  const bench = openPeer();
  for (const text of ['{', 'hello', '', '['.repeat(200) + ']'.repeat(200)]) {
    const reply = await bench.wire.exchange(text);
    assert.deepEqual([reply.id, reply.error?.code, reply.error?.data], [null, -32700, { reason: 'parse_error' }]);
    assert.match(reply.error?.message ?? '', /^Cannot parse frame: ./);
  }
  await expectNothingMore(bench);
});

// req: rpc.invalid-request
test('params null are no params', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work","params":null}');
  assert.equal((await bench.calls.next()).params, undefined);
});

// req: rpc.batch
test('a batch is answered as one array when its last call is, notifications leaving no entry', async () => {
  const bench = openPeer();
  bench.wire.sendJson([
    { jsonrpc: '2.0', id: 1, method: 'work' },
    { jsonrpc: '2.0', method: 'told' },
    { jsonrpc: '2.0', id: 2, method: 'echo', params: ['two'] },
    5,
    { jsonrpc: '2.0', id: null, method: 'echo', params: { n: 3 } },
    { jsonrpc: '1.0', id: 4, method: 'echo' },
  ]);
  const call = await bench.calls.next();
  await expectNothingMore(bench);
  call.resolve('one');
  const replies = JSON.parse(await bench.wire.nextText()) as {
    id: unknown;
    result?: unknown;
    error?: { code: number };
  }[];
  assert.deepEqual(
    replies.map(({ id, result, error }) => [id, result ?? error?.code]),
    [
      [2, ['two']],
      [null, -32600],
      [null, { n: 3 }],
      [4, -32600],
      [1, 'one'],
    ],
  );
  assert.equal(bench.notifications.size, 1);
});

// req: rpc.batch
test('a batch of notifications alone, of answers alone, or of both is not answered', async () => {
  const bench = openPeer();
  const answer = bench.peer.request('x', {});
  bench.wire.send('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]');
  const { id } = await bench.wire.nextRequest();
  bench.wire.send(`[{"jsonrpc":"2.0","id":"${id}","result":"got"},{"jsonrpc":"2.0","id":"cb-99","result":1}]`);
  assert.equal(await answer, 'got');
  await expectNothingMore(bench);
  assert.equal(bench.notifications.size, 2);
});

// req: rpc.batch-limit
test('a batch of 100 entries is served and one of 101 gets one error', async () => {
  const bench = openPeer();
  const entry = { jsonrpc: '2.0', id: 1, method: 'echo', params: [] };
  bench.wire.sendJson(Array.from({ length: 100 }, (_, id) => ({ ...entry, id })));
  const replies = JSON.parse(await bench.wire.nextText()) as { id: number }[];
  assert.deepEqual(
    replies.map(({ id }) => id),
    Array.from({ length: 100 }, (_, id) => id),
  );
  bench.wire.sendJson(Array.from({ length: 101 }, (_, id) => ({ ...entry, id })));
  const refused = await bench.wire.next();
  assert.deepEqual([refused.id, refused.error?.code], [null, -32600]);
  assert.equal(refused.error?.message, 'Invalid request: a batch of 101 entries, limit 100');
  await expectNothingMore(bench);
});

// req: rpc.proto-key
test('one entry with a forbidden key is refused and the other entries of its batch are served', async () => {
  const bench = openPeer();
  bench.wire.send(
    '[{"jsonrpc":"2.0","id":1,"method":"echo","params":{"__prot\\u006f__":1}},{"jsonrpc":"2.0","id":2,"method":"echo","params":[]}]',
  );
  const replies = JSON.parse(await bench.wire.nextText()) as {
    id: number;
    error?: { code: number };
    result?: unknown;
  }[];
  assert.deepEqual(
    replies.map(({ id, error, result }) => [id, error?.code ?? result]),
    [
      [1, -32602],
      [2, []],
    ],
  );
});

// req: rpc.batch
test('an entry may not be a batch, and ids repeated in one batch are told apart', async () => {
  const bench = openPeer();
  bench.wire.send(
    '[[{"jsonrpc":"2.0","id":1,"method":"echo"}],{"jsonrpc":"2.0","id":9007199254740993,"method":"work"},{"jsonrpc":"2.0","id":9007199254740992,"method":"work"},{"jsonrpc":"2.0","id":9007199254740993,"method":"work"}]',
  );
  for (const name of ['first', 'second']) (await bench.calls.next()).resolve(name);
  assert.equal(
    await bench.wire.nextText(),
    '[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid request: an array where a request object belongs","data":{"reason":"invalid_request"}}},' +
      '{"jsonrpc":"2.0","id":9007199254740993,"error":{"code":-32600,"message":"Invalid request: id 9007199254740993 is already in flight","data":{"reason":"invalid_request"}}},' +
      '{"jsonrpc":"2.0","id":9007199254740993,"result":"first"},{"jsonrpc":"2.0","id":9007199254740992,"result":"second"}]',
  );
  assert.equal(bench.calls.size, 0);
});

// req: rpc.id-in-flight
test('an id in flight is refused and the first call goes on; once answered the id may be used again', async () => {
  const bench = openPeer();
  for (const id of ['1', '"1"', 'null', '1.50', '18446744073709551615']) {
    const frame = `{"jsonrpc":"2.0","id":${id},"method":"work"}`;
    bench.wire.send(frame);
    const first = await bench.calls.next();
    bench.wire.send(frame);
    const refused = await bench.wire.nextText();
    assert.ok(refused.startsWith(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32600,`), refused);
    assert.equal(
      (JSON.parse(refused) as { error: { message: string } }).error.message,
      `Invalid request: id ${id} is already in flight`,
    );
    first.resolve('first');
    assert.equal(await bench.wire.nextText(), `{"jsonrpc":"2.0","id":${id},"result":"first"}`);
    bench.wire.send(frame);
    (await bench.calls.next()).resolve('again');
    assert.equal((await bench.wire.next()).result, 'again');
  }
  assert.equal(bench.calls.size, 0);
});

// req: rpc.id-in-flight
test('a number and the text of that number are two ids', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  bench.wire.send('{"jsonrpc":"2.0","id":"1","method":"work"}');
  bench.wire.send('{"jsonrpc":"2.0","id":1.0,"method":"work"}');
  await bench.calls.next();
  await bench.calls.next();
  assert.equal((await bench.wire.next()).error?.message, 'Invalid request: id 1 is already in flight');
});

// req: rpc.in-flight-limit
test('requests beyond the in-flight limit are answered -32008 with a time to come back, until one is answered', async () => {
  const bench = openPeer({ maxInFlight: 2 });
  for (const id of [1, 2]) bench.wire.sendJson({ jsonrpc: '2.0', id, method: 'work' });
  const first = await bench.calls.next();
  await bench.calls.next();
  assert.equal(bench.peer.inFlight, 2);
  const refused = await bench.wire.exchange('{"jsonrpc":"2.0","id":3,"method":"work"}');
  assert.deepEqual(refused.error, {
    code: -32008,
    message: 'Overloaded: 2 requests in flight on this connection, limit 2',
    data: { reason: 'overloaded', retry_after_ms: 100 },
  });
  first.resolve(null);
  await bench.wire.next();
  bench.wire.send('{"jsonrpc":"2.0","id":3,"method":"work"}');
  (await bench.calls.next()).resolve('now');
  assert.equal((await bench.wire.next()).result, 'now');
});

// req: rpc.own-requests
test('own requests have ids of their own, count from 1, and take the answer with that id', async () => {
  const bench = openPeer();
  const first = bench.peer.request('one', { a: 1 });
  const reserved = bench.peer.nextRequestId();
  const second = bench.peer.request('two', undefined, { id: reserved });
  assert.equal(await bench.wire.nextText(), '{"jsonrpc":"2.0","id":"cb-1","method":"one","params":{"a":1}}');
  assert.equal(await bench.wire.nextText(), '{"jsonrpc":"2.0","id":"cb-2","method":"two"}');
  assert.equal(bench.peer.pendingRequests, 2);
  bench.wire.send('{"jsonrpc":"2.0","id":"cb-2","result":{"two":2}}');
  bench.wire.send('{"jsonrpc":"2.0","id":"cb-1"}');
  assert.deepEqual(await Promise.all([first, second]), [null, { two: 2 }]);
  assert.equal(bench.peer.pendingRequests, 0);
  const [near, far] = createMemoryPair();
  void new Peer(near, { onRequest: () => undefined }).request('x', []);
  assert.equal((await new Wire(far).next()).id, 1, 'without a prefix ids are numbers');
});

// req: rpc.own-requests
test('an answer with an error rejects with it, whatever shape the other side gave it', async () => {
  const bench = openPeer();
  const answers: [text: string, code: number, message: string, data: unknown][] = [
    ['{"code":-32001,"message":"no","data":{"x":1}}', -32001, 'no', { x: 1 }],
    ['"plain text"', -32000, 'plain text', undefined],
    ['{}', -32000, 'unknown error', undefined],
    ['{"code":"E1","message":5}', -32000, 'unknown error', undefined],
    ['0', -32000, '0', undefined],
    ['false', -32000, 'false', undefined],
  ];
  for (const [text, code, message, data] of answers) {
    const request = bench.peer.request('x', {});
    const { id } = await bench.wire.nextRequest();
    bench.wire.send(`{"jsonrpc":"2.0","id":"${id}","result":1,"error":${text}}`);
    await assert.rejects(request, (error: RpcError) => {
      assert.ok(error instanceof RpcError);
      assert.deepEqual([error.code, error.message, error.data], [code, message, data]);
      return true;
    });
  }
  const request = bench.peer.request('x', {});
  const { id } = await bench.wire.nextRequest();
  bench.wire.send(`{"jsonrpc":"2.0","id":"${id}","result":1,"error":null}`);
  assert.equal(await request, 1);
});

// req: rpc.unknown-answer
test('answers to ids that nobody waits for are dropped, and the one that is waited for is still taken', async () => {
  const bench = openPeer();
  const request = bench.peer.request('x', {});
  await bench.wire.next();
  for (const id of ['"cb-2"', '1', '"cb-01"', '{}', '[]', 'null', 'true', '1.5', '"__proto__"', '"toString"']) {
    bench.wire.send(`{"jsonrpc":"2.0","id":${id},"result":"wrong"}`);
    bench.wire.send(`{"jsonrpc":"2.0","id":${id},"error":{"code":1,"message":"wrong"}}`);
  }
  bench.wire.send('{"jsonrpc":"2.0","id":"cb-1","result":"right"}');
  bench.wire.send('{"jsonrpc":"2.0","id":"cb-1","result":"twice"}');
  assert.equal(await request, 'right');
  await expectNothingMore(bench);
});

// req: rpc.late-answer
test('after a timeout or an abort the request has ended, and its answer is dropped', async () => {
  const bench = openPeer();
  const timedOut = bench.peer.request('slow', {}, { timeoutMs: 10 });
  const controller = new AbortController();
  const aborted = bench.peer.request('dull', {}, { signal: controller.signal });
  const kept = bench.peer.request('kept', {});
  await assert.rejects(timedOut, (error: RequestTimeoutError) => {
    assert.ok(error instanceof RequestTimeoutError);
    assert.deepEqual([error.message, error.timeoutMs], ['No answer to slow within 10 ms', 10]);
    return true;
  });
  const reason = new Error('changed my mind');
  controller.abort(reason);
  await assert.rejects(aborted, reason);
  assert.equal(bench.peer.pendingRequests, 1);
  for (const n of [1, 2, 3]) bench.wire.send(`{"jsonrpc":"2.0","id":"cb-${n}","result":${n}}`);
  assert.equal(await kept, 3);
  assert.deepEqual(
    (await Promise.all([bench.wire.next(), bench.wire.next(), bench.wire.next()])).map(({ method }) => method),
    ['slow', 'dull', 'kept'],
  );
  await expectNothingMore(bench);
});

// req: rpc.own-requests
test('a request that cannot be sent rejects and leaves nothing behind', async () => {
  const bench = openPeer();
  await assert.rejects(bench.peer.request('x', { n: 1n }), TypeError);
  await assert.rejects(bench.peer.request('x', {}, { signal: AbortSignal.abort('why') }), (reason) => reason === 'why');
  assert.equal(bench.peer.pendingRequests, 0);
  await expectNothingMore(bench);
});

// req: rpc.bad-answer
test('an answer with a forbidden key, or too deep, ends its request at once instead of leaving it to a timeout', async () => {
  const bench = openPeer();
  const forbidden = bench.peer.request('x', {});
  await bench.wire.next();
  bench.wire.send('{"jsonrpc":"2.0","id":"cb-1","result":{"a":{"__proto__":{"isAdmin":true}}}}');
  await assert.rejects(forbidden, { message: 'Cannot take the answer: a key named "__proto__" is not allowed' });
  const deep = bench.peer.request('x', {});
  await bench.wire.next();
  bench.wire.send(`{"jsonrpc":"2.0","id":"cb-2","result":${'['.repeat(200)}${']'.repeat(200)}}`);
  await assert.rejects(deep, { message: 'Cannot take the answer: nested deeper than 128 levels' });
  assert.equal((await bench.wire.next()).error?.code, -32700);
  await expectNothingMore(bench);
});

// req: rpc.channel-closed
test('a close rejects what is pending with a typed error, aborts what is in flight, and refuses new requests', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  const call = await bench.calls.next();
  const aborted = Promise.withResolvers<unknown>();
  call.addEventListener('abort', () => aborted.resolve(call.reason));
  const request = bench.peer.request('x', {});
  bench.wire.channel.close(1000, 'enough');
  await assert.rejects(request, (error: ChannelClosedError) => {
    assert.ok(error instanceof ChannelClosedError);
    assert.deepEqual([error.message, error.closeCode], ['Connection closed (1000: enough)', 1000]);
    return true;
  });
  assert.deepEqual(await bench.closed, { code: 1000, reason: 'enough' });
  assert.ok((await aborted.promise) instanceof ChannelClosedError);
  assert.ok(call.signal.aborted);
  assert.deepEqual([bench.peer.pendingRequests, bench.peer.inFlight, bench.peer.isClosed], [0, 0, true]);
  call.resolve('too late');
  await assert.rejects(bench.peer.request('y', {}), {
    name: 'ChannelClosedError',
    message: 'Cannot call y: connection closed',
  });
  assert.equal(bench.peer.notify('z', {}), false);
});

// req: rpc.channel-closed
test('work that waits for one of our requests ends with that request, before its own call is aborted', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  const call = await bench.calls.next();
  const order: string[] = [];
  call.addEventListener('abort', () => order.push('call aborted'));
  const relayed = bench.peer.request('x', {}).catch(() => order.push('request rejected'));
  bench.wire.channel.close();
  await relayed;
  await turnOver();
  assert.deepEqual(order, ['request rejected', 'call aborted']);
});

// req: rpc.channel-closed
test('a signal asked for after the abort is aborted already, and aborting an answered call does nothing', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  const call = await bench.calls.next();
  const reasons: unknown[] = [];
  const removed = (): unknown => reasons.push('removed');
  call.addEventListener('abort', removed);
  call.addEventListener('abort', () => reasons.push(call.reason));
  call.removeEventListener('abort', removed);
  call.throwIfAborted();
  call.abort('first');
  call.abort('second');
  assert.deepEqual([reasons, call.aborted, call.signal.aborted, call.signal.reason], [['first'], true, true, 'first']);
  assert.throws(
    () => call.throwIfAborted(),
    (thrown) => thrown === 'first',
  );
  bench.wire.send('{"jsonrpc":"2.0","id":2,"method":"work"}');
  const answered = await bench.calls.next();
  answered.resolve(1);
  answered.abort('late');
  assert.equal(answered.signal.aborted, false);
});

// req: rpc.closing-side
test('after deciding to close, what waits ends at once, and what the other side still sends is dropped', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  const call = await bench.calls.next();
  const request = bench.peer.request('x', {});
  // The far end learns of the close only when it reads; until then it goes on sending.
  bench.wire.send('{"jsonrpc":"2.0","id":2,"method":"work"}');
  bench.wire.send('{"jsonrpc":"2.0","method":"told"}');
  bench.wire.send('[{"jsonrpc":"2.0","id":3,"method":"work"}]');
  bench.wire.send('{"jsonrpc":"2.0","id":"cb-1","result":"too late"}');
  let isClosed = false;
  void bench.closed.then(() => (isClosed = true));
  bench.peer.close(1008, 'go');
  await assert.rejects(request, { name: 'ChannelClosedError', message: 'Connection closed (1008: go)' });
  assert.equal(isClosed, false, 'before the channel says so');
  assert.deepEqual(await bench.closed, { code: 1008, reason: 'go' });
  await turnOver();
  assert.ok(call.signal.aborted);
  assert.deepEqual(
    [bench.calls.size, bench.notifications.size, bench.peer.inFlight, bench.peer.pendingRequests],
    [0, 0, 0, 0],
  );
});

// req: rpc.channel-closed
test('a call that outlives its connection keeps no deadline', async () => {
  const bench = openPeer();
  bench.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  const call = await bench.calls.next();
  let cancelled = 0;
  call.deadline = { cancel: () => cancelled++ };
  await bench.wire.close();
  await turnOver();
  assert.equal(cancelled, 1);
});

// req: rpc.closing-side
test('a connection that refuses to let go holds up nothing that waited on it', async () => {
  const [near] = createMemoryPair();
  // The close of a channel that was never started is never reported.
  const peer = new Peer(near, { onRequest: () => undefined });
  const request = peer.request('x', {});
  peer.terminate('cut');
  await assert.rejects(request, { name: 'ChannelClosedError', message: 'Connection closed (1006: cut)' });
  assert.deepEqual([peer.pendingRequests, peer.isClosed], [0, false]);
});

// req: rpc.reject-and-close
test('a refusal that closes leaves before the close, and in a batch with the answers of all entries', async () => {
  const single = openPeer();
  single.wire.send('{"jsonrpc":"2.0","id":1,"method":"work"}');
  (await single.calls.next()).rejectAndClose(new RpcError(-32001, 'no'), 1008, 'no');
  assert.equal((await single.wire.next()).error?.message, 'no');
  assert.deepEqual(await single.wire.closed, { code: 1008, reason: 'no' });

  const batch = openPeer();
  batch.wire.send(
    '[{"jsonrpc":"2.0","id":1,"method":"work"},{"jsonrpc":"2.0","id":2,"method":"work"},{"jsonrpc":"2.0","id":3,"method":"echo","params":[]}]',
  );
  (await batch.calls.next()).rejectAndClose(new RpcError(-32001, 'no'), 1008, 'no');
  const slow = await batch.calls.next();
  await turnOver();
  slow.resolve('slow');
  const replies = JSON.parse(await batch.wire.nextText()) as { id: number }[];
  assert.deepEqual(
    replies.map(({ id }) => id),
    [3, 1, 2],
  );
  assert.deepEqual(await batch.wire.closed, { code: 1008, reason: 'no' });
});

// req: rpc.slow-reader
test('a slow reader loses best-effort notifications above the soft limit, and nothing else', async () => {
  const bench = openPeer({ softQueueBytes: 1_000 });
  bench.far.pause();
  const text = 'x'.repeat(100);
  let queued = 0;
  while (bench.peer.notify('event', { text }, { isBestEffort: true })) queued++;
  assert.ok(queued > 5 && queued < 12, `${queued} queued`);
  assert.equal(
    bench.peer.sendShared(SharedFrame.text('{"jsonrpc":"2.0","method":"shared"}'), { isBestEffort: true }),
    false,
  );
  assert.equal(bench.peer.droppedNotifications, 2);
  assert.ok(bench.peer.notify('must', {}), 'what is not best effort is queued');
  assert.ok(bench.peer.sendShared(SharedFrame.text('{"jsonrpc":"2.0","method":"must too"}')));
  bench.far.resume();
  const methods: (string | undefined)[] = [];
  for (let index = 0; index < queued + 2; index++) methods.push((await bench.wire.next()).method);
  assert.deepEqual(methods, [...Array<string>(queued).fill('event'), 'must', 'must too']);
  assert.ok(bench.peer.notify('event', {}, { isBestEffort: true }), 'once it reads again, it gets them again');
});

// req: rpc.slow-reader
test('a reader with more than the hard limit queued is cut off, and what it waited for ends', async () => {
  const bench = openPeer({ hardQueueBytes: 10_000 });
  bench.far.pause();
  const request = bench.peer.request('x', {});
  const rejected = assert.rejects(request, ChannelClosedError);
  const text = 'x'.repeat(1_000);
  while (bench.peer.notify('event', { text }));
  await rejected;
  const { code, reason } = await bench.closed;
  assert.deepEqual([code, reason], [1006, 'reader too slow: more than 10000 bytes queued']);
  assert.equal((await bench.wire.closed).code, 1006);
  assert.equal(bench.wire.unread, 0, 'what was queued is dropped');
});
