import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { RecordingLogger, TempFolder } from '@car-runtime/testkit';
import { Connection } from '../../kernel/connection.ts';
import { Health } from '../../kernel/health.ts';
import { Memories } from './memories.ts';

function connectionTo(memoryNamespace: string): Connection {
  const connection = new Connection(memoryNamespace, { transport: 'memory' });
  connection.memoryNamespace = memoryNamespace;
  return connection;
}

function open(root: string, maxNamespaces = 2): Memories {
  return new Memories({ root, health: new Health(), logger: new RecordingLogger(), maxNamespaces });
}

// req: memory.scope.bounds
test('namespaces beyond the limit are closed when nobody uses them, losing nothing, and refused when all are in use', async () => {
  using folder = new TempFolder();
  await using memories = open(folder.join('m'));
  const connections = ['a', 'b', 'c'].map(connectionTo);
  const [a, b, c] = connections as [Connection, Connection, Connection];
  for (const connection of [a, b]) {
    const { engine } = await memories.memoryOf(connection);
    engine.ingest({ id: connection.id, key: 'k', value: 'v' });
  }
  assert.throws(() => memories.memoryOf(c), { data: { reason: 'overloaded' } });
  await a.disposeScope();
  assert.equal((await memories.memoryOf(c)).engine.factCount, 0);
  await b.disposeScope();
  const again = await memories.memoryOf(connectionTo('a'));
  assert.ok(again.engine.graph.byId('a'), 'what was closed is read again');
});

// req: memory.scope.bounds
test('a name that is too long for a file is refused and named', async () => {
  using folder = new TempFolder();
  await using memories = open(folder.join('m'));
  assert.throws(() => memories.memoryOf(connectionTo('ä'.repeat(40))), {
    data: { reason: 'bad_memory_name', field: 'memory_namespace' },
  });
  assert.equal(existsSync(folder.join('m')), false, 'nothing was made');
});

test('two calls at once load a memory once, and a connection that is gone leaves nothing behind', async () => {
  using folder = new TempFolder();
  await using memories = open(folder.join('m'), 1);
  const connection = connectionTo('a');
  const [first, second] = await Promise.all([memories.memoryOf(connection), memories.memoryOf(connectionTo('a'))]);
  assert.equal(first, second);
  assert.equal(first?.users, 2);
  await connection.disposeScope();
  connection.markClosed(new Error('gone') as never);
  assert.equal(await memories.memoryOf(connection), first);
  assert.equal(first?.users, 1);
});
