import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MemoryEngine } from '../engine.ts';
import { compactRecords } from '../log.ts';
import type { MemoryRecord } from '../records.ts';
import { hashOf, SavedIndex } from './saved-index.ts';

const questions = ['deploy friday', 'which vendor is on day 3', 'budget of the vendor', 'ünïcode', 'key 1'];

/** What queries of every tenant answer, to the bit. */
function answersOf({ reader }: MemoryEngine): string {
  const ask = (text: string, tenant: string) =>
    reader.query(text, { limit: 20, tenant }).map(({ node, score }) => [node.id, score]);
  return JSON.stringify(questions.map((text) => ['', 'a'].map((tenant) => ask(text, tenant))));
}

/** A memory as a file gives it back: filled, and not yet indexed. */
function filledWith(records: Iterable<MemoryRecord>): MemoryEngine {
  const memory = new MemoryEngine({ now: () => 0 });
  for (const record of records) memory.replay(record);
  return memory;
}

const word = fc.constantFrom('deploy', 'friday', 'budget', 'vendor', 'the', 'day 3', 'ünïcode', 'on');
const step = fc.record({
  do: fc.constantFrom('fact', 'fact', 'fact', 'turn', 'supersede', 'remove', 'end'),
  words: fc.array(word, { maxLength: 9 }).map((words) => words.join(' ')),
  key: fc.nat(4),
  tenant: fc.constantFrom('', '', 'a'),
});

type Step = typeof step extends fc.Arbitrary<infer Drawn> ? Drawn : never;

function take(memory: MemoryEngine, { do: what, words, key, tenant }: Step): void {
  const named = { key: `key ${key}`, value: words, tenant };
  const [target] = memory.graph.factsOfKey(named.key, { tenant });
  if (what === 'turn') memory.addTurn({ speaker: key % 2 === 0 ? 'Ann' : 'Ben', text: words, tenant });
  else if (what === 'fact' || !target) memory.ingest(named);
  else if (what === 'supersede') memory.supersede(target.id, named);
  else if (what === 'remove') memory.remove([target.id], tenant);
  else memory.invalidate(target.id, tenant);
}

// req: memory.index.saved
test('a memory with a saved index answers, to the bit, as one without, whatever happened since it was saved', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      fc.array(step, { maxLength: 15 }),
      fc.nat(6),
      (before, after, slice) => {
        const records: MemoryRecord[] = [];
        using memory = new MemoryEngine({ now: () => 0 });
        memory.keepIn((record) => void records.push(record));
        for (const each of before) take(memory, each);
        const saved = memory.reader.saveIndex()!;
        for (const each of after) take(memory, each);
        const expected = answersOf(memory);
        for (const source of [records, [...compactRecords(memory)]]) {
          using loaded = filledWith(source);
          assert.equal(loaded.reader.useIndex(saved), true);
          for (let isDone = slice === 0; !isDone;) isDone = loaded.reader.catchUp(slice * 100);
          assert.equal(answersOf(loaded), answersOf(filledWith(source)));
          if (source === records) assert.equal(answersOf(loaded), expected);
        }
      },
    ),
    { numRuns: process.env['CAR_TEST_LONG'] ? 2_000 : 100 },
  );
});

function createMemory(facts: number): MemoryEngine {
  const memory = new MemoryEngine({ now: () => 0 });
  for (let n = 0; n < facts; n++) {
    memory.ingest({ id: `f${n}`, key: `key ${n % 7}`, value: `deploy ${n} of the vendor on day ${n % 5}` });
  }
  return memory;
}

// req: memory.index.damaged
test('a saved index that is damaged at any byte, cut or lengthened is not used, and answers stay the same', () => {
  using memory = createMemory(6);
  const expected = answersOf(memory);
  const records = [...compactRecords(memory)];
  const saved = memory.reader.saveIndex()!;
  const refused = (bytes: Uint8Array): void => {
    using loaded = filledWith(records);
    assert.equal(loaded.reader.useIndex(bytes), false);
    assert.equal(answersOf(loaded), expected);
  };
  for (let at = 0; at < saved.length; at++) {
    const damaged = saved.slice();
    damaged[at]! ^= 1 << (at % 8);
    refused(damaged);
    if (at % 3 === 0) refused(saved.slice(0, at));
  }
  refused(new Uint8Array([...saved, 0, 0, 0, 0]));
  refused(new Uint8Array());
});

// req: memory.index.damaged
test('the saved index of another memory changes no answer', () => {
  using memory = createMemory(40);
  using other = new MemoryEngine({ now: () => 0 });
  for (let n = 0; n < 40; n++) other.ingest({ key: 'deploy', value: `vendor ${n * 3}` });
  using loaded = filledWith(compactRecords(memory));
  assert.equal(loaded.reader.useIndex(other.reader.saveIndex()!), true);
  assert.equal(answersOf(loaded), answersOf(memory));
});

// req: memory.index.saved
test('texts that were saved are found again past those that are gone, and new ones are not looked for forever', () => {
  using memory = createMemory(50);
  const saved = SavedIndex.parse(memory.reader.saveIndex()!)!;
  const hashes = [...memory.graph.nodes()].map(({ key, value }) => hashOf(key, value));
  for (const nth of [0, 1, 20, 49]) assert.equal(saved.find(hashes[nth]!)?.bodyLength, 5);
  for (let n = 0; n < 20; n++) assert.equal(saved.find([1, n]), undefined);
  assert.equal(saved.find(hashes[49]!), undefined);
});
