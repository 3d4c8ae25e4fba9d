// Runs the contestants over a folder of data, and holds ours against the goals.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contestants } from './contestants.ts';
import { runConversation, type Conversation, type RecallRow } from './locomo.ts';
import { runTimeline, type StateRow, type Timeline } from './state-bench.ts';

export interface Line {
  measure: string;
  goal: string;
  /** By contestant. */
  values: Record<string, number>;
  isMet: boolean;
}

const ours = 'ours';
const baseline = 'everything / BM25';
/** Tracks on which nothing that was superseded may come back. */
const strictTracks = ['supersession', 'repair_propagation', 'causality', 'scope_leak'];

/** Tables by data set; empty when the folder holds none of them. */
export function measureQuality(folder: string): Record<string, Line[]> {
  const tables: Record<string, Line[]> = {};
  for (const name of ['statebench-train', 'statebench-dev']) {
    const path = join(folder, `${name}.jsonl`);
    if (!existsSync(path)) continue;
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
    tables[name] = stateLines(lines.map((line) => JSON.parse(line) as Timeline));
  }
  const path = join(folder, 'locomo-dev.json');
  if (existsSync(path)) {
    const conversations = JSON.parse(readFileSync(path, 'utf8')) as Conversation[];
    // The weights were chosen on one half and are checked on the other.
    tables['locomo-dev, even'] = recallLines(conversations.filter((_, nth) => nth % 2 === 0));
    tables['locomo-dev, odd'] = recallLines(conversations.filter((_, nth) => nth % 2 === 1));
    tables['locomo-dev'] = recallLines(conversations);
  }
  return tables;
}

function stateLines(timelines: readonly Timeline[]): Line[] {
  const rows = everyone((create) =>
    timelines.flatMap((timeline) => {
      const memory = create();
      try {
        return runTimeline(timeline, memory);
      } finally {
        memory.close();
      }
    }),
  );
  const value = (of: (row: StateRow) => number | undefined, isWanted: (row: StateRow) => boolean = () => true) =>
    mapValues(rows, (each) => mean(each.filter(isWanted).map(of)));
  const line = (measure: string, goal: string, values: Record<string, number>, isMet: (value: number) => boolean) => ({
    measure,
    goal,
    values,
    isMet: isMet(values[ours] ?? Number.NaN),
  });
  const chars = value((row) => row.chars);
  return [
    line('coverage', 'at least 96 %', value((row) => row.coverage), (share) => share >= 0.96),
    line('resurrection', 'at most 12 %', value((row) => row.resurrection), (share) => share <= 0.12),
    ...strictTracks.map((track) =>
      line(
        `resurrection, ${track}`,
        'at most 2 %',
        value((row) => row.resurrection, (row) => row.track === track),
        (share) => Number.isNaN(share) || share <= 0.02,
      ),
    ),
    line('carry-over', 'at most 25 %', value((row) => row.carryOver), (share) => share <= 0.25),
    line('context, characters', "at most the baseline's", chars, (count) => count <= (chars[baseline] ?? 0)),
  ]; // prettier-ignore
}

function recallLines(conversations: readonly Conversation[]): Line[] {
  const rows = everyone((create) =>
    conversations.flatMap((conversation) => {
      const memory = create();
      try {
        return runConversation(conversation, memory);
      } finally {
        memory.close();
      }
    }),
  );
  const line = (measure: string, goal: string, of: (row: RecallRow) => number, least: number, category?: number) => {
    const values = mapValues(rows, (each) =>
      mean(each.filter((row) => category === undefined || row.category === category).map(of)),
    );
    return { measure, goal, values, isMet: !((values[ours] ?? 0) < least * (values[baseline] ?? 0)) };
  };
  return [
    line('recall@5', 'none', (row) => row.at5, 0),
    line('recall@10', 'at least 1.15 of BM25', (row) => row.at10, 1.15),
    line('recall@20', 'none', (row) => row.at20, 0),
    ...[1, 2, 3, 4, 5].map((category) =>
      line(`recall@10, category ${category}`, 'at least that of BM25', (row) => row.at10, 1, category),
    ),
  ];
}

type Create = (typeof contestants)[string];

function everyone<Row>(run: (create: Create) => Row[]): Record<string, Row[]> {
  return mapValues(contestants, run);
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function mean(values: readonly (number | undefined)[]): number {
  const known = values.filter((value) => value !== undefined);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** As a table of the documentation. */
export function toQualityTable(title: string, lines: readonly Line[]): string {
  const names = Object.keys(contestants);
  const shown = (value: number | undefined): string =>
    value === undefined || Number.isNaN(value) ? '' : value > 2 ? value.toFixed(0) : `${(100 * value).toFixed(1)} %`;
  return [
    `| ${title} | Goal | ${names.join(' | ')} | Verdict |`,
    `| --- | --- | ${names.map(() => '---').join(' | ')} | --- |`,
    ...lines.map(({ measure, goal, values, isMet }) => {
      const verdict = goal === 'none' ? '' : isMet ? 'met' : 'missed';
      return `| ${measure} | ${goal} | ${names.map((name) => shown(values[name])).join(' | ')} | ${verdict} |`;
    }),
  ].join('\n');
}
