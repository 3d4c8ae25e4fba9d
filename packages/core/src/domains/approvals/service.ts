// What waits for a person: asked once, stored, decided once, and whoever waits for it told (Host surface, Approvals).
import { randomUUID } from 'node:crypto';
import {
  fail,
  type ApprovalAction,
  type ApprovalKind,
  type ApprovalOutcome,
  type HostApproval,
} from '@car-runtime/protocol';
import { startDeadline, type CancelSignal, type Deadline } from '@car-runtime/rpc';
import { timestamp } from '../../infra/timestamp.ts';
import type { Connection } from '../../kernel/connection.ts';
import type { Logger } from '../../kernel/logger.ts';
import {
  defaultOptions,
  isApproval,
  isOpen,
  toWire,
  wholeOf,
  type ApprovalRequest,
  type Settled,
  type StoredApproval,
} from './approval.ts';
import { cardLines } from './card.ts';
import { ApprovalShelf, maxDetailsBytes } from './shelf.ts';
import type { ApprovalChange, ApprovalStore } from './store.ts';
import { toKeptWhole } from './whole.ts';

/** What it tells, and whom. */
export interface ApprovalHost {
  publish(kind: string, event: { agentId?: string | undefined; message?: string; payload: object }): unknown;
  /** One connection alone. */
  tell(clientId: string, kind: string, event: { payload: object }): void;
  isSubscribed(connection: Connection): boolean;
  /** Somebody is asked about what this agent is to do. */
  agentWaits(agentId: string): void;
}

export interface ApprovalServiceOptions {
  store: ApprovalStore;
  host: ApprovalHost;
  logger: Logger;
  /** Whether a connection may decide what only the host role decides. */
  mayGovern(connection: Connection): boolean;
  /** Whether the daemon is going down: who goes away then does not do so by itself. */
  isStopping(): boolean;
}

export interface Resolution {
  resolution: string;
  notes?: string | undefined;
}

/** Runs before the decision is stored and answered; one that throws undoes the call. `subject` is what the request had. */
export type ResolutionListener = (approval: HostApproval, by: Connection, subject: StoredApproval['subject']) => void;

/** Kinds that only the host role decides, where there is one: each gives an agent more than it has. */
const governed: ReadonlySet<ApprovalKind> = new Set(['permission', 'plan', 'budget', 'supervision', 'external']);

export class ApprovalService implements Disposable {
  readonly #options: ApprovalServiceOptions;
  readonly #shelf = new ApprovalShelf();
  readonly #waiting = new Map<string, Set<(settled: Settled) => void>>();
  readonly #deadlines = new Map<string, Deadline>();
  readonly #listeners = new Map<ApprovalKind, Set<ResolutionListener>>();
  #lastNumber = 0;

  constructor(options: ApprovalServiceOptions) {
    this.#options = options;
    for (const row of options.store.load()) this.#resume(row);
  }

  get shelf(): ApprovalShelf {
    return this.#shelf;
  }

  /** Stores what is asked, then tells hosts. */
  request(request: ApprovalRequest): HostApproval {
    const row = this.#toRow(request);
    const toldBytes = JSON.stringify({ ...row, lines: undefined, whole: undefined }).length;
    if (toldBytes > maxDetailsBytes) {
      throw fail(
        'failed',
        `Cannot ask for approval: details are too large: ${toldBytes} bytes, limit ${maxDetailsBytes}`,
        { data: { reason: 'too_large' } },
      );
    }
    const bytes = JSON.stringify(row).length;
    this.#shelf.checkRoom(row, bytes);
    // One synchronous block: it is stored before anybody can know of it, and hosts are told before anybody can decide it.
    this.#lastNumber = row.approval.number;
    this.#options.store.add(row);
    this.#shelf.add(row, bytes);
    if (request.timeoutMs !== undefined) this.#expireIn(row.approval.id, request.timeoutMs);
    const approval = toWire(row);
    const { agent_id: agentId, action } = approval;
    this.#options.host.publish('approval.requested', {
      agentId: agentId ?? undefined,
      message: action,
      payload: approval,
    });
    if (agentId != null) this.#options.host.agentWaits(agentId);
    return approval;
  }

  find(id: string): HostApproval | undefined {
    const row = this.#shelf.get(id);
    return row && toWire(row);
  }

  /** Throws when there is none. */
  findWhole(id: string): { approval: HostApproval; action: ApprovalAction } {
    const row = this.#shelf.get(id);
    if (!row) throw unknownApproval(id);
    return { approval: toWire(row), action: wholeOf(row) };
  }

  /** Resolves once it is decided or has ended, at once when it is. Rejects with the reason of `signal`. */
  settled(id: string, signal?: CancelSignal): Promise<Settled> {
    const row = this.#shelf.get(id);
    if (!row) return Promise.reject(unknownApproval(id));
    if (!isOpen(row)) return Promise.resolve(toSettled(row));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<Settled>();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    const abandon = (): void => {
      this.#forget(id, tell);
      reject(signal?.reason);
    };
    const tell = (settled: Settled): void => {
      signal?.removeEventListener('abort', abandon);
      resolve(settled);
    };
    waiting.add(tell);
    signal?.addEventListener('abort', abandon);
    return promise;
  }

  #forget(id: string, tell: (settled: Settled) => void): void {
    const waiting = this.#waiting.get(id);
    waiting?.delete(tell);
    if (waiting?.size === 0) this.#waiting.delete(id);
  }

  /** The first decision counts; a later one changes nothing and is answered with it. A decision on what another connection
   *  owns is handed on to that connection. */
  resolve(id: string, { resolution, notes }: Resolution, by: Connection): HostApproval {
    const row = this.#shelf.get(id);
    if (by.agentId !== undefined) {
      throw fail('forbidden', `Cannot resolve approval '${id}': agents do not decide`, { data: { role: 'agent' } });
    }
    if (!row) throw unknownApproval(id);
    if (row.approval.status === 'resolved') return toWire(row);
    if (!this.#mayResolve(row, by)) return this.#forward(row, resolution, by);
    return this.#decide(row, resolution, notes, by);
  }

  #mayResolve({ approval, isOwnerAgent }: StoredApproval, by: Connection): boolean {
    const { id, kind, client_id: owner } = approval;
    if (governed.has(kind) && !this.#options.mayGovern(by)) {
      throw fail('forbidden', `Cannot resolve approval '${id}': needs the host role`, { data: { role: by.role } });
    }
    return owner == null || owner === by.id || (isOwnerAgent === true && this.#options.host.isSubscribed(by));
  }

  #forward(row: StoredApproval, resolution: string, by: Connection): HostApproval {
    const { id, client_id: owner } = row.approval;
    const { host } = this.#options;
    if (owner == null || !host.isSubscribed(by)) {
      throw fail('failed', `approval '${id}' is owned by another session`, { data: { reason: 'not_owner' } });
    }
    host.tell(owner, 'approval.resolve_requested', { payload: { approval_id: id, resolution } });
    return toWire(row);
  }

  /** One synchronous block: of two decisions the second finds the first. */
  #decide(row: StoredApproval, resolution: string, notes: string | undefined, by: Connection): HostApproval {
    const { approval } = row;
    const isYes = isApproval(resolution, approval.options);
    const change: ApprovalChange = {
      status: 'resolved',
      resolution,
      resolved_at: timestamp(),
      resolved_by: `conn:${by.id}`,
      // What had ended before stays ended: nothing runs on a late yes.
      outcome: approval.outcome ?? (isYes ? 'approved' : 'denied_by_human'),
      ...(notes !== undefined && { notes }),
    };
    const decided = { ...row, approval: { ...approval, ...change } };
    for (const listener of this.#listeners.get(approval.kind) ?? []) listener(toWire(decided), by, row.subject);
    return this.#change(row, change, 'approval.resolved');
  }

  /** Ends what nobody decided. Of a call at a gate that waited too long the row stays pending; nothing runs on it. */
  end(id: string, outcome: Exclude<ApprovalOutcome, 'approved' | 'denied_by_human'>): HostApproval | undefined {
    const row = this.#shelf.get(id);
    if (!row || !isOpen(row)) return row && toWire(row);
    const staysPending = row.approval.kind === 'gate' && outcome === 'expired';
    const end: ApprovalChange = staysPending ? {} : { status: 'resolved', resolved_at: timestamp() };
    return this.#change(row, { ...end, outcome }, 'approval.ended');
  }

  /** Ends what nobody waits for any more. */
  endAsGone(id: string): void {
    this.end(id, this.#options.isStopping() ? 'daemon_restarted' : 'requester_gone');
  }

  /** Ends what a connection owned. */
  endAllOf(connection: Connection): void {
    for (const { approval } of this.#shelf.openOf(connection.id)) this.endAsGone(approval.id);
  }

  /** Notes how far the call got that was approved. Returns whether that is stored. */
  noteExecution(id: string, execution: NonNullable<HostApproval['execution']>): boolean {
    const row = this.#shelf.get(id);
    if (!row) return false;
    const isStored = this.#options.store.change(id, { execution });
    this.#shelf.replace({ ...row, approval: { ...row.approval, execution } });
    return isStored;
  }

  /** Called in the call that decides, before it is stored and answered. */
  onResolved(kind: ApprovalKind, listener: ResolutionListener): Disposable {
    const listeners = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, listeners.add(listener));
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  #change(row: StoredApproval, change: ApprovalChange, event: string): HostApproval {
    const { store, host } = this.#options;
    const changed: StoredApproval = { ...row, approval: { ...row.approval, ...change } };
    const { id, agent_id: agentId, action } = changed.approval;
    store.change(id, change);
    this.#shelf.replace(changed);
    this.#deadlines.get(id)?.cancel();
    this.#deadlines.delete(id);
    const approval = toWire(changed);
    host.publish(event, { agentId: agentId ?? undefined, message: action, payload: approval });
    if (!isOpen(changed)) {
      const settled = toSettled(changed);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      for (const tell of waiting ?? []) tell(settled);
    }
    store.compact(this.#shelf.count, () => this.#shelf.all());
    return approval;
  }

  #expireIn(id: string, timeoutMs: number): void {
    this.#deadlines.set(
      id,
      startDeadline(timeoutMs, () => this.end(id, 'expired')),
    );
  }

  #toRow(request: ApprovalRequest): StoredApproval {
    const { kind, action, details, options, agentId, owner, isOwnerAgent, digest, timeoutMs } = request;
    const { subject, shown, whole } = request;
    return {
      approval: {
        id: `approval-${randomUUID()}`,
        number: this.#lastNumber + 1,
        kind,
        agent_id: agentId ?? null,
        action,
        details: details ?? null,
        options: [...(options ?? defaultOptions)],
        status: 'pending',
        created_at: timestamp(),
        resolved_at: null,
        resolution: null,
        ...(owner !== undefined && { client_id: owner }),
        ...withReversibility(request),
        ...(digest !== undefined && { digest }),
        ...(timeoutMs !== undefined && { expires_at: new Date(Date.now() + timeoutMs).toISOString() }),
      },
      ...(isOwnerAgent === true && { isOwnerAgent }),
      ...(subject && { subject }),
      ...(shown && { lines: cardLines(shown) }),
      ...(whole !== undefined && { whole: toKeptWhole(whole) }),
    };
  }

  /** Takes in what an earlier life of the daemon left. Who waited then waits no more, and nothing runs. */
  #resume(row: StoredApproval): void {
    const { approval } = row;
    const { id, kind, number } = approval;
    this.#lastNumber = Math.max(this.#lastNumber, number);
    this.#shelf.add(row, JSON.stringify(row).length);
    if (isOpen(row)) {
      // A call at a gate and an external agent do not outlive the daemon, nor do connections.
      if (kind === 'gate' || kind === 'external' || approval.client_id != null)
        this.#endAtStart(row, 'daemon_restarted');
      else if (approval.expires_at !== undefined) this.#resumeDeadline(row, approval.expires_at);
      return;
    }
    if (kind !== 'gate' || approval.outcome !== 'approved') return;
    if (approval.execution === undefined) this.noteExecution(id, 'not_run');
    else if (approval.execution === 'started') this.noteExecution(id, 'interrupted');
  }

  #resumeDeadline(row: StoredApproval, expiresAt: string): void {
    const leftMs = Date.parse(expiresAt) - Date.now();
    if (leftMs > 0) this.#expireIn(row.approval.id, leftMs);
    else this.#endAtStart(row, 'expired');
  }

  /** Nobody is there yet who could be told. */
  #endAtStart(row: StoredApproval, outcome: ApprovalOutcome): void {
    const change: ApprovalChange = { status: 'resolved', resolved_at: timestamp(), outcome };
    this.#options.store.change(row.approval.id, change);
    this.#shelf.replace({ ...row, approval: { ...row.approval, ...change } });
  }

  [Symbol.dispose](): void {
    for (const deadline of this.#deadlines.values()) deadline.cancel();
    this.#deadlines.clear();
    this.#options.store[Symbol.dispose]();
  }
}

/** As the one who asks says it, or as the daemon's own details do. Those of a `request` are somebody else's words. */
function withReversibility({ kind, details, reversibility }: ApprovalRequest): Pick<HostApproval, 'reversibility'> {
  const known = reversibility ?? (kind === 'request' ? undefined : details?.['reversibility']);
  return known === 'reversible' || known === 'compensable' || known === 'irreversible' ? { reversibility: known } : {};
}

function toSettled(row: StoredApproval): Settled {
  const { outcome = 'expired', resolved_by: resolvedBy } = row.approval;
  return { approval: toWire(row), outcome, resolvedBy };
}

function unknownApproval(id: string): Error {
  return fail('failed', `unknown approval ${JSON.stringify(id.slice(0, 200))}`, {
    data: { reason: 'unknown_approval' },
  });
}
