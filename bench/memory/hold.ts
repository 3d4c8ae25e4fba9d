// Loads a memory of so many facts from its lines and says what that took; the process of the benchmark's `held` and `load`.
import { MemoryEngine, replayLines } from '@car-runtime/memory';
import { median } from '../harness/measure.ts';
import { createFacts } from './corpus.ts';
import type { Held } from './speed.ts';

function createFile(facts: number): Buffer {
  const engine = new MemoryEngine({ now: () => 0 });
  const lines: string[] = [];
  engine.keepIn((record) => void lines.push(JSON.stringify(record)));
  for (const { id, subject, body } of createFacts(facts)) engine.ingest({ id, key: subject, value: body });
  return Buffer.from(lines.join('\n'));
}

function held(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function* linesOf(bytes: Buffer): Generator<string> {
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0x0a, start);
    yield bytes.toString('utf8', start, end === -1 ? bytes.length : end);
    if (end === -1) return;
    start = end + 1;
  }
}

const file = createFile(Number(process.argv[2]));
/** Processor time of the quickest of three: whatever else the machine does only adds. */
function quickest(work: () => void): number {
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

const parseMs = quickest(() => {
  for (const line of linesOf(file)) JSON.parse(line);
});
/** With an index, made of the texts or of what was saved of them. */
function load(saved?: Uint8Array): MemoryEngine {
  const engine = new MemoryEngine({ now: () => 0 });
  replayLines(engine, linesOf(file));
  if (saved && !engine.reader.useIndex(saved)) throw new Error('The saved index is of no use');
  while (!engine.reader.catchUp(Infinity));
  return engine;
}

function saveIndex(): Uint8Array {
  using engine = load();
  return engine.reader.saveIndex() ?? new Uint8Array();
}

/** Measured first: what the others leave behind would count. */
function holding(): number {
  const before = held();
  using memory = load();
  memory.reader.query('begin');
  return held() - before;
}

const heldBytes = holding();
const saved = saveIndex();
/** The facts alone, as the daemon loads them: it makes the index afterwards, in slices. */
const replayMs = quickest(() => {
  using engine = new MemoryEngine({ now: () => 0 });
  replayLines(engine, linesOf(file));
});
const loadMs = quickest(() => load()[Symbol.dispose]());
const savedLoadMs = quickest(() => load(saved)[Symbol.dispose]());

/** Median of the slices in which an index is made. */
function slice(): number {
  using engine = new MemoryEngine({ now: () => 0 });
  replayLines(engine, linesOf(file));
  const times: number[] = [];
  for (let isDone = false; !isDone;) {
    const start = performance.now();
    isDone = engine.reader.catchUp();
    times.push(performance.now() - start);
  }
  return median(times);
}

const sliceMs = slice();
const answer: Held = {
  heldBytes,
  fileBytes: file.length,
  savedBytes: saved.length,
  replayMs,
  loadMs,
  savedLoadMs,
  parseMs,
  sliceMs,
};
console.log(JSON.stringify(answer));
