// A plan as a graph: its actions, what each waits for, and the chain that decided how long it took. Pure.
import type { Span, Trace } from './trace.ts';

export interface PlanGraph {
  readonly proposalId: string;
  /** Places of the actions in the spans of the trace. */
  readonly nodes: readonly number[];
  /** From what is waited for to who waits, as places in `nodes`. */
  readonly edges: readonly (readonly [from: number, to: number])[];
}

/** The plans of a run, in the order they were submitted. */
export function plansOf({ spans }: Trace): PlanGraph[] {
  const plans = new Map<string, number[]>();
  spans.forEach(({ kind, proposalId }, index) => {
    if (kind !== 'action' || proposalId === undefined) return;
    const nodes = plans.get(proposalId);
    if (nodes) nodes.push(index);
    else plans.set(proposalId, [index]);
  });
  return [...plans].map(([proposalId, nodes]) => ({ proposalId, nodes, edges: edgesOf(spans, nodes) }));
}

function edgesOf(spans: readonly Span[], nodes: readonly number[]): [number, number][] {
  const placeOf = new Map(nodes.map((span, place) => [spans[span]?.actionId, place]));
  return nodes.flatMap((span, to) =>
    [...new Set(spans[span]?.after)].flatMap((id): [number, number][] => {
      const from = placeOf.get(id);
      return from === undefined || from === to ? [] : [[from, to]];
    }),
  );
}

/** How many columns of actions there are when each stands behind all it waits for, and how many are in the fullest. */
export function extentOf({ nodes, edges }: PlanGraph): { columns: number; fullest: number } {
  const columnOf = nodes.map(() => 0);
  // Once for each column; a cycle has no end, so there are no more than there are actions.
  for (let round = 0, hasMoved = true; hasMoved && round < Math.min(nodes.length, 64); round++) {
    hasMoved = false;
    for (const [from, to] of edges) {
      if ((columnOf[to] ?? 0) > (columnOf[from] ?? 0)) continue;
      columnOf[to] = (columnOf[from] ?? 0) + 1;
      hasMoved = true;
    }
  }
  const counts = new Map<number, number>();
  for (const column of columnOf) counts.set(column, (counts.get(column) ?? 0) + 1);
  return { columns: counts.size, fullest: Math.max(0, ...counts.values()) };
}

export interface CriticalPath {
  /** Places in `nodes`, first to last. */
  readonly nodes: readonly number[];
  readonly durationMs: number;
}

/** The chain of actions that wait for each other whose durations add up to most. Actions that did not run count as nothing;
 *  a chain of nothing is none. */
export function criticalPath({ nodes, edges }: PlanGraph, spans: readonly Span[]): CriticalPath {
  const durations = nodes.map((span) => durationOf(spans[span]));
  const successors = nodes.map((): number[] => []);
  const waits = nodes.map(() => 0);
  for (const [from, to] of edges) {
    successors[from]?.push(to);
    waits[to] = (waits[to] ?? 0) + 1;
  }
  const longest = [...durations];
  const before = nodes.map((): number | undefined => undefined);
  const ready = waits.flatMap((count, place) => (count === 0 ? [place] : []));
  // What is part of a cycle never gets ready, and is on no path.
  for (let at = 0; at < ready.length; at++) {
    const from = ready[at] as number;
    for (const to of successors[from] ?? []) {
      const through = (longest[from] ?? 0) + (durations[to] ?? 0);
      if (through > (longest[to] ?? 0)) {
        longest[to] = through;
        before[to] = from;
      }
      if ((waits[to] = (waits[to] ?? 0) - 1) === 0) ready.push(to);
    }
  }
  const end = ready.reduce<number | undefined>(
    (best, place) => (best === undefined || (longest[place] ?? 0) > (longest[best] ?? 0) ? place : best),
    undefined,
  );
  const durationMs = end === undefined ? 0 : (longest[end] ?? 0);
  const path: number[] = [];
  if (durationMs > 0) for (let place = end; place !== undefined; place = before[place]) path.unshift(place);
  return { nodes: path, durationMs };
}

export function durationOf(span: Span | undefined): number {
  if (span?.startMs === undefined || span.endMs === undefined) return 0;
  return Math.max(0, span.endMs - span.startMs);
}
