// Connections from accept to the last disconnect step.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryPair } from '@car-runtime/rpc';
import { Wire } from '@car-runtime/testkit';
import { Gates, KernelBench, testDomain, turnOver } from '../../test/kernel-bench.ts';
import { createClientId, perConnection, type Connection } from './connection.ts';
import { closePhases, type AnyDomain, type CallContext } from './domain.ts';

const request = (id: number, method: string): string => JSON.stringify({ jsonrpc: '2.0', id, method });

/** A domain that logs each of its disconnect steps. */
function recordingDomain(name: string, log: string[]): AnyDomain {
  const onClose = Object.fromEntries(closePhases.map((phase) => [phase, () => void log.push(`${phase} ${name}`)]));
  return testDomain({}, { name, onClose });
}

// req: session.client-id
test('a client id is twelve lower-case letters and digits, different for every connection', async () => {
  await using bench = new KernelBench([]);
  const ids = Array.from({ length: 50 }, () => bench.connect().connection.id);
  for (const id of [...ids, createClientId()]) assert.match(id, /^[a-z0-9]{12}$/);
  assert.equal(new Set(ids).size, 50);
  assert.deepEqual([...bench.kernel.connections.keys()], ids);
  assert.equal(bench.kernel.acceptedTotal, 50);
});

// req: session.client-id
test('an id that an embedder gives must be a safe file name and not in use, its disconnect steps included', async () => {
  const step = Promise.withResolvers<void>();
  await using bench = new KernelBench([testDomain({}, { onClose: { 'run-sweep': () => step.promise } })]);
  const bad = [
    '',
    '.',
    '..',
    '../x',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '.hidden',
    '-x',
    'Upper',
    'ümlaut',
    'a b',
    'a\u0000',
    'x'.repeat(65),
  ];
  for (const clientId of bad) {
    assert.throws(
      () => bench.connect({ clientId }),
      { message: /^Cannot accept a connection: client id .* does not match / },
      clientId,
    );
  }
  const { wire, connection } = bench.connect({ clientId: 'worker_1.a-b' });
  assert.equal(connection.id, 'worker_1.a-b');
  assert.throws(() => bench.connect({ clientId: 'worker_1.a-b' }), {
    message: 'Cannot accept a connection: client id "worker_1.a-b" is in use',
  });
  await wire.close();
  await turnOver();
  assert.equal(bench.kernel.connections.size, 0);
  assert.throws(() => bench.connect({ clientId: 'worker_1.a-b' }), /is in use/);
  step.resolve();
  await turnOver();
  assert.equal(bench.connect({ clientId: 'worker_1.a-b' }).connection.id, 'worker_1.a-b');
});

// req: session.disconnect-order
test('disconnect steps run phase by phase, domain by domain, and the scope last, latest first', async () => {
  const log: string[] = [];
  await using bench = new KernelBench([recordingDomain('a', log), recordingDomain('b', log)]);
  const { wire, connection } = bench.connect();
  connection.scope.defer(() => void log.push('scope first'));
  connection.scope.defer(() => void log.push('scope second'));
  await wire.close();
  await turnOver();
  assert.deepEqual(log, [
    ...['registry', 'attachment', 'chats', 'run-subscriptions', 'coder-subscriptions', 'run-sweep'].flatMap((phase) => [
      `${phase} a`,
      `${phase} b`,
    ]),
    'scope second',
    'scope first',
  ]);
});

// req: session.disconnect-order
test('the session is out of the registry before any step, and steps of the early phases share the turn of the close', async () => {
  const seen: unknown[] = [];
  const onClose = { registry: ({ id }: Connection) => void seen.push(bench.kernel.connections.has(id)) };
  const bench = new KernelBench([testDomain({}, { onClose })]);
  const { connection } = bench.connect();
  const removed = bench.kernel.remove(connection.id);
  assert.deepEqual(seen, [false], 'before anything else could run');
  assert.equal(await removed, connection);
  await bench[Symbol.asyncDispose]();
});

// req: session.disconnect-order
test('a step that waits holds up the later phases, and one that throws holds up nothing', async () => {
  const log: string[] = [];
  const slow = Promise.withResolvers<void>();
  const waiting = testDomain(
    {},
    {
      name: 'waiting',
      onClose: {
        attachment: () => {
          log.push('throws');
          throw new Error('broken step');
        },
        chats: async () => {
          log.push('waits');
          await slow.promise;
          log.push('waited');
          throw new Error('broken later');
        },
      },
    },
  );
  await using bench = new KernelBench([waiting, recordingDomain('b', log)]);
  const { wire, connection } = bench.connect();
  connection.scope.defer(() => void log.push('scope'));
  await wire.close();
  await turnOver();
  assert.deepEqual(log, ['registry b', 'throws', 'attachment b', 'waits']);
  slow.resolve();
  await turnOver();
  assert.deepEqual(log.slice(4), [
    'waited',
    'chats b',
    'run-subscriptions b',
    'coder-subscriptions b',
    'run-sweep b',
    'scope',
  ]);
  assert.deepEqual(
    bench.log.takeErrors().map(({ fields, message }) => [message, fields['step'], fields['client_id']]),
    ['waiting:attachment', 'waiting:chats'].map((step) => ['disconnect step failed', step, connection.id]),
  );
});

// req: session.scope
test('a disposer that throws does not stop the others, and the failure is logged', async () => {
  const log: string[] = [];
  await using bench = new KernelBench([]);
  const { wire, connection } = bench.connect();
  connection.scope.defer(() => void log.push('first opened'));
  connection.scope.defer(() => {
    throw new Error('broken disposer');
  });
  connection.scope.defer(async () => {
    await turnOver();
    log.push('last opened');
  });
  await wire.close();
  await turnOver();
  await turnOver();
  assert.deepEqual(log, ['last opened', 'first opened']);
  assert.deepEqual(
    bench.log.takeErrors().map(({ fields }) => [fields['step'], (fields['err'] as Error).message]),
    [['scope', 'broken disposer']],
  );
});

// req: session.scope
test('what a domain keeps for a connection is made once, on first use, and disposed with the connection', async () => {
  const log: string[] = [];
  const keep = perConnection(({ id }) => {
    log.push(`made for ${id}`);
    return { id, [Symbol.dispose]: () => void log.push(`gone with ${id}`) };
  });
  const keepAsync = perConnection(() => ({
    [Symbol.asyncDispose]: async () => {
      await turnOver();
      log.push('async gone');
    },
  }));
  await using bench = new KernelBench([
    testDomain({ use: (_params, { connection }) => (keepAsync(connection), keep(connection).id) }),
  ]);
  const one = bench.connect({ clientId: 'one' });
  const two = bench.connect({ clientId: 'two' });
  bench.connect({ clientId: 'idle' });
  for (const { wire, connection } of [one, two, one]) assert.equal(await wire.result('use'), connection.id);
  assert.deepEqual(log, ['made for one', 'made for two']);
  await one.wire.close();
  await bench.kernel.remove('one');
  await turnOver();
  await turnOver();
  assert.deepEqual(log, ['made for one', 'made for two', 'gone with one', 'async gone']);
});

// req: session.disconnect-running
test('closing in the middle of a call aborts it with the connection, drops its result, and cleans up once', async () => {
  const gates = new Gates();
  const log: string[] = [];
  await using bench = new KernelBench([testDomain({ slow: gates.handle }), recordingDomain('d', log)]);
  const { wire, connection } = bench.connect();
  wire.send(request(1, 'slow'));
  const { context, open } = await gates.next();
  const { signal } = context;
  await wire.close(4000);
  await turnOver();
  assert.ok(signal.aborted && connection.signal.aborted && connection.isClosed);
  assert.equal((signal.reason as { closeCode: number }).closeCode, 4000);
  open('nobody waits');
  wire.channel.close();
  connection.peer.close();
  assert.equal(await bench.kernel.remove(connection.id), undefined);
  await turnOver();
  assert.equal(log.filter((step) => step === 'registry d').length, 1);
});

// req: session.scope
test('the scope outlives the handlers that use it, but not one that does not end', async () => {
  const gates = new Gates();
  const log: string[] = [];
  const slow = async (params: Record<string, unknown>, context: CallContext): Promise<unknown> => {
    context.connection.scope.defer(() => void log.push('scope'));
    await gates.handle(params, context);
    log.push('handler');
    return null;
  };
  await using bench = new KernelBench([testDomain({ slow })]);
  const ending = bench.connect();
  ending.wire.send(request(1, 'slow'));
  const { open } = await gates.next();
  await ending.wire.close();
  await turnOver();
  assert.deepEqual(log, []);
  open();
  await turnOver();
  assert.deepEqual(log, ['handler', 'scope']);
  const stuck = bench.connect();
  stuck.wire.send(request(1, 'slow'));
  await gates.next();
  await bench.kernel.remove(stuck.connection.id);
  assert.deepEqual(log.slice(2), ['scope']);
});

// req: session.remove
test('removing a session closes it, waits for its steps, and answers undefined for one that is not there', async () => {
  const step = Promise.withResolvers<void>();
  let isDone = false;
  await using bench = new KernelBench([testDomain({}, { onClose: { 'run-sweep': () => step.promise } })]);
  const { wire, connection } = bench.connect();
  const removed = bench.kernel.remove(connection.id).finally(() => (isDone = true));
  assert.equal((await wire.closed).code, 1000);
  await turnOver();
  assert.equal(isDone, false);
  step.resolve();
  assert.equal(await removed, connection);
  assert.equal(await bench.kernel.remove(connection.id), undefined);
  assert.equal(await bench.kernel.remove('nobody'), undefined);
});

// req: session.remove
test('a removed session takes no more requests while its client has yet to notice', async () => {
  let ran = 0;
  await using bench = new KernelBench([testDomain({ work: () => ++ran })]);
  const { wire, connection } = bench.connect();
  wire.send(request(1, 'work'));
  const removed = bench.kernel.remove(connection.id);
  await Promise.all([removed, wire.closed]);
  assert.equal(ran, 0);
});

// req: auth.timeout
test('a connection that does not authenticate in time is closed, one that does is not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const domain = testDomain({
    enter: { handle: (_params, { connection }) => (connection.markAuthenticated(), 'in'), access: 'public' },
  });
  const bench = new KernelBench([domain], {
    credentials: { isAuthRequired: true, hasHostToken: true },
    authTimeoutMs: 5_000,
  });
  let authenticated = 0;
  const late = bench.connect({ onAuthenticated: () => authenticated++ });
  const early = bench.connect({ onAuthenticated: () => authenticated++ });
  assert.equal(authenticated, 0);
  early.wire.send(request(1, 'enter'));
  await turnOver();
  assert.equal(authenticated, 1);
  t.mock.timers.tick(4_999);
  await turnOver();
  assert.ok(late.wire.channel.isOpen);
  t.mock.timers.tick(1);
  assert.deepEqual(await late.wire.closed, { code: 1008, reason: 'authentication timed out' });
  t.mock.timers.tick(60_000);
  await turnOver();
  assert.ok(early.wire.channel.isOpen);
  early.wire.send(request(2, 'enter'));
  await turnOver();
  assert.equal(authenticated, 1, 'told once');
  t.mock.timers.reset();
  await bench[Symbol.asyncDispose]();
});

// req: auth.timeout
test('without authentication a connection counts as authenticated from the start', async () => {
  await using bench = new KernelBench([testDomain({ role: (_params, { connection }) => connection.role })]);
  let authenticated = 0;
  const { wire, connection } = bench.connect({ onAuthenticated: () => authenticated++ });
  assert.deepEqual([connection.isAuthenticated, authenticated], [true, 1]);
  assert.equal(await wire.result('role'), 'client');
});

// req: session.drain
test('draining gives running calls until the deadline, then closes every connection with 1001', async () => {
  const gates = new Gates();
  const log: string[] = [];
  const bench = new KernelBench([testDomain({ slow: gates.handle }), recordingDomain('d', log)]);
  const busy = bench.connect();
  const idle = bench.connect();
  busy.wire.send(request(1, 'slow'));
  const { context } = await gates.next();
  const { signal } = context;
  const startedAt = performance.now();
  await bench.kernel.drain(60);
  assert.ok(performance.now() - startedAt >= 59);
  for (const { wire } of [busy, idle]) assert.deepEqual(await wire.closed, { code: 1001, reason: 'shutting down' });
  await turnOver();
  assert.ok(signal.aborted);
  assert.equal(log.filter((step) => step === 'run-sweep d').length, 2, 'every connection was cleaned up behind');
  assert.deepEqual([bench.kernel.isDraining, bench.kernel.connections.size], [true, 0]);
  const [near, far] = createMemoryPair();
  const late = new Wire(far);
  assert.throws(() => bench.kernel.accept(near), {
    message: 'Cannot accept a connection: the daemon is shutting down',
  });
  assert.equal((await late.closed).code, 1001);
  await bench[Symbol.asyncDispose]();
});

// req: session.drain
test('draining waits for disconnect steps, also of a client that never lets go', async () => {
  const step = Promise.withResolvers<void>();
  let isDrained = false;
  const stepped = Promise.withResolvers<void>();
  const onClose = {
    'run-sweep': () => {
      stepped.resolve();
      return step.promise;
    },
  };
  const bench = new KernelBench([testDomain({}, { onClose })]);
  // A channel whose close is never reported, as a socket's whose other end is gone.
  const stuck = {
    transport: 'memory' as const,
    isOpen: true,
    queuedBytes: 0,
    start: () => undefined,
    send: () => undefined,
    sendFrame: () => undefined,
    close: () => undefined,
    terminate: () => undefined,
  };
  bench.kernel.accept(stuck);
  const drained = bench.kernel.drain(0).then(() => (isDrained = true));
  await stepped.promise;
  await turnOver();
  assert.equal(isDrained, false);
  step.resolve();
  await drained;
  assert.equal(bench.kernel.connections.size, 0);
});
