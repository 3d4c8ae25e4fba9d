// The gate that asks programs outside the daemon (Supervision): a plan waits until one of them decides, and what is not
// decided in time is refused. Without a supervisor that wants to see a plan there is nothing to wait for.
import { classifyAction, worseReversibility, type CancelSignal, type Proposal } from '@car-runtime/engine';
import { fail, type AdmissionRefusal, type SupervisionIntent } from '@car-runtime/protocol';
import { SharedFrame, startDeadline, type Deadline } from '@car-runtime/rpc';
import type { Connection } from '../../kernel/connection.ts';
import type { Escalations } from './escalations.ts';
import { IntentFilter, type FilterInput } from './filter.ts';
import { toCandidate, toIntent, type ReversibilityOf, type Submitted } from './intent.ts';
import { Supervisor, type Outgoing } from './supervisor.ts';

export interface SupervisionLimits {
  /** Time to decide, in ms. */
  decisionTimeoutMs: number;
  maxSupervisors: number;
  /** Plans that wait, of all connections together and of one. */
  maxParked: number;
  maxParkedPerConnection: number;
  /** JSON of all intents that wait together, and of one, in UTF-16 units. */
  maxParkedChars: number;
  maxIntentChars: number;
}

export const defaultSupervisionLimits: SupervisionLimits = {
  decisionTimeoutMs: 30_000,
  maxSupervisors: 256,
  maxParked: 1_000,
  maxParkedPerConnection: 64,
  maxParkedChars: 32 * 1024 * 1024,
  maxIntentChars: 4 * 1024 * 1024,
};

/** Ends of intents that are told apart from intents there never were. */
const maxRememberedEnds = 1_000;

export type Refusal = { decision: 'refuse'; reason: string; details: object; admission: AdmissionRefusal };
export type Verdict = { decision: 'allow'; details: object } | Refusal;

export type Decision = { kind: 'allow' } | { kind: 'deny' | 'escalate'; reason: string };

export interface SupervisionOptions {
  limits?: Partial<SupervisionLimits> | undefined;
  reversibilityOf?: ReversibilityOf | undefined;
  escalations: Escalations;
}

interface Parked extends Outgoing {
  readonly intent: SupervisionIntent;
  readonly plan: Proposal;
  readonly connection: Connection;
  readonly since: number;
  readonly chars: number;
  /** Whose queues it is in. */
  readonly offeredTo: readonly Supervisor[];
  /** Takes it out and lets its plan go on. */
  end(how: string, verdict: Verdict): void;
}

export class SupervisionService implements Disposable {
  readonly limits: SupervisionLimits;
  readonly #reversibilityOf: ReversibilityOf;
  readonly #escalations: Escalations;
  readonly #supervisors = new Map<Connection, Supervisor>();
  /** In the order in which they came. */
  readonly #parked = new Map<string, Parked>();
  readonly #parkedOf = new Map<Connection, number>();
  readonly #ends = new Map<string, string>();
  #parkedChars = 0;

  constructor({ limits, reversibilityOf, escalations }: SupervisionOptions) {
    this.limits = { ...defaultSupervisionLimits, ...limits };
    this.#reversibilityOf =
      reversibilityOf ?? ((action) => worseReversibility(action.reversibility, classifyAction(action).reversibility));
    this.#escalations = escalations;
  }

  get supervisors(): number {
    return this.#supervisors.size;
  }

  /** Number of plans that wait. */
  get parked(): number {
    return this.#parked.size;
  }

  subscribe(connection: Connection, filter: FilterInput | undefined): void {
    const known = this.#supervisors.get(connection);
    if (known) {
      known.filter = new IntentFilter(filter);
      return;
    }
    const { maxSupervisors } = this.limits;
    if (this.#supervisors.size >= maxSupervisors)
      throw fail('overloaded', `Cannot subscribe: ${maxSupervisors} supervisors are subscribed, the limit`);
    this.#supervisors.set(connection, new Supervisor(connection, new IntentFilter(filter)));
  }

  /** Plans that wait go on waiting: a supervisor that comes back finds them in `pending`. */
  /** What the filter of a supervisor names; nothing for a connection that is none. */
  filterOf(connection: Connection): IntentFilter['named'] | undefined {
    return this.#supervisors.get(connection)?.filter.named;
  }

  unsubscribe(connection: Connection): boolean {
    this.#supervisors.get(connection)?.[Symbol.dispose]();
    return this.#supervisors.delete(connection);
  }

  /** Oldest first. */
  pending(): SupervisionIntent[] {
    return Array.from(this.#parked.values(), ({ intent }) => intent);
  }

  /** The first decision holds, whoever makes it. */
  decide(supervisor: Connection, intentId: string, decision: Decision): void {
    const parked = this.#parked.get(intentId);
    if (!parked) {
      const ended = this.#ends.get(intentId);
      throw fail('failed', `Cannot decide intent ${JSON.stringify(intentId)}: ${ended ?? 'there is no such intent'}`, {
        data: { reason: ended === undefined ? 'unknown_intent' : 'intent_ended' },
      });
    }
    const { kind } = decision;
    const details = { supervisor: supervisor.id, verdict: kind };
    const how = `already decided (${kind})`;
    if (kind === 'allow') return parked.end(how, { decision: 'allow', details });
    if (kind === 'deny') {
      return parked.end(how, refuse(`denied by a supervisor: ${decision.reason}`, 'supervision_denied', details));
    }
    const { text, id } = this.#escalations.ask(parked.plan, parked.intent, decision.reason, parked.connection);
    parked.end(how, refuse(text, 'needs_approval', details, [id]));
  }

  /** What becomes of a plan: nothing to say where no supervisor wants to see it. */
  admit(
    plan: Proposal,
    connection: Connection,
    submission: Submitted & { readonly signal: CancelSignal },
  ): Verdict | undefined | Promise<Verdict> {
    if (this.#supervisors.size === 0) return undefined;
    const candidate = toCandidate(plan, connection, submission, this.#reversibilityOf);
    const offeredTo = [...this.#supervisors.values()].filter(({ filter }) => filter.matches(candidate));
    if (offeredTo.length === 0) return undefined;
    const approval_id = this.#escalations.take(plan, connection, submission.scope?.tenantId ?? undefined);
    if (approval_id !== undefined) return { decision: 'allow', details: { verdict: 'approved', approval_id } };
    const intent = toIntent(plan, connection, submission, candidate);
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'supervision.intent', params: intent });
    const overload = this.#overloadOf(connection, text.length);
    if (overload !== undefined) {
      const reason = `supervision refused the plan: ${overload}`;
      return refuse(reason, 'supervision_overloaded', { verdict: 'overloaded' });
    }
    return this.#park(plan, connection, submission.signal, intent, text, offeredTo);
  }

  /** Why no more may wait, if so. */
  #overloadOf(connection: Connection, chars: number): string | undefined {
    const { maxParked, maxParkedPerConnection, maxParkedChars, maxIntentChars } = this.limits;
    if (chars > maxIntentChars)
      return `what supervisors are told of it has ${chars} characters, more than ${maxIntentChars}`;
    if ((this.#parkedOf.get(connection) ?? 0) >= maxParkedPerConnection)
      return `${maxParkedPerConnection} plans of this connection wait for a decision, the limit`;
    if (this.#parked.size >= maxParked) return `${maxParked} plans wait for a decision, the limit`;
    if (this.#parkedChars + chars > maxParkedChars)
      return `the plans that wait for a decision have more than ${maxParkedChars} characters together`;
    return undefined;
  }

  #park(
    plan: Proposal,
    connection: Connection,
    signal: CancelSignal,
    intent: SupervisionIntent,
    text: string,
    offeredTo: readonly Supervisor[],
  ): Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const { decisionTimeoutMs } = this.limits;
    const end = (how: string, verdict: Verdict): void => {
      // Taken out first: whichever of decision, deadline and withdrawal comes first is the only one.
      if (!this.#parked.delete(intent.id)) return;
      deadline.cancel();
      signal.removeEventListener('abort', withdraw);
      this.#forget(parked, how);
      const waited_ms = Math.round(performance.now() - parked.since);
      const details = { intent_id: intent.id, ...verdict.details, waited_ms };
      if (verdict.decision === 'allow') return resolve({ ...verdict, details });
      resolve({ ...verdict, details, admission: { ...verdict.admission, intent_id: intent.id } });
    };
    const withdraw = (): void =>
      end('its plan was withdrawn', withdrawn('the plan was withdrawn before a supervisor decided'));
    const deadline: Deadline = startDeadline(decisionTimeoutMs, () =>
      end(
        'expired',
        refuse(`no supervisor decided within ${decisionTimeoutMs / 1_000} s`, 'supervision_timeout', {
          verdict: 'timeout',
        }),
      ),
    );
    const parked: Parked = {
      frame: SharedFrame.text(text),
      intent,
      plan,
      connection,
      since: performance.now(),
      chars: text.length,
      offeredTo,
      end,
    };
    this.#parked.set(intent.id, parked);
    this.#parkedOf.set(connection, (this.#parkedOf.get(connection) ?? 0) + 1);
    this.#parkedChars += text.length;
    signal.addEventListener('abort', withdraw);
    if (signal.aborted) withdraw();
    else for (const supervisor of offeredTo) supervisor.offer(parked);
    return promise;
  }

  #forget(parked: Parked, how: string): void {
    const { connection, chars, offeredTo, intent } = parked;
    this.#parkedChars -= chars;
    const left = (this.#parkedOf.get(connection) ?? 1) - 1;
    if (left === 0) this.#parkedOf.delete(connection);
    else this.#parkedOf.set(connection, left);
    for (const supervisor of offeredTo) supervisor.withdraw(parked);
    this.#ends.set(intent.id, how);
    if (this.#ends.size > maxRememberedEnds) this.#ends.delete(this.#ends.keys().next().value as string);
  }

  [Symbol.dispose](): void {
    for (const connection of this.#supervisors.keys()) this.unsubscribe(connection);
    for (const { end } of this.#parked.values())
      end('the daemon stopped', withdrawn('the daemon stopped before a supervisor decided'));
  }
}

/** In words, and for programs. */
function refuse(text: string, reason: string, details: object, approval_ids: string[] = []): Refusal {
  const admission = { reason, gate: 'supervision', decisions: [], approval_ids };
  return { decision: 'refuse', reason: text, details, admission };
}

function withdrawn(text: string): Refusal {
  return refuse(text, 'supervision_withdrawn', { verdict: 'withdrawn' });
}
