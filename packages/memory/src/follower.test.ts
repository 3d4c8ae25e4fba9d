import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from './engine.ts';
import { compactRecords } from './log.ts';

function filled(facts: number, pause?: () => Promise<void>): MemoryEngine {
  using source = new MemoryEngine({ now: () => 0 });
  for (let n = 0; n < facts; n++) source.ingest({ id: `f${n}`, key: `key ${n}`, value: `value ${n}`.padEnd(200, '.') });
  const memory = new MemoryEngine({ now: () => 0, ...(pause && { pause }) });
  for (const record of compactRecords(source)) memory.replay(record);
  return memory;
}

for (const ranking of ['hybrid', 'classic']) {
  // req: memory.index.slices
  test(`${ranking}: the index of a memory that was loaded is made in slices, with a pause between each two`, async () => {
    let pauses = 0;
    using memory = filled(2_000, () => Promise.resolve(void pauses++));
    const [hit] = await memory.reader.queryOffLoop('value 1234', { ranking, limit: 1 });
    assert.equal(hit?.node.id, 'f1234');
    // 2 000 times 272 characters, 65 536 at a time.
    assert(pauses >= 5 && pauses <= 10, `${pauses} pauses`);
    await memory.reader.queryOffLoop('value 99', { ranking });
    assert(pauses <= 10, 'the second query waits for nothing');
  });

  // req: memory.index.slices
  test(`${ranking}: whoever only writes gets the index, too, a bounded piece with every fact`, () => {
    using memory = filled(300);
    let writes = 0;
    memory.ingest({ id: 'first', key: 'k', value: 'v' });
    while (!memory.reader.catchUp(0, ranking)) {
      memory.ingest({ id: `w${writes++}`, key: 'k', value: 'v' });
      assert(writes < 400);
    }
    if (ranking === 'hybrid') assert(writes > 20, `${writes} writes`);
    const ids = memory.reader.query('value 250', { ranking, limit: 1 }).map(({ node }) => node.id);
    assert.deepEqual(ids, ['f250']);
  });
}

// req: memory.index.slices
test('what ends or goes before it was indexed is not found afterwards', () => {
  using memory = filled(50);
  memory.reader.hold(true);
  memory.reader.catchUp(2_000);
  memory.remove(['f1', 'f40']);
  memory.supersede('f41', { id: 'new', key: 'key 41', value: 'value forty-one' });
  const found = memory.reader.query('value', { limit: 100 }).map(({ node }) => node.id);
  assert.deepEqual(
    [found.length, found.includes('f40'), found.includes('f41'), found.includes('new')],
    [48, false, false, true],
  );
  memory.reset();
  assert.deepEqual(memory.reader.query('value'), []);
});
