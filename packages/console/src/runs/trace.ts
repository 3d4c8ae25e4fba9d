// The records of a run as what a timeline shows: spans on one axis of time, plans with their actions below them.
// Pure: the same records are always the same trace. What agents and files say of times and states is not taken on trust.
import type { RunEnded, RunningPlan, RunStarted, RunTurn } from '@car-runtime/protocol';

export type SpanStatus =
  | 'proposed'
  | 'validated'
  | 'executing'
  | 'succeeded'
  | 'failed'
  | 'rejected'
  | 'skipped'
  /** A turn that its agent recorded by itself: it is done, and nobody said how it ended. */
  | 'recorded';

const statuses: ReadonlySet<string> = new Set<SpanStatus>([
  'proposed',
  'validated',
  'executing',
  'succeeded',
  'failed',
  'rejected',
  'skipped',
]);

/** A file that says more says nothing. */
const maxDurationMs = 10 * 365 * 86_400_000;

export interface Span {
  readonly key: string;
  /** A plan of several actions is a span of its own, above theirs. */
  readonly kind: 'plan' | 'action' | 'turn';
  readonly depth: 0 | 1;
  readonly name: string;
  readonly status: SpanStatus;
  readonly turn: RunTurn | undefined;
  readonly proposalId: string | undefined;
  readonly actionId: string | undefined;
  /** Ids of actions of the same plan. */
  readonly after: readonly string[];
  /** On the clock of the daemon; absent where it never began. */
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  /** Known only by when it was recorded: it began no earlier than what was recorded before it. */
  readonly isEstimated: boolean;
  /** Of a plan: when it was submitted, before people were asked and its first action began. */
  readonly submittedMs: number | undefined;
  readonly attempts: number;
  readonly refusedBy: readonly string[];
}

export interface Trace {
  readonly spans: readonly Span[];
  readonly startMs: number;
  /** Of what is known: the end of the run, or the last that was recorded. */
  readonly endMs: number;
  readonly endedMs: number | undefined;
}

export interface Records {
  readonly started: RunStarted;
  readonly turns: readonly RunTurn[];
  readonly ended?: RunEnded | undefined;
  readonly running?: readonly RunningPlan[];
}

export function traceOf({ started, turns, ended, running = [] }: Records): Trace {
  const startMs = toMs(started.started_at) ?? toMs(turns[0]?.recorded_at) ?? 0;
  const spans: Span[] = [];
  let lastMs = startMs;
  for (let index = 0; index < turns.length;) {
    const proposalId = proposalOf(turns[index]);
    let end = index + 1;
    if (proposalId !== undefined) while (end < turns.length && proposalOf(turns[end]) === proposalId) end++;
    const group = turns.slice(index, end);
    if (proposalId === undefined) spans.push(ownTurn(group[0] as RunTurn, lastMs));
    else spans.push(...recordedPlan(proposalId, group, lastMs));
    lastMs = Math.max(lastMs, toMs(group.at(-1)?.recorded_at) ?? lastMs);
    index = end;
  }
  const recorded = new Set(spans.map(({ proposalId }) => proposalId));
  for (const plan of running) if (!recorded.has(plan.proposal_id)) spans.push(...runningPlan(plan));
  const endedMs = toMs(ended?.ended_at);
  const endMs = spans.reduce((latest, span) => Math.max(latest, span.endMs ?? span.startMs ?? 0), endedMs ?? startMs);
  return { spans, startMs, endMs: Math.max(endMs, startMs), endedMs };
}

function proposalOf(turn: RunTurn | undefined): string | undefined {
  const id: unknown = turn?.action?.proposal_id;
  return typeof id === 'string' ? id : undefined;
}

function ownTurn(turn: RunTurn, beforeMs: number): Span {
  const endMs = toMs(turn.recorded_at) ?? beforeMs;
  return {
    ...nothing,
    key: `turn ${turn.index}`,
    kind: 'turn',
    name: turn.tool ?? 'turn',
    status: turn.policy_rejected ? 'rejected' : 'recorded',
    turn,
    startMs: Math.min(beforeMs, endMs),
    endMs,
    isEstimated: true,
  };
}

function recordedPlan(proposalId: string, turns: readonly RunTurn[], beforeMs: number): Span[] {
  const recordedMs = toMs(turns.at(-1)?.recorded_at) ?? beforeMs;
  const submittedMs = toMs(turns[0]?.action?.submitted_at);
  const depth = turns.length > 1 ? 1 : 0;
  const actions = turns.map((turn): Span => {
    const { id, after, status, started_at, duration_ms, attempts, refused_by } = turn.action ?? {};
    const startMs = toMs(started_at);
    const isKnown = typeof duration_ms === 'number' && duration_ms >= 0 && duration_ms <= maxDurationMs;
    const durationMs = isKnown ? duration_ms : 0;
    return {
      ...nothing,
      key: `turn ${turn.index}`,
      kind: 'action',
      depth,
      name: turn.tool ?? 'action',
      status: statusOf(status),
      turn,
      proposalId,
      actionId: typeof id === 'string' ? id : `${turn.index}`,
      after: textsOf(after),
      startMs,
      endMs: startMs === undefined ? recordedMs : startMs + durationMs,
      attempts: typeof attempts === 'number' ? attempts : 1,
      refusedBy: textsOf(refused_by),
      submittedMs: depth === 0 ? submittedMs : undefined,
    };
  });
  return depth === 0 ? actions : [planSpan(proposalId, actions, submittedMs, turns[0]?.index), ...actions];
}

function runningPlan({ proposal_id: proposalId, submitted_at, actions: given }: RunningPlan): Span[] {
  const submittedMs = toMs(submitted_at);
  const depth = given.length > 1 ? 1 : 0;
  const actions = given.map((action, index): Span => {
    const startMs = toMs(action.started_at);
    return {
      ...nothing,
      key: `running ${proposalId} ${index}`,
      kind: 'action',
      depth,
      name: action.tool ?? action.type,
      status: statusOf(action.status),
      proposalId,
      actionId: action.id,
      after: action.after,
      startMs,
      endMs: startMs === undefined || action.duration_ms === undefined ? undefined : startMs + action.duration_ms,
      attempts: action.attempts ?? 1,
      refusedBy: action.refused_by ?? [],
      submittedMs: depth === 0 ? submittedMs : undefined,
    };
  });
  return depth === 0 ? actions : [planSpan(proposalId, actions, submittedMs, undefined), ...actions];
}

/** Of all its actions: what is worst about them, and from its submission to the end of the last. */
function planSpan(
  proposalId: string,
  actions: readonly Span[],
  submittedMs: number | undefined,
  at: number | undefined,
): Span {
  const starts = actions.flatMap(({ startMs }) => startMs ?? []);
  const ends = actions.map(({ endMs }) => endMs);
  const hasEnded = ends.every((end) => end !== undefined);
  return {
    ...nothing,
    key: at === undefined ? `running ${proposalId}` : `plan ${at}`,
    kind: 'plan',
    name: `Plan of ${actions.length} actions`,
    status: planStatus(actions.map(({ status }) => status)),
    proposalId,
    startMs: submittedMs ?? (starts.length > 0 ? Math.min(...starts) : ends.find((end) => end !== undefined)),
    endMs: hasEnded ? Math.max(...ends.filter((end) => end !== undefined)) : undefined,
    submittedMs,
  };
}

/** What is worst about the actions of a plan; `undefined` for one that is not there yet. */
export function planStatus(of: readonly (SpanStatus | undefined)[]): SpanStatus {
  for (const status of ['failed', 'rejected'] as const) if (of.includes(status)) return status;
  if (of.includes('executing')) return 'executing';
  if (of.some((status) => status === undefined || status === 'proposed' || status === 'validated')) {
    return of.some(isOver) ? 'executing' : 'proposed';
  }
  return of.includes('skipped') ? 'skipped' : 'succeeded';
}

export function isOver(status: SpanStatus | undefined): boolean {
  return status !== undefined && status !== 'proposed' && status !== 'validated' && status !== 'executing';
}

const nothing = {
  depth: 0,
  turn: undefined,
  proposalId: undefined,
  actionId: undefined,
  after: [],
  startMs: undefined,
  endMs: undefined,
  isEstimated: false,
  submittedMs: undefined,
  attempts: 1,
  refusedBy: [],
} as const;

function statusOf(status: unknown): SpanStatus {
  return typeof status === 'string' && statuses.has(status) ? (status as SpanStatus) : 'recorded';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

export function toMs(time: unknown): number | undefined {
  const ms = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
