// ServerState as embedders hold it.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';
import { test } from 'node:test';
import { MemoryEngine, ServerState } from '@car-runtime/core';
import { createMemoryPair } from '@car-runtime/rpc';
import { TempFolder, Wire } from '@car-runtime/testkit';

function connect(state: ServerState, clientId?: string): { wire: Wire; clientId: string } {
  const [near, far] = createMemoryPair();
  const connection = state.createSession(near, clientId === undefined ? {} : { clientId });
  return { wire: new Wire(far), clientId: connection.id };
}

// req: state.composition
test('embedded, every session works on the memory it was given; standalone, each on its own', async () => {
  using folder = new TempFolder();
  const memory = new MemoryEngine();
  await using embedded = ServerState.embedded(folder.join('a'), memory);
  await using standalone = ServerState.standalone(folder.join('b'));
  await using configured = ServerState.withConfig({ journalDir: folder.join('c'), sharedMemory: memory });
  const memoriesOf = async (state: ServerState): Promise<MemoryEngine[]> => {
    connect(state);
    connect(state);
    return Promise.all([...state.sessions.values()].map((session) => state.memoryOf(session)));
  };
  for (const state of [embedded, configured]) assert.deepEqual(new Set(await memoriesOf(state)), new Set([memory]));
  const own = await memoriesOf(standalone);
  assert.equal(new Set([...own, memory]).size, 3);
});

// req: state.composition
test('a state that serves nobody has made no file, and a relative folder is this process’s', async () => {
  using folder = new TempFolder();
  await using state = ServerState.standalone(relative(process.cwd(), folder.join('journals')));
  assert.equal(state.journalDir, folder.join('journals'));
  const { wire } = connect(state);
  await wire.result('state.set', { key: 'k', value: 1 });
  assert.deepEqual(readdirSync(folder.path), []);
  assert.equal((await state.sweepStorage()).journalsRemoved, 0);
  assert.equal(existsSync(state.journalDir), false);
});

// req: state.composition
test('sessions are named by their embedder or by the daemon, and gone when they are removed or the state is disposed of', async () => {
  using folder = new TempFolder();
  const state = ServerState.standalone(folder.join('journals'));
  const named = connect(state, 'worker-1');
  const other = connect(state);
  assert.deepEqual([...state.sessions.keys()], ['worker-1', other.clientId]);
  assert.throws(() => connect(state, 'worker-1'), /in use/);
  assert.throws(() => connect(state, '../../etc/passwd'), /does not match/);
  assert.equal((await state.removeSession('worker-1'))?.id, 'worker-1');
  assert.equal((await named.wire.closed).code, 1000);
  assert.equal(state.acceptedTotal, 2);
  await state[Symbol.asyncDispose]();
  assert.equal((await other.wire.closed).code, 1001);
  assert.equal(state.sessions.size, 0);
  assert.throws(() => connect(state), { message: 'Cannot accept a connection: the daemon is shutting down' });
  await state[Symbol.asyncDispose]();
});
