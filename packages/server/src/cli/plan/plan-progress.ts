// How far the actions of a plan are, and the two ways to show it: lines on a terminal that change in place, or a line for
// each change.
import type { ActionResult, JournalEvent } from '@car-runtime/protocol';
import { paint, talk } from '../terminal.ts';
import { nameOf, textOf, tookText } from './plan-text.ts';

export type Status = 'waiting' | 'running' | 'retrying' | 'succeeded' | 'failed' | 'rejected' | 'skipped';

export interface ActionProgress {
  readonly id: string;
  readonly what: string;
  status: Status;
  /** On our monotonic clock. */
  startedAt: number | undefined;
  tookMs: number | undefined;
  note: string;
}

export const statusStyle = {
  waiting: 'dim',
  running: 'cyan',
  retrying: 'yellow',
  succeeded: 'green',
  failed: 'red',
  rejected: 'red',
  skipped: 'dim',
} as const;

const statusOfKind: Readonly<Record<string, Status>> = {
  action_executing: 'running',
  action_retrying: 'retrying',
  action_succeeded: 'succeeded',
  action_deduplicated: 'succeeded',
  action_failed: 'failed',
  action_rejected: 'rejected',
  action_skipped: 'skipped',
};

export class PlanProgress {
  readonly actions: readonly ActionProgress[];
  readonly #byId: ReadonlyMap<string, ActionProgress>;

  constructor(actions: readonly { id: string; what: string }[]) {
    this.actions = actions.map(({ id, what }) => ({
      id,
      what,
      status: 'waiting',
      startedAt: undefined,
      tookMs: undefined,
      note: '',
    }));
    this.#byId = new Map(this.actions.map((action) => [action.id, action]));
  }

  /** Takes events in; returns the actions they changed, as often as they did. */
  *take(events: readonly JournalEvent[]): Generator<ActionProgress> {
    for (const { kind, action_id, data } of events) {
      const action = this.#byId.get(action_id ?? '');
      const status = statusOfKind[kind];
      if (!action || status === undefined) continue;
      action.status = status;
      action.startedAt ??= performance.now();
      const { duration_ms, error, attempt, reason } = data;
      action.tookMs = typeof duration_ms === 'number' ? duration_ms : undefined;
      const texts = [typeof attempt === 'number' ? `attempt ${attempt}` : undefined, error, reason];
      action.note = texts.find((text) => typeof text === 'string') ?? '';
      yield action;
    }
  }

  /** Takes the results in; returns the actions whose end was not known before. */
  *conclude(results: readonly ActionResult[]): Generator<ActionProgress> {
    for (const { action_id, status, duration_ms, error } of results) {
      const action = this.#byId.get(action_id);
      if (!action || action.status === status) continue;
      action.status = status as Status;
      action.tookMs = duration_ms ?? undefined;
      action.note = error ?? '';
      yield action;
    }
  }
}

/** Shows progress until disposed. */
export interface ProgressView extends Disposable {
  /** Events came in. */
  take(events: readonly JournalEvent[]): void;
  /** The plan has ended. */
  conclude(results: readonly ActionResult[]): void;
}

/** Shows nothing. */
export const noView: ProgressView = { take: () => {}, conclude: () => {}, [Symbol.dispose]: () => {} };

/** A line on standard error for each change. */
export function createLineView(progress: PlanProgress): ProgressView {
  const print = (changed: Iterable<ActionProgress>): void => {
    for (const { id, what, status, tookMs, note } of changed) {
      const details = [nameOf(what), tookMs === undefined ? '' : tookText(tookMs), textOf(note)];
      const text = details.filter((each) => each !== '').join(', ');
      talk(`${paint(statusStyle[status], status.padEnd(9), process.stderr)}  ${nameOf(id)}  ${text}`);
    }
  };
  return {
    take: (events) => print(progress.take(events)),
    conclude: (results) => print(progress.conclude(results)),
    [Symbol.dispose]: () => {},
  };
}
