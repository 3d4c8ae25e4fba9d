import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from '../engine.ts';
import type { Embedder } from './embedder.ts';
import { Vectors } from './vectors.ts';

/** Counts hashed runs of three letters: texts that are spelt alike are alike. */
function createNgramEmbedder(dimensions = 256): Embedder & { asked: number } {
  const vectorOf = (text: string): Float32Array => {
    const vector = new Float32Array(dimensions);
    const letters = ` ${text.toLowerCase().replaceAll(/[^a-z0-9]+/g, ' ')} `;
    for (let at = 0; at + 3 <= letters.length; at++) {
      let hash = 7;
      for (const letter of letters.slice(at, at + 3)) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
      vector[Math.abs(hash) % dimensions]! += (hash >>> 16) % 2 === 0 ? 1 : -1;
    }
    return vector;
  };
  const embedder = {
    dimensions,
    asked: 0,
    embed: (texts: readonly string[]) => {
      embedder.asked += texts.length;
      return Promise.resolve(texts.map(vectorOf));
    },
  };
  return embedder;
}

const facts = [
  ['hosting', 'the kubernetes cluster runs in Frankfurt'],
  ['lunch', 'soup at noon'],
  ['invoices', 'sent monthly by the bookkeeper'],
  ['garden', 'rhododendrons need acid soil'],
  ['holiday', 'two weeks in Brittany'],
] as const;

function fill(memory: MemoryEngine, tenant = ''): MemoryEngine {
  for (const [key, value] of facts) memory.ingest({ id: key, key, value, tenant });
  return memory;
}

async function idsOf(memory: MemoryEngine, text: string, tenant = ''): Promise<string[]> {
  return (await memory.reader.queryOffLoop(text, { tenant, limit: 3 })).map(({ node }) => node.id);
}

// req: memory.embedder
test('an embedder finds what no word leads to, in queries and in contexts', async () => {
  using plain = fill(new MemoryEngine({ now: () => 0 }));
  using memory = fill(new MemoryEngine({ now: () => 0, embedder: createNgramEmbedder() }));
  await memory.reader.embedded();
  assert.deepEqual(await idsOf(plain, 'rododendron acidsoil'), []);
  assert.equal((await idsOf(memory, 'rododendron acidsoil'))[0], 'garden');
  assert.equal((await idsOf(memory, 'kubernetesclusters frankfort'))[0], 'hosting');
  const shown = (await memory.reader.contextOffLoop('rododendron acidsoil')).filter(
    ({ section }) => section === 'facts',
  );
  assert.match(shown.at(-1)?.text ?? '', /garden/);
});

// req: memory.embedder
test('what ended, went or is another tenant is not found by its vector', async () => {
  const embedder = createNgramEmbedder();
  using memory = fill(fill(new MemoryEngine({ now: () => 0, embedder })), 'a');
  await memory.reader.embedded();
  memory.supersede('garden', { id: 'new', key: 'garden', value: 'gravel' });
  memory.remove(['hosting']);
  await memory.reader.embedded();
  assert(!(await idsOf(memory, 'rododendron acidsoil')).includes('garden'));
  assert(!(await idsOf(memory, 'kubernetesclusters')).includes('hosting'));
  assert.deepEqual((await idsOf(memory, 'rododendron acidsoil', 'a')).slice(0, 1), ['garden']);
  assert.deepEqual(await idsOf(memory, 'rododendron acidsoil', 'b'), []);
  memory.reset();
  memory.ingest({ id: 'again', key: 'k', value: 'gravel path' });
  await memory.reader.embedded();
  assert.deepEqual(await idsOf(memory, 'gravelpath'), ['again']);
});

// req: memory.embedder
test('an embedder that fails changes nothing, to the bit, and is asked again later', async () => {
  const problems: unknown[] = [];
  let isBroken = true;
  const working = createNgramEmbedder();
  const embedder: Embedder = {
    dimensions: working.dimensions,
    embed: (texts) => (isBroken ? Promise.reject(new Error('no model')) : working.embed(texts)),
  };
  using plain = fill(new MemoryEngine({ now: () => 0 }));
  using memory = fill(
    new MemoryEngine({ now: () => 0, embedder, onEmbedderProblem: (error) => void problems.push(error) }),
  );
  await memory.reader.embedded();
  const asked = async (engine: MemoryEngine) =>
    JSON.stringify(await engine.reader.queryOffLoop('acid soil of the garden'));
  assert.equal(await asked(memory), await asked(plain));
  assert(problems.length > 0);
  isBroken = false;
  await memory.reader.embedded();
  assert.equal((await idsOf(memory, 'rododendron'))[0], 'garden');
});

// req: memory.embedder
test('the same memory and the same embedder give the same bytes, however the nodes came in', async () => {
  const answers: string[] = [];
  for (const isOneByOne of [false, true]) {
    using memory = new MemoryEngine({ now: () => 0, embedder: createNgramEmbedder() });
    for (const [key, value] of facts) {
      memory.ingest({ id: key, key, value });
      if (isOneByOne) await memory.reader.embedded();
    }
    await memory.reader.embedded();
    const hits = await memory.reader.queryOffLoop('acidsoil lunches');
    answers.push(JSON.stringify(hits.map(({ node, score }) => [node.id, score])));
  }
  assert.equal(answers[0], answers[1]);
});

// req: memory.embedder
test('vectors take a byte a number, and of thousands the nearest are found', () => {
  const dimensions = 64;
  const vectors = new Vectors(dimensions);
  let state = 1;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 31 - 1;
  const all = Array.from({ length: 5_000 }, () => Float32Array.from({ length: dimensions }, random));
  for (const [id, vector] of all.entries()) vectors.set(id, vector);
  assert(vectors.byteLength < 5_000 * (dimensions + 40) * 2, `${vectors.byteLength} bytes`);
  for (const id of [0, 1_234, 4_999]) {
    const near = all[id]!.map((each) => each + random() / 4);
    assert.equal(vectors.nearest(near, 5, () => true)[0]?.id, id);
    assert.notEqual(vectors.nearest(near, 5, (other) => other !== id)[0]?.id, id);
  }
  for (let id = 0; id < 4_990; id++) vectors.delete(id);
  assert.equal(vectors.size, 10);
  assert.equal(vectors.nearest(all[4_995]!, 1, () => true)[0]?.id, 4_995);
  assert.equal(vectors.set(1, new Float32Array(dimensions)), false);
  assert.equal(vectors.set(1, new Float32Array(3)), false);
});
