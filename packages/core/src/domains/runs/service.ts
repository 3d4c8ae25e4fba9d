// What happens to runs: opened, recorded, ended, swept when their connection goes away.
import { randomUUID } from 'node:crypto';
import type { ProposalResult } from '@car-runtime/engine';
import { fail, type AgentOutcome, type RunEnded, type RunningPlan as PlanAnswer } from '@car-runtime/protocol';
import { timestamp } from '../../infra/timestamp.ts';
import type { Connection } from '../../kernel/connection.ts';
import type { Logger } from '../../kernel/logger.ts';
import { checkMayRead, isOwner } from './access.ts';
import { andThen } from './and-then.ts';
import type { ConnectionRuns } from './connection-runs.ts';
import { checkId, resolveAgentId, type ClaimedIdentity } from './identity.ts';
import type { LiveSpans } from './live-spans.ts';
import { encodeStarted } from './records.ts';
import { planToTurns } from './recorder.ts';
import { maxTurnsPerRun, type AppendRefusal, type RunRegistry } from './registry.ts';
import { Run } from './run.ts';
import { maxAnswerCharacters, type RunningPlan } from './running-plan.ts';
import type { IsStored, RunRef, RunStore } from './store/run-store.ts';
import { boundedText, encodeTurnBodies, type NewTurn } from './turns.ts';

/** Time a run has to be completed once its connection is gone, in ms (Run tracing, I-14). */
const completeGraceMs = 250;
/** Runs that one connection has open at a time. */
const maxOpenRuns = 10_000;

export interface RunServiceOptions {
  registry: RunRegistry;
  store: RunStore;
  logger: Logger;
  runsOf: (connection: Connection) => ConnectionRuns;
  /** The agent of calls that name none, on connections that are none. */
  defaultAgentId: string | undefined;
  /** Told of turns and ends where somebody collects spans. */
  spans: LiveSpans | undefined;
}

export interface StartRequest extends ClaimedIdentity {
  intent: string;
  outcomeDescription: string | undefined;
  idempotencyKey: string | undefined;
}

export interface Started extends RunRef {
  isStored: IsStored;
}

export type Drop = 'run_not_found' | 'turn_too_large' | AppendRefusal;

/** One plan from its submission to its record. */
export interface PlanRecording extends Disposable {
  note(kind: string, actionId: string | null, details: object | undefined): void;
  refusedBy(gate: string): void;
  /** Done before the plan is answered; a promise when that has to be waited for. */
  end(result: ProposalResult): void | Promise<void>;
}

/** I-13: what came of a batch stays distinct. */
export type Recorded =
  | { isAppended: true; baseIndex: number; count: number; isStored: IsStored }
  | { isAppended: false; dropped: Drop };

export class RunService {
  readonly #registry: RunRegistry;
  readonly #store: RunStore;
  readonly #logger: Logger;
  readonly #runsOf: (connection: Connection) => ConnectionRuns;
  readonly #defaultAgentId: string | undefined;
  readonly #spans: LiveSpans | undefined;
  readonly #startedAt = Date.now();

  constructor({ registry, store, logger, runsOf, defaultAgentId, spans }: RunServiceOptions) {
    this.#registry = registry;
    this.#store = store;
    this.#logger = logger;
    this.#runsOf = runsOf;
    this.#defaultAgentId = defaultAgentId;
    this.#spans = spans;
  }

  currentRunOf(connection: Connection): string | undefined {
    return this.#runsOf(connection).currentRunId;
  }

  start(connection: Connection, request: StartRequest): Started | Promise<Started> {
    const agentId = resolveAgentId(request, connection, this.#defaultAgentId);
    const { idempotencyKey: key } = request;
    if (key === undefined) return this.#open(connection, { agentId, runId: randomUUID() }, request);
    checkId('idempotency_key', key);
    const known = this.#registry.get(key);
    return known ? this.#rejoin(connection, known, agentId) : this.#openOrRejoin(connection, key, agentId, request);
  }

  async #openOrRejoin(connection: Connection, runId: string, agentId: string, request: StartRequest): Promise<Started> {
    const storedOwner = await this.#store.ownerOf(runId);
    // Looked up again: another start of the same key may have come first.
    const known = this.#registry.get(runId);
    if (known) return this.#rejoin(connection, known, agentId);
    if (storedOwner === undefined) return await this.#open(connection, { agentId, runId }, request);
    return this.#rejoin(connection, { runId, agentId: storedOwner }, agentId);
  }

  /** Opens nothing and writes nothing; the run keeps its owner, and the connection whose end ends it. */
  #rejoin(connection: Connection, { runId, agentId: ownerId }: RunRef, agentId: string): Started {
    if (ownerId !== agentId) {
      throw fail('failed', `Cannot start run ${JSON.stringify(runId)}: there is one of another agent`, {
        data: { reason: 'run_of_another_agent' },
      });
    }
    this.#runsOf(connection).currentRunId = runId;
    return { runId, agentId, isStored: true };
  }

  #open(connection: Connection, ref: RunRef, request: StartRequest): Started | Promise<Started> {
    // Gone while the key was looked up: its sweep is over, so nobody would end the run.
    if (connection.isClosed) throw fail('failed', 'Cannot start a run: connection closed');
    if (this.#registry.openCountOf(connection.id) >= maxOpenRuns) {
      throw fail('overloaded', `Cannot start a run: this connection has ${maxOpenRuns} open, the limit`);
    }
    const startedAt = timestamp();
    const line = encodeStarted({
      run_id: ref.runId,
      agent_id: ref.agentId,
      intent: boundedText(request.intent),
      ...(request.outcomeDescription !== undefined && { outcome_description: boundedText(request.outcomeDescription) }),
      started_at: startedAt,
    });
    const run = new Run({ ...ref, clientId: connection.id, startedAt }, line);
    this.#registry.open(run);
    // I-17: before anything is answered or waited for.
    this.#runsOf(connection).currentRunId = run.runId;
    const records = { lines: [line], turns: 0, isEnd: false, history: () => [] };
    return andThen(this.#store.append(run, records), (isStored) => ({ ...ref, isStored }));
  }

  /** Turns of the agent itself. Whoever is not it learns nothing about the run. */
  recordTurns(caller: Connection, runId: string, turns: readonly NewTurn[]): Recorded | Promise<Recorded> {
    const run = this.#registry.get(runId);
    if (!run) return this.#recordUnknown(caller, runId);
    if (!isOwner(caller, run.agentId)) return drop('run_not_found');
    // An ended run has no turns in memory, so this is asked before the ceiling. Both are asked again where it counts.
    if (run.isEnded) return drop('run_terminal');
    if (run.turnCount + turns.length > maxTurnsPerRun) return drop('run_turn_limit');
    return this.#record(run, turns);
  }

  #recordUnknown(caller: Connection, runId: string): Recorded | Promise<Recorded> {
    return andThen(this.#forgottenOwner(runId), (ownerId) =>
      drop(ownerId !== undefined && isOwner(caller, ownerId) ? 'run_terminal' : 'run_not_found'),
    );
  }

  /** A plan from here to its turns, of which there are none when it is disposed before. */
  beginPlan(runId: string, plan: RunningPlan): PlanRecording {
    const plans = this.#registry.get(runId)?.plans;
    plans?.add(plan);
    return {
      note: (kind, actionId, details) => plan.note(kind, actionId, details),
      refusedBy: (gate) => plan.refusedBy(gate),
      end: (result) => {
        // Before anything waits: a plan is under way or recorded, never both and never neither.
        plans?.delete(plan);
        return this.#recordPlan(runId, planToTurns(plan, result));
      },
      [Symbol.dispose]: () => void plans?.delete(plan),
    };
  }

  /** Plans of a run that are under way; a run that is not in memory has none. */
  async plansOf(caller: Connection, runId: string): Promise<PlanAnswer[]> {
    const run = this.#registry.get(runId);
    const owner = run ? run.agentId : await this.#store.ownerOf(runId);
    if (owner === undefined) throw unknownRun(runId);
    checkMayRead(caller, owner, `run ${JSON.stringify(runId)}`);
    const room = { characters: maxAnswerCharacters };
    return [...(run?.plans ?? [])].map((plan) => plan.toAnswer(room));
  }

  /** Never fails: what a plan comes to does not depend on its record. A promise when it is to be waited for. */
  #recordPlan(runId: string, turns: readonly NewTurn[]): void | Promise<void> {
    const run = this.#registry.get(runId);
    if (!run || turns.length === 0) return undefined;
    return andThen(this.#record(run, turns), (recorded) => {
      if (!recorded.isAppended) this.#logger.debug({ run_id: runId, dropped: recorded.dropped }, 'plan not recorded');
    });
  }

  #record(run: Run, turns: readonly NewTurn[]): Recorded | Promise<Recorded> {
    const bodies = encodeTurnBodies(turns);
    if (!bodies) return drop('turn_too_large');
    const appended = this.#registry.append(run, bodies);
    if (typeof appended === 'string') return drop(appended);
    const { lines, base: baseIndex } = appended;
    this.#spans?.addTurns(run, lines);
    const { startedLine, turns: all } = run;
    const history = (): string[] => [startedLine, ...all.slice(0, baseIndex)];
    const stored = this.#store.append(run, { lines, turns: lines.length, isEnd: false, history });
    return andThen(stored, (isStored) => ({ isAppended: true, baseIndex, count: lines.length, isStored }));
  }

  complete(connection: Connection, runId: string, outcome: AgentOutcome): IsStored | Promise<IsStored> {
    const run = this.#registry.get(runId);
    if (!run) return this.#completeUnknown(connection, runId);
    // To another agent it is as if there were none.
    if (!mayComplete(connection, run.agentId)) throw unknownRun(runId);
    const stored = this.#finish(run, { kind: 'outcome', outcome });
    if (stored === undefined) throw endedRun(runId);
    return andThen(stored, (isStored) => {
      const mine = this.#runsOf(connection);
      if (mine.currentRunId === runId) mine.currentRunId = undefined;
      return isStored;
    });
  }

  #completeUnknown(connection: Connection, runId: string): Promise<never> | never {
    return andThen(this.#forgottenOwner(runId), (ownerId): never => {
      throw ownerId !== undefined && mayComplete(connection, ownerId) ? endedRun(runId) : unknownRun(runId);
    });
  }

  /** Ends a run, stores its end and gives up its records; `undefined` when it had ended before. */
  #finish(run: Run, termination: RunEnded['termination']): IsStored | Promise<IsStored> | undefined {
    const { startedLine, turns } = run;
    const line = this.#registry.end(run, termination, timestamp());
    if (line === undefined) return undefined;
    this.#spans?.addRun(run, startedLine, line);
    const history = (): string[] => [startedLine, ...turns];
    const stored = this.#store.append(run, { lines: [line], turns: 0, isEnd: true, history });
    return andThen(stored, (isStored) => {
      this.#registry.evict(run);
      return isStored;
    });
  }

  /** I-14: what a connection leaves open has a moment to be completed, by a call that is under way; one wait for all. */
  sweep(connection: Connection): Promise<void> | undefined {
    const left = this.#registry.openRunsOf(connection.id);
    return left.length === 0 ? undefined : this.#endAfterGrace(left);
  }

  async #endAfterGrace(runs: readonly Run[]): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, completeGraceMs));
    await Promise.all(runs.map(async (run) => await this.#finish(run, { kind: 'incomplete' })));
  }

  /** Who a run belonged to whose header left memory in this lifetime. Such a run has ended. */
  #forgottenOwner(runId: string): string | undefined | Promise<string | undefined> {
    if (!this.#registry.hasForgotten) return undefined;
    return this.#store
      .read(runId)
      .then((stored) => (stored && Date.parse(stored.startedAt) >= this.#startedAt ? stored.agentId : undefined));
  }
}

/** A connection that is an agent ends only its own runs. */
function mayComplete(connection: Connection, ownerId: string): boolean {
  return connection.agentId === undefined || isOwner(connection, ownerId);
}

function drop(dropped: Drop): Recorded {
  return { isAppended: false, dropped };
}

export function unknownRun(runId: string): Error {
  return fail('failed', `unknown run_id \`${runId}\``, { data: { reason: 'run_not_found' } });
}

function endedRun(runId: string): Error {
  return fail('failed', `run \`${runId}\` is already terminal — cannot record another outcome`, {
    data: { reason: 'run_terminal' },
  });
}
