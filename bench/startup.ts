// From spawn to the first answered request, and memory at rest: the built daemon against a bare server, each one
// bundle under the same Node.
import { setTimeout as delay } from 'node:timers/promises';
import { LoadConnection } from './harness/load-connection.ts';
import { median, ratioOf } from './harness/measure.ts';
import type { Options, Row } from './harness/report.ts';
import { ServerProcess, type ServerKind } from './harness/server-process.ts';

const restMs = 1_000;

interface Start {
  firstAnswerMs: number;
  /** Resident memory a second after the first answer; `undefined` where the system does not say. */
  residentKb: number | undefined;
}

export async function startup({ rounds, isShort }: Options): Promise<Row[]> {
  const starts = { bundle: [] as Start[], bare: [] as Start[], daemon: [] as Start[] };
  const kinds = ['bundle', 'bare', 'daemon'] as const;
  // The first start of each fills caches of the file system.
  for (const kind of isShort ? [] : kinds) await start(kind);
  for (let round = 0; round < rounds; round++) {
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) starts[kind].push(await start(kind));
  }
  const { bundle, bare, daemon } = starts;
  return [
    { ...firstAnswerRow('startup', bundle, bare), goal: { atMost: 1.8 } },
    { ...memoryRow('memory at rest', bundle, bare), goal: { atMost: 1.5 } },
    firstAnswerRow('startup from sources', daemon, bare),
    memoryRow('memory at rest from sources', daemon, bare),
  ];
}

async function start(kind: ServerKind): Promise<Start> {
  const startedAt = performance.now();
  await using server = await ServerProcess.start(kind, { hasProbe: false });
  using connection = await LoadConnection.open(server);
  await connection.request('state.set', { key: 'answer', value: 42 });
  const firstAnswerMs = performance.now() - startedAt;
  await delay(restMs);
  const bytes = server.residentBytes();
  return { firstAnswerMs, residentKb: bytes && bytes / 1024 };
}

function firstAnswerRow(benchmark: string, ours: Start[], baseline: Start[]): Row {
  const text = (starts: Start[]): string => median(starts.map(({ firstAnswerMs }) => firstAnswerMs)).toFixed(0);
  return {
    benchmark,
    value: ratioOf(ours, baseline, ({ firstAnswerMs }) => firstAnswerMs),
    detail: `${text(ours)} ms against ${text(baseline)} ms`,
    measured: { ours, baseline },
  };
}

function memoryRow(benchmark: string, ours: Start[], baseline: Start[]): Row {
  const kbOf = ({ residentKb }: Start): number => residentKb ?? Number.NaN;
  const text = (starts: Start[]): string => (median(starts.map(kbOf)) / 1024).toFixed(1);
  return {
    benchmark,
    value: ratioOf(ours, baseline, kbOf),
    detail: `${text(ours)} MiB against ${text(baseline)} MiB`,
    measured: { ours, baseline },
  };
}
