import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { MemoryEngine, skillsOf, type MemoryError } from '@car-runtime/memory';
import { RecordingLogger, TempFolder } from '@car-runtime/testkit';
import * as fc from 'fast-check';
import { OpenHandles } from '../../../infra/append-file.ts';
import { JobWorker } from '../../../infra/job-worker.ts';
import { Health } from '../../../kernel/health.ts';
import { MemoryFile } from './memory-file.ts';
import type { WriteBytes } from './record-file.ts';
import { agentPath, encodeName, namespacePath } from './memory-names.ts';

class Kept implements AsyncDisposable {
  readonly engine: MemoryEngine;
  readonly file: MemoryFile;
  readonly handles: OpenHandles;
  readonly compactor: JobWorker;

  private constructor(engine: MemoryEngine, file: MemoryFile, handles: OpenHandles, compactor: JobWorker) {
    this.engine = engine;
    this.file = file;
    this.handles = handles;
    this.compactor = compactor;
  }

  static async open(
    path: string,
    {
      health = new Health(),
      logger = new RecordingLogger(),
      minGrowthBytes,
      write,
    }: {
      health?: Health;
      logger?: RecordingLogger;
      minGrowthBytes?: number;
      write?: WriteBytes;
    } = {},
  ): Promise<Kept> {
    const engine = new MemoryEngine({ now: () => 7 });
    const handles = new OpenHandles();
    const module = new URL('./compact-worker.ts', import.meta.url);
    const compactor = new JobWorker({ module, name: 'compact', limitMs: 60_000, maxWaiting: 8 });
    const file = await MemoryFile.open(engine, { path, handles, compactor, health, logger, minGrowthBytes, write });
    return new Kept(engine, file, handles, compactor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file[Symbol.asyncDispose]();
    await this.compactor[Symbol.asyncDispose]();
    this.handles[Symbol.dispose]();
  }
}

/** What a memory is, whatever its indexes are. */
function contentOf(engine: MemoryEngine): unknown {
  const { graph } = engine;
  const minted = [...engine.minted].toSorted(([a], [b]) => a.localeCompare(b));
  const nodes = [...graph.nodes()].map((node) => ({ ...node, index: 0 }));
  const shelves = tenants.map((tenant) =>
    skillsOf(engine)
      .list(tenant)
      .map((skill) => ({ ...skill, node: 0 })),
  );
  const edges = Array.from({ length: graph.adjacency.edgeCount }, (_, nth) => graph.adjacency.edge(nth))
    .flatMap(({ from, to, kind, weight }) => {
      const [source, target] = [graph.node(from), graph.node(to)];
      return source === undefined || target === undefined
        ? []
        : [`${source.tenant}/${source.id} ${kind} ${weight} ${target.tenant}/${target.id}`];
    })
    .toSorted((a, b) => a.localeCompare(b));
  const uses = [...graph.idUses()].map((use) => JSON.stringify(use)).toSorted((a, b) => a.localeCompare(b));
  return { nodes, edges, minted, uses, shelves };
}

type Change = (engine: MemoryEngine) => void;

const tenants = ['', 'a', '__proto__'];
/** Ids and keys that the tenants share. */
const id = fc.integer({ min: 0, max: 9 }).map((nth) => `f${nth}`);
const tenant = fc.constantFrom(...tenants);
const text = fc.oneof(fc.string(), fc.constantFrom('line\nbreak', 'tötet 😀', '\u2028', '"{', '\ud800', '\u202e'));
const skill = fc.constantFrom('login', 'pay');
const change: fc.Arbitrary<Change> = fc.oneof(
  fc
    .record({
      id,
      tenant,
      key: fc.constantFrom('k', 'j'),
      value: text,
      dependsOn: fc.array(id),
      isConstraint: fc.boolean(),
    })
    .map((fact) => (engine: MemoryEngine) => void engine.ingest(fact)),
  fc.record({ target: id, id, tenant, value: text }).map(({ target, ...fact }) => (engine: MemoryEngine) => {
    if (engine.findTarget(target, { tenant: fact.tenant })) engine.supersede(target, { ...fact, key: 'k' });
  }),
  fc
    .record({ tenant, key: text, value: text, premises: fc.array(id) })
    .map((fact) => (engine: MemoryEngine) => void engine.ingest({ ...fact, kind: 'conclusion' })),
  fc.tuple(id, tenant).map(
    ([each, of]) =>
      (engine: MemoryEngine) =>
        void engine.invalidate(each, of),
  ),
  fc.tuple(id, tenant).map(
    ([each, of]) =>
      (engine: MemoryEngine) =>
        void engine.confirm(each, of),
  ),
  fc.tuple(id, tenant).map(([each, of]) => (engine: MemoryEngine) => {
    if (engine.graph.byId(each, of)) engine.count([each], 'usage', { tenant: of });
  }),
  fc.tuple(id, tenant).map(([each, of]) => (engine: MemoryEngine) => {
    if (engine.graph.byId(each, of)) engine.remove([each], of);
  }),
  fc.tuple(text, tenant).map(
    ([said, of]) =>
      (engine: MemoryEngine) =>
        void engine.addTurn({ speaker: 'ann', text: said, tenant: of }),
  ),
  fc
    .record({ name: skill, code: text, tenant })
    .map((input) => (engine: MemoryEngine) => void skillsOf(engine).ingest(input)),
  fc
    .record({ name: skill, code: text, tenant })
    .map((input) => (engine: MemoryEngine) => void skillsOf(engine).ingestCandidate(input)),
  fc.tuple(skill, tenant, fc.boolean()).map(([name, of, isSuccess]) => (engine: MemoryEngine) => {
    for (const key of [name, `${name}@cand`]) {
      for (let nth = 0; nth < 5; nth++)
        if (skillsOf(engine).get(key, of)) skillsOf(engine).report(key, isSuccess ? 'success' : 'failure', of);
    }
    skillsOf(engine).gate();
  }),
  fc.constant((engine: MemoryEngine) => engine.reset()),
);
const changes = fc.array(change, { minLength: 1, maxLength: 12 });
const numRuns = process.env['CAR_TEST_LONG'] ? 60 : 4;

// req: memory.store.acknowledged, skills.persistence
test('a file cut at any byte loads exactly the changes whose lines are whole', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (made) => {
      using folder = new TempFolder();
      const path = folder.join('m', 'a.jsonl');
      /** The memory after so many bytes. */
      const states = new Map<number, unknown>([[0, contentOf(new MemoryEngine())]]);
      {
        await using kept = await Kept.open(path);
        for (const each of made) {
          each(kept.engine);
          const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
          states.set(size, contentOf(kept.engine));
        }
      }
      const bytes = readFileSync(path, { flag: 'a+' });
      const copy = folder.join('m', 'copy.jsonl');
      for (let cut = 0; cut <= bytes.length; cut++) {
        const whole = bytes.subarray(0, cut).lastIndexOf(0x0a) + 1;
        // The head alone is no change.
        if (whole > 0 && whole === bytes.indexOf(0x0a) + 1) continue;
        const expected = states.get(whole);
        writeFileSync(copy, bytes.subarray(0, cut));
        const logger = new RecordingLogger();
        await using again = await Kept.open(copy, { logger });
        // A cut between the lines of one change, which nobody was told of, loads what is there of it.
        if (states.has(whole)) assert.deepEqual(contentOf(again.engine), expected);
        assert.deepEqual(logger.records, []);
        assert.equal(statSync(copy).size, whole, 'what is torn is cut off');
      }
    }),
    { numRuns, endOnFailure: true },
  );
});

// req: memory.ids.old-files
test('a file in which ids were unique over all tenants loads as it was, and goes on in the format of today', async () => {
  using folder = new TempFolder();
  mkdirSync(folder.join('m'));
  const path = folder.join('m', 'a.jsonl');
  const lines = [
    { op: 'head', version: 1, minted: 3 },
    { op: 'asked', id: 'x', uses: 2 },
    { op: 'add', node: { id: 'x', kind: 'fact', key: 'k', value: 'unscoped', at: 1 } },
    { op: 'add', node: { id: 'x-2', kind: 'fact', key: 'k', value: 'of t', at: 1, tenant: 't' }, asked: ['x', 2] },
    { op: 'add', node: { id: 'y', kind: 'fact', key: 'j', value: 'of t', at: 1, tenant: 't' } },
    { op: 'edge', from: 'y', to: 'x-2', kind: 'depends_on', weight: 1 },
    { op: 'count', ids: ['x-2'], counter: 'usage' },
    { op: 'end', id: 'x-2', at: 2 },
    { op: 'remove', ids: ['x'] },
  ];
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const logger = new RecordingLogger();
  let expected: unknown;
  {
    await using kept = await Kept.open(path, { logger });
    const { graph } = kept.engine;
    assert.equal(graph.byId('x-2', 't')?.kind, 'fact_superseded');
    assert.equal(graph.byId('x-2', 't')?.counters.usage, 1);
    assert.equal(graph.byId('y', 't')?.needsReview, true);
    kept.engine.ingest({ id: 'y', key: 'k', value: 'unscoped' });
    kept.engine.confirm('y', 't');
    kept.engine.invalidate('y');
    expected = contentOf(kept.engine);
  }
  await using again = await Kept.open(path, { logger });
  assert.deepEqual(contentOf(again.engine), expected);
  assert.deepEqual(logger.records, []);
  const later = folder.join('m', 'later.jsonl');
  writeFileSync(later, '{"op":"head","version":3,"minted":0}\n{"op":"add"}\n');
  await assert.rejects(Kept.open(later), { reason: 'unknown_format' });
  assert.equal(readFileSync(later, 'utf8').split('\n').length, 3, 'it is as it was');
});

// req: memory.store.compaction
test('a compacted file loads as the same memory, and what changes meanwhile is in it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 30, maxLength: 60 }), async (made) => {
      using folder = new TempFolder();
      const path = folder.join('m', 'a.jsonl');
      let expected: unknown;
      let length = 0;
      {
        await using kept = await Kept.open(path, { minGrowthBytes: 500 });
        for (const [nth, each] of made.entries()) {
          each(kept.engine);
          if (nth % 20 === 0) await kept.file.settled();
        }
        await kept.file.settled();
        expected = contentOf(kept.engine);
        length = statSync(path).size;
      }
      assert.deepEqual(readdirSync(dirname(path)), ['a.jsonl'], 'nothing is left over');
      await using again = await Kept.open(path);
      assert.deepEqual(contentOf(again.engine), expected);
      assert.ok(length > 0);
    }),
    { numRuns, endOnFailure: true },
  );
});

// req: memory.store.compaction
test('a file that only counts grows no further than twice its memory', async () => {
  using folder = new TempFolder();
  const path = folder.join('m', 'a.jsonl');
  await using kept = await Kept.open(path, { minGrowthBytes: 2_000 });
  kept.engine.ingest({ id: 'a', key: 'k', value: 'v' });
  for (let nth = 0; nth < 1_000; nth++) {
    kept.engine.count(['a'], 'usage');
    await kept.file.settled();
  }
  assert.ok(statSync(path).size < 3_000, String(statSync(path).size));
  assert.equal(kept.engine.graph.byId('a')?.counters.usage, 1_000);
});

// req: memory.store.corrupt
test('a corrupt line is reported with its number and kept aside, and everything else loads', async () => {
  using folder = new TempFolder();
  const path = folder.join('m', 'a.jsonl');
  {
    await using kept = await Kept.open(path);
    for (const each of ['a', 'b', 'c']) kept.engine.ingest({ id: each, key: 'k', value: each });
  }
  const [head, a, b, c] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const bad = [
    b?.slice(0, -9),
    '[]',
    '{"op":"nothing"}',
    '{"op":"add","node":{"id":"x"}}',
    '{"op":"remove","ids":["x"]}',
  ];
  writeFileSync(path, `${[head, a, ...bad, c].join('\n')}\n`);
  const logger = new RecordingLogger();
  await using kept = await Kept.open(path, { logger });
  assert.deepEqual(
    [...kept.engine.graph.nodes()].map((node) => node.id),
    ['a', 'c'],
  );
  assert.equal(readFileSync(`${path}.corrupt`, 'utf8'), `${bad.join('\n')}\n`);
  const reported = logger.records.filter(({ message }) => message.includes('corrupt line'));
  assert.deepEqual(
    reported.map(({ fields }) => fields['line']),
    [3, 4, 5, 6, 7],
  );
  kept.engine.ingest({ id: 'd', key: 'k', value: 'd' });
  await using again = await Kept.open(path);
  assert.deepEqual(
    [...again.engine.graph.nodes()].map((node) => node.id),
    ['a', 'c', 'd'],
  );
});

// req: memory.scope.legacy
test('a legacy .json is read where there is no .jsonl, which is written from then on', async () => {
  using folder = new TempFolder();
  const path = folder.join('m', 'a.jsonl');
  mkdirSync(folder.join('m'));
  writeFileSync(
    folder.join('m', 'a.json'),
    JSON.stringify([{ subject: 'k', body: 'old', kind: 'pattern', fact_id: 'x' }]),
  );
  for (const expected of [['x'], ['x', 'y']]) {
    await using kept = await Kept.open(path);
    assert.ok(statSync(path).size > 0);
    assert.deepEqual(
      [...kept.engine.graph.nodes()].map((node) => node.id),
      expected,
    );
    if (expected.length === 1) kept.engine.ingest({ id: 'y', key: 'k', value: 'new' });
  }
});

/** A disk that takes so many bytes more. */
function diskOf(free: number): { write: WriteBytes; free: number } {
  const disk = {
    free,
    write: (descriptor: number, bytes: Uint8Array, offset: number) => {
      if (disk.free === 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      const taken = writeSync(descriptor, bytes, offset, Math.min(disk.free, bytes.length - offset));
      disk.free -= taken;
      return taken;
    },
  };
  return disk;
}

// req: memory.store.refused
test('a full disk is a typed error, and what is in memory is what is in the file, wherever it fills up', async () => {
  await fc.assert(
    fc.asyncProperty(changes, fc.nat(3_000), async (made, free) => {
      using folder = new TempFolder();
      const path = folder.join('m', 'a.jsonl');
      const [disk, health, logger] = [diskOf(free), new Health(), new RecordingLogger()];
      let expected: unknown;
      {
        await using kept = await Kept.open(path, { health, logger, write: disk.write });
        const tryAll = (): void => {
          for (const each of made) {
            try {
              each(kept.engine);
            } catch (error) {
              assert.equal((error as MemoryError).reason, 'not_stored');
              assert.match((error as Error).message, /^Cannot change this memory: the disk is full$/);
              assert.match(health.problems.join(), /^memory a\.jsonl: /);
            }
          }
        };
        tryAll();
        {
          writeFileSync(folder.join('m', 'copy.jsonl'), readFileSync(path, { flag: 'a+' }));
          await using now = await Kept.open(folder.join('m', 'copy.jsonl'), { logger });
          assert.deepEqual(contentOf(now.engine), contentOf(kept.engine));
        }
        disk.free = Infinity;
        tryAll();
        assert.deepEqual(health.problems, []);
        expected = contentOf(kept.engine);
      }
      await using again = await Kept.open(path, { logger });
      assert.deepEqual(contentOf(again.engine), expected);
      assert.deepEqual(
        logger.records.filter(({ message }) => message.includes('corrupt')),
        [],
      );
    }),
    { numRuns: numRuns * 5, endOnFailure: true },
  );
});

// req: memory.scope.names
test('a name becomes a file name that no other name has on any file system', () => {
  assert.deepEqual(['myapp-7', 'A/b', '50%', 'ä', '', '..'].map(encodeName), [
    'myapp-7',
    '%41%2fb',
    '50%25',
    '%c3%a4',
    '',
    '..',
  ]);
  assert.equal(namespacePath('/r', 'A/b'), '/r/memory-namespaces/%41%2fb.jsonl');
  assert.equal(agentPath('/r', 'scout'), '/r/agents/scout.jsonl');
  assert.throws(() => namespacePath('/r', 'x'.repeat(201)), { message: /at most 200/ });
  assert.throws(() => namespacePath('/r', '\ud800'), { message: /well-formed/ });
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      const names = [a, b].map((name) => encodeName(name).toLowerCase());
      assert.equal(names[0] === names[1], Buffer.from(a).equals(Buffer.from(b)));
      assert.match(names[0] ?? '', /^[a-z0-9._%-]*$/);
    }),
  );
});
