// How fast a memory is found in and filled, against MiniSearch on the same texts, and what it takes to hold and to load.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import MiniSearch from 'minisearch';
import { MemoryEngine } from '@car-runtime/memory';
import { median } from '../harness/measure.ts';
import type { Options, Row } from '../harness/report.ts';
import { createFacts, createQuestions, type CorpusFact } from './corpus.ts';

const run = promisify(execFile);
const limit = 10;

interface Timing {
  readonly facts: number;
  readonly ours: { p50: number; p99: number; ingestUs: number };
  readonly theirs: { p50: number; p99: number; ingestUs: number };
  readonly classicP50: number;
}

export async function memory({ isShort }: Options): Promise<Row[]> {
  const sizes = isShort ? [50, 100, 200] : [1_000, 10_000, 100_000];
  const timings = sizes.map((size) => measure(size, isShort ? 5 : 200));
  const [, middle, largest] = timings as [Timing, Timing, Timing];
  const held = await holdInProcess(largest.facts);
  const detailOf = ({ facts, ours, theirs, classicP50 }: Timing): string =>
    `${facts} facts: p50 ${ms(ours.p50)}, p99 ${ms(ours.p99)} ms; MiniSearch ${ms(theirs.p50)}, ${ms(theirs.p99)} ms; classic p50 ${ms(classicP50)} ms`;
  return [
    ...timings.map((timing) => ({
      benchmark: `memory query, p50, ${timing.facts} facts`,
      value: timing.ours.p50 / timing.theirs.p50,
      ...(timing === largest && { goal: { atMost: 2 } }),
      detail: detailOf(timing),
      measured: timing,
    })),
    {
      benchmark: 'memory query, growth of p50 over tenfold facts',
      value: largest.ours.p50 / middle.ours.p50,
      goal: { atMost: 3 },
      detail: `${middle.facts} to ${largest.facts} facts; MiniSearch ${(largest.theirs.p50 / middle.theirs.p50).toFixed(1)}`,
      measured: { middle, largest },
    },
    {
      benchmark: `memory ingest, ${largest.facts} facts`,
      value: largest.ours.ingestUs / largest.theirs.ingestUs,
      detail: `${largest.ours.ingestUs.toFixed(1)} us a fact with its index, MiniSearch ${largest.theirs.ingestUs.toFixed(1)}; at ${middle.facts} facts ${middle.ours.ingestUs.toFixed(1)} us`,
      measured: { middle: middle.ours, largest: largest.ours, theirs: largest.theirs },
    },
    {
      benchmark: `memory held, ${largest.facts} facts`,
      unit: 'kB',
      value: held.heldBytes / 1_000,
      goal: { atMost: 200_000 },
      detail: `graph and index; the file has ${Math.round(held.fileBytes / 1_000)} kB`,
      measured: held,
    },
    {
      benchmark: `memory load, ${largest.facts} facts`,
      value: held.replayMs / held.parseMs,
      goal: { atMost: 8 },
      detail: `${Math.round(held.replayMs)} ms against ${Math.round(held.parseMs)} ms of JSON.parse of every line`,
      measured: held,
    },
    {
      benchmark: `memory load with its index, ${largest.facts} facts`,
      value: held.loadMs / held.parseMs,
      detail: `${Math.round(held.loadMs)} ms against ${Math.round(held.parseMs)} ms of JSON.parse of every line; the index in slices of ${ms(held.sliceMs)} ms`,
      measured: held,
    },
    {
      benchmark: `memory load with a saved index, ${largest.facts} facts`,
      value: held.savedLoadMs / held.parseMs,
      goal: { atMost: 3 },
      detail: `${Math.round(held.savedLoadMs)} ms; the saved index has ${Math.round(held.savedBytes / 1_000)} kB`,
      measured: held,
    },
  ];
}

const ms = (value: number): string => value.toFixed(2);

/** Both answer the same questions one after the other, so that whatever else the machine does hits both. */
function measure(facts: number, questions: number): Timing {
  const corpus = createFacts(facts);
  const ours = new MemoryEngine({ now: () => 0 });
  // The index follows from here on, as it does in a daemon that answers queries.
  ours.reader.query('begin', { limit });
  const theirs = new MiniSearch<CorpusFact>({ fields: ['subject', 'body'] });
  const oursUs: number[] = [];
  const theirsUs: number[] = [];
  const batch = Math.max(1, facts / 20);
  for (let from = 0; from < facts; from += batch) {
    const part = corpus.slice(from, from + batch);
    oursUs.push(perItemUs(part, ({ id, subject, body }) => ours.ingest({ id, key: subject, value: body })));
    theirsUs.push(perItemUs(part, (fact) => theirs.add(fact)));
  }
  const times = { ours: [] as number[], classic: [] as number[], theirs: [] as number[] };
  const asked = createQuestions(questions + 5);
  ours.reader.query('begin', { limit, ranking: 'classic' });
  for (const [nth, question] of asked.entries()) {
    const row = [
      took(() => ours.reader.query(question, { limit })),
      took(() => ours.reader.query(question, { limit, ranking: 'classic' })),
      took(() => theirs.search(question)),
    ] as const;
    if (nth < 5) continue;
    times.ours.push(row[0]);
    times.classic.push(row[1]);
    times.theirs.push(row[2]);
  }
  ours[Symbol.dispose]();
  return {
    facts,
    ours: { p50: median(times.ours), p99: percentile(times.ours, 0.99), ingestUs: median(oursUs) },
    theirs: { p50: median(times.theirs), p99: percentile(times.theirs, 0.99), ingestUs: median(theirsUs) },
    classicP50: median(times.classic),
  };
}

function took(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function perItemUs(items: readonly CorpusFact[], work: (item: CorpusFact) => unknown): number {
  return (took(() => items.forEach((item) => work(item))) * 1_000) / items.length;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export interface Held {
  readonly heldBytes: number;
  readonly fileBytes: number;
  readonly savedBytes: number;
  readonly replayMs: number;
  readonly loadMs: number;
  readonly savedLoadMs: number;
  readonly parseMs: number;
  readonly sliceMs: number;
}

/** In a process that holds nothing else. */
async function holdInProcess(facts: number): Promise<Held> {
  const { stdout } = await run(process.execPath, ['--expose-gc', join(import.meta.dirname, 'hold.ts'), String(facts)]);
  return JSON.parse(stdout) as Held;
}
