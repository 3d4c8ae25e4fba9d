// From a request to its handler and back: concurrency, order, deadlines, gates, errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fail } from '@car-runtime/protocol';
import { z } from 'zod';
import { Gates, KernelBench, testDomain, turnOver } from '../../test/kernel-bench.ts';
import { Dispatcher } from './dispatcher.ts';
import { silentLogger } from './logger.ts';

const request = (id: number | string, method: string, params?: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

// req: dispatch.concurrency
test('a slow handler holds up neither its own connection nor another', async () => {
  const slow = new Gates();
  await using bench = new KernelBench([testDomain({ slow: slow.handle, quick: () => 'quick' })]);
  const first = bench.connect();
  const second = bench.connect();
  first.wire.send(request(1, 'slow'));
  const gate = await slow.next();
  assert.equal((await first.wire.exchange(request(2, 'quick'))).result, 'quick');
  assert.equal((await second.wire.exchange(request(1, 'quick'))).result, 'quick');
  gate.open('slow');
  assert.deepEqual(await first.wire.next(), { jsonrpc: '2.0', id: 1, result: 'slow' });
});

// req: dispatch.order
test('calls that share an order key run one after another in order of arrival, others do not wait', async () => {
  const gates = new Gates();
  const ordered = { handle: gates.handle, order: 'key' };
  const sameKey = { handle: gates.handle, order: 'key' };
  await using bench = new KernelBench([
    testDomain({ ordered, sameKey, otherKey: { handle: gates.handle, order: 'other' }, free: gates.handle }),
  ]);
  const { wire } = bench.connect();
  const other = bench.connect();
  for (const [id, name] of ['ordered', 'sameKey', 'otherKey', 'free', 'ordered'].entries())
    wire.send(request(id, name, { id }));
  const running = [await gates.next(), await gates.next(), await gates.next()];
  assert.deepEqual(
    running.map(({ params }) => params['id']),
    [0, 2, 3],
  );
  other.wire.send(request(9, 'ordered', { id: 9 }));
  const elsewhere = await gates.next();
  assert.equal(elsewhere.params['id'], 9, 'keys are per connection');
  running[0]?.fail(fail('failed', 'no'));
  assert.equal((await wire.next()).error?.message, 'no');
  const second = await gates.next();
  assert.equal(second.params['id'], 1, 'a failure lets the next one run');
  assert.equal(gates.size, 0);
  second.open();
  await wire.next();
  assert.equal((await gates.next()).params['id'], 4);
});

// req: dispatch.order
test('ordered calls that answer at once do so, and leave the key free', async () => {
  const order: unknown[] = [];
  const handle = ({ id }: Record<string, unknown>): unknown => (order.push(id), id);
  await using bench = new KernelBench([testDomain({ quick: { handle, order: 'key' } })]);
  const { wire } = bench.connect();
  for (let id = 0; id < 5; id++) wire.send(request(id, 'quick', { id }));
  for (let id = 0; id < 5; id++) assert.equal((await wire.next()).result, id);
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
});

// req: dispatch.deadline
test('a handler past its deadline is answered -32004 and told, and what it still returns is dropped', async () => {
  const gates = new Gates();
  await using bench = new KernelBench([testDomain({ slow: gates.handle })], { handlerTimeoutMs: 20 });
  const { wire, connection } = bench.connect();
  wire.send(request(1, 'slow'));
  const { context, open } = await gates.next();
  const { signal } = context;
  const { error } = await wire.next();
  assert.equal(error?.code, -32004);
  assert.equal(
    error.message,
    "handler 'slow' exceeded its 0s response deadline; it may or may not have taken effect, so do not repeat a change blindly",
  );
  assert.deepEqual(error.data, { reason: 'deadline_exceeded', deadline_ms: 20 });
  assert.ok(signal.aborted);
  assert.equal((signal.reason as Error).message, error.message);
  assert.equal(connection.peer.inFlight, 0);
  open('late');
  wire.send(request(1, 'slow'));
  (await gates.next()).open('the id is free');
  assert.equal((await wire.next()).result, 'the id is free');
});

// req: dispatch.deadline
test('the text of the deadline names its whole seconds', async () => {
  await using bench = new KernelBench([testDomain({ slow: { handle: new Gates().handle, deadlineMs: 1_050 } })]);
  assert.match(
    (await bench.connect().wire.error('slow')).message,
    /^handler 'slow' exceeded its 1s response deadline; /,
  );
});

// req: dispatch.deadline
test("a method's own deadline, and one that depends on its params, take the place of the default", async () => {
  const gates = new Gates();
  const never = { handle: gates.handle, deadlineMs: 15 };
  const deadlines = { byParams: ({ ms }: { ms: number }, defaultMs: number) => ms + defaultMs - 60_000 };
  await using bench = new KernelBench([testDomain({ never, byParams: gates.handle }, { deadlines })]);
  const { wire } = bench.connect();
  assert.deepEqual((await wire.error('never')).data, { reason: 'deadline_exceeded', deadline_ms: 15 });
  assert.deepEqual((await wire.error('byParams', { ms: 25 })).data, { reason: 'deadline_exceeded', deadline_ms: 25 });
});

// req: dispatch.deadline
test('a call that waits behind one that never ends is given up on at its own deadline, and does not run later', async () => {
  const gates = new Gates();
  const ran: unknown[] = [];
  await using bench = new KernelBench(
    [
      testDomain({
        head: { handle: gates.handle, order: 'key', deadlineMs: 60_000 },
        tail: { handle: () => ran.push('tail'), order: 'key' },
      }),
    ],
    { handlerTimeoutMs: 20 },
  );
  const { wire } = bench.connect();
  wire.send(request(1, 'head'));
  wire.send(request(2, 'tail'));
  const head = await gates.next();
  const given = await wire.next();
  assert.deepEqual([given.id, given.error?.code], [2, -32004]);
  head.open('done');
  assert.equal((await wire.next()).result, 'done');
  await turnOver();
  assert.deepEqual(ran, []);
});

// req: session.disconnect-running
test('a call that waits for its turn when its connection closes does not run any more', async () => {
  const gates = new Gates();
  const ran: unknown[] = [];
  await using bench = new KernelBench([
    testDomain({ head: { handle: gates.handle, order: 'key' }, tail: { handle: () => ran.push(1), order: 'key' } }),
  ]);
  const { wire } = bench.connect();
  wire.send(request(1, 'head'));
  wire.send(request(2, 'tail'));
  const { open } = await gates.next();
  await wire.close();
  open();
  await turnOver();
  assert.deepEqual(ran, []);
});

// req: dispatch.unknown-method
test('an unknown method is named in the answer, also one that every object has', async () => {
  await using bench = new KernelBench([testDomain({ known: () => 1 })]);
  const { wire } = bench.connect();
  for (const name of [
    'nope',
    '',
    'Known',
    'known ',
    'toString',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'ünïcode',
    'rpc.x',
  ]) {
    assert.deepEqual(await wire.error(name), {
      code: -32601,
      message: `unknown method: ${name}`,
      data: { reason: 'method_not_found' },
    });
  }
});

// req: dispatch.notification
test('a known notification reaches its handler, an unknown one is ignored, and one that throws is logged', async () => {
  const seen: unknown[] = [];
  const notifications = {
    'test.told': (params: unknown) => void seen.push(params),
    'test.broken': () => {
      throw new Error('broken');
    },
  };
  await using bench = new KernelBench([testDomain({ known: () => 1 }, { notifications })]);
  const { wire } = bench.connect();
  for (const name of ['test.told', 'test.broken', 'known', 'toString', 'test.told'])
    wire.sendJson({ jsonrpc: '2.0', method: name, params: { name } });
  assert.equal(await wire.result('known'), 1);
  assert.deepEqual(seen, [{ name: 'test.told' }, { name: 'test.told' }]);
  assert.deepEqual(
    bench.log.takeErrors().map(({ message, fields }) => [message, fields['method']]),
    [['notification handler failed', 'test.broken']],
  );
});

// req: dispatch.auth-gate
test('before authentication every method but a public one is refused and the connection closed behind the answer', async () => {
  let ran = 0;
  const domain = testDomain({
    open: { handle: () => 'open', access: 'public' },
    session: { handle: () => ++ran },
    host: { handle: () => ++ran, access: 'host' },
  });
  await using bench = new KernelBench([domain], { credentials: { isAuthRequired: true, hasHostToken: true } });
  for (const name of ['session', 'host', 'unknown']) {
    const { wire } = bench.connect();
    assert.equal(await wire.result('open'), 'open');
    assert.deepEqual(await wire.error(name), {
      code: -32001,
      message: `auth required: call session.auth before "${name}"`,
      data: { reason: 'auth_required' },
    });
    assert.deepEqual(await wire.closed, { code: 1008, reason: 'auth required' });
  }
  assert.equal(ran, 0);
});

// req: dispatch.auth-gate
test('a long method name is cut in the refusal, and a notification before authentication is ignored', async () => {
  let told = 0;
  const domain = testDomain(
    { open: { handle: () => told, access: 'public' } },
    { notifications: { tell: () => void told++ } },
  );
  await using bench = new KernelBench([domain], { credentials: { isAuthRequired: true, hasHostToken: true } });
  const { wire } = bench.connect();
  wire.sendJson({ jsonrpc: '2.0', method: 'tell' });
  wire.sendJson({ jsonrpc: '2.0', method: 'unheard' });
  assert.equal(await wire.result('open'), 0);
  assert.equal(
    (await wire.error('x'.repeat(100_000))).message,
    `auth required: call session.auth before "${'x'.repeat(80)}…"`,
  );
});

// req: dispatch.auth-gate
test('in a batch each entry passes the gate by itself, and the close comes behind the one answer', async () => {
  const gates = new Gates();
  const domain = testDomain({ open: { handle: gates.handle, access: 'public' }, closed: () => 'never' });
  await using bench = new KernelBench([domain], { credentials: { isAuthRequired: true, hasHostToken: true } });
  const { wire } = bench.connect();
  wire.send(
    `[${request(1, 'closed')},${request(2, 'open')},${request(3, 'nope')},{"jsonrpc":"2.0","method":"closed"}]`,
  );
  const { open } = await gates.next();
  await turnOver();
  open('at last');
  const replies = JSON.parse(await wire.nextText()) as { id: number; error?: { code: number }; result?: unknown }[];
  assert.deepEqual(
    replies.map(({ id, error, result }) => [id, error?.code ?? result]),
    [
      [1, -32001],
      [3, -32001],
      [2, 'at last'],
    ],
  );
  assert.deepEqual(await wire.closed, { code: 1008, reason: 'auth required' });
});

// req: dispatch.errors
test('an error made for the caller is answered as it is, anything else as our fault and logged', async () => {
  const table: [name: string, error: unknown, code: number, message: string, data: unknown, isLogged: boolean][] = [
    [
      'known',
      fail('overloaded', 'later', { data: { retry_after_ms: 5 } }),
      -32008,
      'later',
      { reason: 'overloaded', retry_after_ms: 5 },
      false,
    ],
    ['error', new TypeError('oops'), -32603, 'oops', { reason: 'internal' }, true],
    ['text', 'just text', -32603, 'just text', { reason: 'internal' }, true],
    ['nothing', undefined, -32603, 'undefined', { reason: 'internal' }, true],
  ];
  const handlers = Object.fromEntries(
    table.flatMap(([name, error]) => [
      [
        `${name}.sync`,
        () => {
          throw error;
        },
      ],
      [`${name}.async`, () => Promise.reject(error)],
    ]),
  );
  await using bench = new KernelBench([testDomain(handlers)]);
  const { wire } = bench.connect();
  for (const [name, error, code, message, data, isLogged] of table) {
    for (const way of ['sync', 'async']) {
      assert.deepEqual(await wire.error(`${name}.${way}`), { code, message, data });
      const logged = bench.log.takeErrors();
      assert.equal(logged.length, isLogged ? 1 : 0);
      if (isLogged)
        assert.deepEqual([logged[0]?.fields['err'], logged[0]?.fields['method']], [error, `${name}.${way}`]);
    }
  }
});

// req: dispatch.results-checked
test('with checking on, a result that differs from its declaration fails the call', async () => {
  const domain = testDomain({
    wrong: { handle: () => ({ n: 'text' }), result: z.object({ n: z.number() }) },
    right: { handle: () => ({ n: 1 }), result: z.object({ n: z.number() }) },
    missing: { handle: () => undefined, result: z.null() },
  });
  await using bench = new KernelBench([domain], { checksResults: true });
  const { wire } = bench.connect();
  const error = await wire.error('wrong');
  assert.equal(error.code, -32603);
  assert.match(error.message, /^Result of wrong differs from its declaration: /);
  assert.deepEqual([await wire.result('right'), await wire.result('missing')], [{ n: 1 }, null]);
});

// req: dispatch.counts
test('calls and errors are counted by method', async () => {
  const domain = testDomain({
    good: () => 1,
    bad: () => {
      throw fail('failed', 'no');
    },
  });
  await using bench = new KernelBench([domain]);
  const { wire } = bench.connect();
  await wire.result('good');
  await wire.error('bad');
  await wire.error('bad');
  await wire.error('unknown');
  assert.deepEqual(bench.kernel.counts(), [
    { method: 'good', calls: 1, errors: 0 },
    { method: 'bad', calls: 2, errors: 2 },
  ]);
  assert.equal(bench.kernel.requestsTotal, 4);
});

// req: dispatch.registration
test('a method declared twice, or without a handler, is an error before anything is served', () => {
  const options = {
    credentials: { isAuthRequired: false, hasHostToken: false },
    handlerTimeoutMs: 1,
    logger: silentLogger,
    checksResults: false,
  };
  const domain = testDomain({ 'a.b': () => 1 });
  assert.throws(() => new Dispatcher([domain, domain], options), {
    message: 'Cannot register a.b: declared by two domains',
  });
  assert.throws(() => new Dispatcher([{ ...domain, methods: {} }], options), {
    message: 'Cannot register a.b: domain test has no handler',
  });
});

// req: session.drain
test('while draining new requests are refused and those running are answered', async () => {
  const gates = new Gates();
  await using bench = new KernelBench([testDomain({ slow: gates.handle, quick: () => 1 })]);
  const { wire } = bench.connect();
  wire.send(request(1, 'slow'));
  const { open } = await gates.next();
  const drained = bench.kernel.drain(10_000);
  assert.deepEqual(await wire.error('quick'), {
    code: -32603,
    message: 'Cannot call quick: the daemon is shutting down',
    data: { reason: 'shutting_down' },
  });
  open('finished');
  assert.equal((await wire.next()).result, 'finished');
  assert.deepEqual(await wire.closed, { code: 1001, reason: 'shutting down' });
  await drained;
});
