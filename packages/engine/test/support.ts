/** What the engine's tests stand on: a clock they move by hand, an environment that records. */
import {
  executeProposal,
  IdempotencyCache,
  normalizeProposal,
  PolicySet,
  StateStore,
  ToolRegistry,
} from '../src/index.ts';
import type {
  CancelSignal,
  ActionInput,
  Clock,
  ExecutionEnv,
  ExecutionOptions,
  ProposalResult,
  ToolCall,
} from '../src/index.ts';

/** Stands still until told; timers fire in order of their time. */
export class FakeClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1);
  #lastTimer = 0;
  readonly #timers = new Map<number, { at: number; callback: () => void }>();

  get pendingTimers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): number {
    this.#lastTimer += 1;
    this.#timers.set(this.#lastTimer, { at: this.#nowMs + delayMs, callback });
    return this.#lastTimer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Moves on, letting whatever became runnable run after each timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(([, timer]) => timer.at <= until).toSorted((a, b) => a[1].at - b[1].at)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#nowMs = due[1].at;
      due[1].callback();
    }
    this.#nowMs = until;
  }
}

/** Resolves when everything that could run without a timer has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export type Dispatch = (call: ToolCall, signal: CancelSignal) => unknown;

interface RecordedEvent {
  readonly action_id: string | null;
  readonly proposal_id: string;
  readonly data: Record<string, unknown>;
}

export interface TestEnv extends ExecutionEnv {
  readonly clock: FakeClock;
  readonly tools: ToolRegistry;
  readonly policies: PolicySet;
  readonly idempotency: IdempotencyCache;
  readonly events: { kind: string; event: RecordedEvent }[];
  readonly calls: ToolCall[];
  /** Kinds in order, each with its action: `action_failed a`. */
  log(): string[];
  run(actions: readonly ActionInput[], options?: ExecutionOptions): Promise<ProposalResult>;
}

/** Tools `echo` (answers its parameters), `ok`, `fail`, and whatever else `dispatch` knows; all accept anything. */
export function testEnv(dispatch: Dispatch = defaultDispatch, overrides: Partial<ExecutionEnv> = {}): TestEnv {
  const tools = new ToolRegistry();
  for (const name of ['echo', 'ok', 'fail', 'slow']) {
    tools.add({ name, description: '', parameters: {}, idempotent: false });
  }
  const events: TestEnv['events'] = [];
  const calls: ToolCall[] = [];
  const env: TestEnv = {
    tools,
    state: new StateStore(),
    policies: new PolicySet(),
    idempotency: new IdempotencyCache(),
    clock: new FakeClock(),
    events,
    calls,
    emit: (kind, { action_id, proposal_id, data }, details) => {
      events.push({ kind, event: { action_id, proposal_id, data: { ...data, ...details } } });
    },
    ...overrides,
    dispatch: (toolCall, signal) => {
      calls.push(toolCall);
      return dispatch(toolCall, signal);
    },
    log: () => events.map(({ kind, event }) => (event.action_id === null ? kind : `${kind} ${event.action_id}`)),
    run: (actions, options) => executeProposal(normalizeProposal({ id: 'p', actions }), env, options),
  } as TestEnv;
  return env;
}

export function defaultDispatch({ tool, parameters }: ToolCall): unknown {
  if (tool === 'fail') throw new Error('it broke');
  return tool === 'echo' ? parameters : 'done';
}

/** `a:succeeded b:failed`, the shape most assertions are about. */
export function statuses(result: ProposalResult): string {
  return result.results.map(({ action_id, status }) => `${action_id}:${status}`).join(' ');
}

export function call(id: string, tool: string, rest: Partial<ActionInput> = {}): ActionInput {
  return { id, type: 'tool_call', tool, ...rest };
}

export function write(id: string, key: string, value: unknown, rest: Partial<ActionInput> = {}): ActionInput {
  return { id, type: 'state_write', parameters: { key, value }, ...rest };
}
