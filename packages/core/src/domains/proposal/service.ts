// Running a plan for a connection: admission, then the engine, given that connection's own tools, state, policies and
// journal.
import {
  DEFAULT_REPLAN_CONFIG,
  EventSubject,
  EventSubjects,
  executeProposal,
  executeWithReplans,
  IdempotencyCache,
  refuseProposal,
  type Action,
  type ExecutionEnv,
  type ExecutionOptions,
  type Meter,
  type PolicySet,
  type Proposal,
  type ProposalResult,
  type ReplanConfig,
  type ReplanProvider,
  type StateStore,
  type ToolAttempt,
  type ToolCall,
  type ToolRegistry,
} from '@car-runtime/engine';
import type { AdmissionRefusal } from '@car-runtime/protocol';
import { EncodedMembers } from '../../infra/encoded-members.ts';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import { askGate, type AdmissionGate, type AdmissionVerdict, type Submission } from './admission.ts';

interface EventSink {
  /** One of several events about one thing. */
  appendAbout(kind: string, subject: EventSubject, details?: object | EncodedMembers): void;
}

/** Keeps what plans came to, where something on the connection asks for it. */
export interface PlanRecorder {
  /** What a plan submitted now is recorded in; nothing when it is not recorded. */
  runOf(connection: Connection): string | undefined;
  /** Disposed when there is nothing to record. */
  begin(runId: string, plan: Proposal): PlanRecord;
}

/** One plan from its submission to its record. */
export interface PlanRecord extends Disposable {
  /** What the engine says of it, in order. */
  note(kind: string, actionId: string | null, details: object | undefined): void;
  refusedBy(gate: string): void;
  /** Never fails. A promise when the answer has to wait for it. */
  end(result: ProposalResult): void | Promise<void>;
}

export interface ProposalDependencies {
  registryOf(connection: Connection): ToolRegistry;
  storeOf(connection: Connection): StateStore;
  policiesOf(connection: Connection): PolicySet;
  logOf(connection: Connection): EventSink;
  dispatch(connection: Connection, call: ToolCall, attempt: ToolAttempt, tenantId: string | undefined): unknown;
  canDetach(connection: Connection, tool: string): boolean;
  /** Counts calls against what they may use. */
  meterOf?(connection: Connection): Meter;
  /** Asked in this order; all of them, also after one refused. */
  gates: readonly AdmissionGate[];
  /** Makes a new plan when one was aborted; without it the replan settings have no effect. */
  replanProvider?: ReplanProvider | undefined;
  recorder?: PlanRecorder | undefined;
}

/** Larger results would fill the queue of their connection, which ends it. */
const maxOutputChars = 32 * 1024 * 1024;

export class ProposalService {
  readonly #dependencies: ProposalDependencies;
  readonly #envOf: (connection: Connection) => ExecutionEnv;
  /** By gate, of which there are as many as were given. */
  readonly #allowed = new Map<string, EncodedMembers>();
  readonly #replanConfigs = new WeakMap<Connection, ReplanConfig>();

  constructor(dependencies: ProposalDependencies) {
    this.#dependencies = dependencies;
    this.#envOf = perConnection((connection) => this.#createEnv(connection));
  }

  setReplanConfig(connection: Connection, config: ReplanConfig): void {
    this.#replanConfigs.set(connection, config);
  }

  /** Runs a plan to its end. Actions that fail are results; a rejection is a fault of ours. */
  submit(connection: Connection, plan: Proposal, options: Submission): Submitted {
    const { recorder } = this.#dependencies;
    // The run it belongs to is the one that is open now, whatever is opened while it runs.
    const runId = recorder?.runOf(connection);
    const subjects = new EventSubjects(plan);
    if (!recorder || runId === undefined) return this.#submit(connection, subjects, options);
    return this.#submitRecorded(connection, subjects, options, runId, recorder.begin(runId, plan));
  }

  async #submitRecorded(
    connection: Connection,
    subjects: EventSubjects,
    options: Submission,
    runId: string,
    recording: PlanRecord,
  ): Promise<SubmitResult> {
    using record = recording;
    const result = await this.#submit(connection, subjects, options, { runId, record });
    await record.end(result);
    return result;
  }

  #submit(connection: Connection, subjects: EventSubjects, options: Submission, recorded?: Recorded): Submitted {
    return andThen(this.#askGates(connection, subjects, options, recorded?.record), (verdicts) =>
      this.#run(connection, subjects, options, verdicts, recorded),
    );
  }

  #run(
    connection: Connection,
    subjects: EventSubjects,
    submit: Submission,
    { refusals, recheck }: Verdicts,
    recorded: Recorded | undefined,
  ): Submitted {
    const { proposal: plan } = subjects;
    const options = { ...submit, account: recorded?.runId, maxOutputChars, recheck, subjects };
    const env = this.#envFor(connection, options.tenantId, recorded?.record);
    if (refusals.length > 0) {
      const refused = refuseProposal(plan, env, reasonOf(refusals), options);
      const admission = admissionOf(refusals);
      return admission ? { ...refused, admission } : refused;
    }
    const { replanProvider: provider } = this.#dependencies;
    if (!provider) return executeProposal(plan, env, options);
    const config = this.#replanConfigs.get(connection) ?? DEFAULT_REPLAN_CONFIG;
    return executeWithReplans(plan, env, { ...options, config, provider });
  }

  #askGates(
    connection: Connection,
    subjects: EventSubjects,
    submission: Submission,
    record: PlanRecord | undefined,
  ): Verdicts | Promise<Verdicts> {
    const subject = new EventSubject(null, subjects.proposal.id, {});
    const verdicts: Verdicts = { refusals: [], recheck: undefined };
    return this.#askFrom(0, { connection, subjects, submission, subject, verdicts, record });
  }

  #askFrom(first: number, admission: Admission): Verdicts | Promise<Verdicts> {
    const { gates } = this.#dependencies;
    const { connection, subjects, submission, verdicts } = admission;
    for (let index = first; index < gates.length; index++) {
      const gate = gates[index] as AdmissionGate;
      const verdict = askGate(gate, subjects.proposal, connection, submission, subjects);
      if (verdict instanceof Promise) {
        return verdict.then((settled) => {
          if (settled) this.#take(settled, gate, admission);
          return this.#askFrom(index + 1, admission);
        });
      }
      if (verdict) this.#take(verdict, gate, admission);
    }
    return verdicts;
  }

  #take(verdict: AdmissionVerdict, { name: gate }: AdmissionGate, admission: Admission): void {
    const { connection, subject, verdicts, record } = admission;
    const { decision, details } = verdict;
    const data = decision === 'allow' && details === undefined ? this.#allowedBy(gate) : { gate, decision, ...details };
    this.#dependencies.logOf(connection).appendAbout('admission_gate_decision', subject, data);
    if (decision === 'refuse') {
      verdicts.refusals.push(verdict);
      record?.refusedBy(gate);
    } else verdicts.recheck = both(verdicts.recheck, verdict.recheck);
  }

  /** What is recorded of most plans. */
  #allowedBy(gate: string): EncodedMembers {
    let members = this.#allowed.get(gate);
    if (!members) this.#allowed.set(gate, (members = new EncodedMembers({ gate, decision: 'allow' })));
    return members;
  }

  /** The connection's own env; tools are told apart by tenant, and events also told to a record, only where there is one. */
  #envFor(connection: Connection, tenantId: string | undefined, record: PlanRecord | undefined): ExecutionEnv {
    const env = this.#envOf(connection);
    if (tenantId === undefined && !record) return env;
    const { dispatch } = this.#dependencies;
    return {
      ...env,
      ...(tenantId !== undefined && { dispatch: (call, attempt) => dispatch(connection, call, attempt, tenantId) }),
      ...(record && {
        emit: (kind, subject, details) => {
          env.emit(kind, subject, details);
          record.note(kind, subject.action_id, details);
        },
      }),
    };
  }

  #createEnv(connection: Connection): ExecutionEnv {
    const { registryOf, storeOf, policiesOf, logOf, dispatch, canDetach, meterOf } = this.#dependencies;
    const log = logOf(connection);
    return {
      tools: registryOf(connection),
      state: storeOf(connection),
      policies: policiesOf(connection),
      idempotency: new IdempotencyCache(),
      meter: meterOf?.(connection),
      dispatch: (call, attempt) => dispatch(connection, call, attempt, undefined),
      canDetach: (tool) => canDetach(connection, tool),
      emit: (kind, subject, details) => log.appendAbout(kind, subject, details),
    };
  }
}

type Submitted = SubmitResult | Promise<SubmitResult>;
type SubmitResult = ProposalResult & { admission?: AdmissionRefusal };
type Recheck = ExecutionOptions['recheck'];

/** One plan on its way through the gates. */
interface Admission {
  readonly connection: Connection;
  readonly subjects: EventSubjects;
  readonly submission: Submission;
  readonly subject: EventSubject;
  readonly verdicts: Verdicts;
  readonly record: PlanRecord | undefined;
}

/** A plan that belongs to a run. */
interface Recorded {
  readonly runId: string;
  readonly record: PlanRecord;
}

/** What all gates together said. */
interface Verdicts {
  readonly refusals: Refusal[];
  recheck: Recheck;
}

/** The second is asked where the first has nothing against it. */
function both(first: Recheck, second: Recheck): Recheck {
  if (!first || !second) return first ?? second;
  return (action) => andThen(first(action), (reason) => reason ?? second(action));
}

/** Goes on at once where nothing has to be waited for: most plans are admitted without a promise. */
function andThen<T, R>(value: T | Promise<T>, proceed: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(proceed) : proceed(value);
}

type Refusal = Extract<AdmissionVerdict, { decision: 'refuse' }>;

/** Every action is told what every refusing gate has to say of it. */
function reasonOf(refusals: readonly Refusal[]): (action: Action) => string {
  return (action) => refusals.map(({ reason }) => (typeof reason === 'string' ? reason : reason(action))).join('; ');
}

/** Of the first gate that said it for programs, with the approvals that any of them waits for. */
function admissionOf(refusals: Verdicts['refusals']): AdmissionRefusal | undefined {
  const said = refusals.map(({ admission }) => admission).filter((admission) => admission !== undefined);
  const [first] = said;
  return first && { ...first, approval_ids: said.flatMap(({ approval_ids }) => approval_ids) };
}
