// A run as of any of its moments. Pure: the state is what the reducer makes of the moments up to there, and at the last one
// it is the state that the run ended in.
import { isOver, planStatus, type Span, type SpanStatus, type Trace } from './trace.ts';

export interface Moment {
  readonly atMs: number;
  readonly kind: 'started' | 'submitted' | 'begun' | 'over' | 'ended';
  /** Place of the span in the trace; absent of the run itself. */
  readonly span?: number;
}

export interface RunState {
  /** Moments that have been. */
  readonly at: number;
  readonly atMs: number;
  /** Of each span of the trace; `undefined` where it is not there yet. */
  readonly statuses: readonly (SpanStatus | undefined)[];
  readonly isEnded: boolean;
}

const order = { started: 0, submitted: 1, begun: 2, over: 3, ended: 4 } as const;

/** Everything of a run that happened at a moment, in order. Begins and ends with the run itself. */
export function momentsOf({ spans, startMs, endMs, endedMs }: Trace): Moment[] {
  const moments: Moment[] = [{ atMs: startMs, kind: 'started' }];
  const within = (ms: number): number => Math.min(Math.max(ms, startMs), endMs);
  /** When the plan came that the actions below it belong to. */
  let planMs: number | undefined;
  spans.forEach((span, index) => {
    if (span.kind === 'plan') {
      planMs = span.startMs;
      return;
    }
    const submittedMs = span.depth === 1 ? planMs : span.submittedMs;
    const lastMs = span.endMs ?? endMs;
    if (span.kind === 'action') {
      const begunMs = Math.min(span.startMs ?? lastMs, lastMs);
      moments.push({ atMs: within(Math.min(submittedMs ?? begunMs, begunMs)), kind: 'submitted', span: index });
      if (span.startMs !== undefined) moments.push({ atMs: within(begunMs), kind: 'begun', span: index });
    }
    if (isOver(span.status)) moments.push({ atMs: within(lastMs), kind: 'over', span: index });
  });
  if (endedMs !== undefined) moments.push({ atMs: endMs, kind: 'ended' });
  return moments.sort((a, b) => a.atMs - b.atMs || order[a.kind] - order[b.kind] || (a.span ?? -1) - (b.span ?? -1));
}

export function beginningOf({ spans, startMs }: Trace): RunState {
  return { at: 0, atMs: startMs, statuses: spans.map(() => undefined), isEnded: false };
}

/** The state after some more moments. The one it was is left as it is. */
export function reduce(state: RunState, moments: readonly Moment[], { spans }: Trace): RunState {
  const statuses = [...state.statuses];
  let { atMs, isEnded } = state;
  const plans = new Set<number>();
  for (const { kind, span, atMs: at } of moments) {
    atMs = at;
    if (kind === 'ended') isEnded = true;
    if (span === undefined) continue;
    const last = spans[span]?.status;
    // Of what is not over to this day, the last that was said of it is all there is.
    if (kind === 'over' || !isOver(last)) statuses[span] = last;
    else statuses[span] = kind === 'begun' ? 'executing' : 'proposed';
    if (spans[span]?.depth === 1) plans.add(planOf(spans, span));
  }
  for (const plan of plans) {
    let end = plan + 1;
    while (spans[end]?.depth === 1) end++;
    statuses[plan] = planStatus(statuses.slice(plan + 1, end));
  }
  return { at: state.at + moments.length, atMs, statuses, isEnded };
}

function planOf(spans: readonly Span[], action: number): number {
  let at = action;
  while (at > 0 && spans[at]?.depth === 1) at--;
  return at;
}

/** The state after so many of the moments of a trace. */
export function stateAt(trace: Trace, moments: readonly Moment[], count: number): RunState {
  return reduce(beginningOf(trace), moments.slice(0, count), trace);
}

/** How many moments had been at a time. */
export function momentsUntil(moments: readonly Moment[], atMs: number): number {
  let [low, high] = [0, moments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The state that the records end in, read from the spans alone. */
export function lastState({ spans, endedMs, endMs }: Trace, moments: readonly Moment[]): RunState {
  return {
    at: moments.length,
    atMs: moments.at(-1)?.atMs ?? endMs,
    statuses: spans.map(({ status }) => status),
    isEnded: endedMs !== undefined,
  };
}
