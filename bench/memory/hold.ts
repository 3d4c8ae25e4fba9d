// Loads a memory of so many facts from its lines and says what that took; the process of the benchmark's `held` and `load`.
import { MemoryEngine, replayLines } from '@car-runtime/memory';
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
/** The quickest of three: whatever else the machine does only adds. */
function quickest(work: () => void): number {
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const parseMs = quickest(() => {
  for (const line of linesOf(file)) JSON.parse(line);
});
const loadMs = quickest(() => {
  using engine = new MemoryEngine({ now: () => 0 });
  replayLines(engine, linesOf(file));
});
const before = held();
const memory = new MemoryEngine({ now: () => 0 });
replayLines(memory, linesOf(file));
const start = performance.now();
memory.reader.query('begin', { limit: 10 });
const firstQueryMs = performance.now() - start;
const answer: Held = { heldBytes: held() - before, fileBytes: file.length, loadMs, parseMs, firstQueryMs };
memory[Symbol.dispose]();
console.log(JSON.stringify(answer));
