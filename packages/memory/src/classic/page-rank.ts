// Personalised PageRank by rounds over the whole reached part of the graph (Memory, Retrieval). Facts of one key are walked as
// a group: what a group hands on is added up once and given to each of its members.
import { none } from '../graph/adjacency.ts';
import type { WalkColumns, WalkView } from '../graph/graph.ts';
import { byRank, type Ranked } from '../ranking.ts';
import { eachNeighbour, groupStrength, sameKeyStrength } from '../walk.ts';

export const damping = 0.5;
export const maxRounds = 30;
export const tolerance = 1e-6;
/** Entries below it are dropped from the result. */
export const minEntry = 1e-6;
export const maxResults = 50;
const maxReset = 0.4;

/** Normalised, every entry capped, normalised again. */
export function resetVector(seeds: readonly Ranked[]): Ranked[] {
  const normalised = scale(seeds);
  return scale(normalised.map(({ index, score }) => ({ index, score: Math.min(score, maxReset) })));
}

function scale(entries: readonly Ranked[]): Ranked[] {
  const total = entries.reduce((sum, { score }) => sum + score, 0);
  return entries.map(({ index, score }) => ({ index, score: total === 0 ? 0 : score / total }));
}

/** What has nowhere to go returns to the seeds, so that the whole stays 1. */
export function pageRank(columns: WalkColumns, view: WalkView, seeds: readonly Ranked[]): Ranked[] {
  const reset = resetVector(seeds);
  const strengths = new Map<number, number>();
  let ranks = new Map(reset.map(({ index, score }) => [index, score]));
  for (let round = 0; round < maxRounds; round++) {
    const { next, stuck } = step(columns, view, ranks, strengths);
    for (const { index, score } of reset) add(next, index, score * (1 - damping + damping * stuck));
    const change = distance(ranks, next);
    ranks = next;
    if (change < tolerance) break;
  }
  return [...ranks]
    .filter(([, score]) => score >= minEntry)
    .map(([index, score]) => ({ index, score }))
    .sort(byRank);
}

function step(
  columns: WalkColumns,
  view: WalkView,
  ranks: ReadonlyMap<number, number>,
  strengths: Map<number, number>,
): { next: Map<number, number>; stuck: number } {
  const next = new Map<number, number>();
  const groups = new Map<number, number>();
  let stuck = 0;
  for (const [node, rank] of ranks) {
    let strength = strengths.get(node);
    if (strength === undefined) {
      strength = groupStrength(columns, node);
      eachNeighbour(columns, view, node, (_, each) => (strength = (strength as number) + each));
      strengths.set(node, strength);
    }
    if (strength === 0) {
      stuck += rank;
      continue;
    }
    const share = (damping * rank) / strength;
    eachNeighbour(columns, view, node, (neighbour, each) => add(next, neighbour, share * each));
    const group = columns.groupOf[node] as number;
    if (group === none || columns.groupSize[group] === 1) continue;
    add(groups, group, share * sameKeyStrength);
    // It gets its group's sum like the others; its own part of that is taken off here.
    add(next, node, -share * sameKeyStrength);
  }
  for (const [group, sum] of groups) {
    let member = columns.firstInGroup[group] as number;
    for (; member !== none; member = columns.nextInGroup[member] as number) add(next, member, sum);
  }
  return { next, stuck };
}

function add(entries: Map<number, number>, at: number, value: number): void {
  entries.set(at, (entries.get(at) ?? 0) + value);
}

function distance(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const [index, score] of after) sum += Math.abs(score - (before.get(index) ?? 0));
  for (const [index, score] of before) if (!after.has(index)) sum += score;
  return sum;
}
