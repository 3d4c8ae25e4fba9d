// Tiers granted to sessions, the ledger of decisions, and the question both `permission.*` and the gate ask.
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  classifyAction,
  declaredRollbackContract,
  isMissingCompensation,
  type Action,
  type EventSubject,
  type EventSubjects,
  type Proposal,
  type Tier,
} from '@car-runtime/engine';
import {
  fail,
  type ApprovalRecord,
  type permission,
  type PermissionDecision,
  type ResultOf,
} from '@car-runtime/protocol';
import type { CancelSignal } from '@car-runtime/rpc';
import { EncodedMembers } from '../../infra/encoded-members.ts';
import { timestamp } from '../../infra/timestamp.ts';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { changesOf, ContentReader, type Content } from './content.ts';
import { ReadingTurn } from './reading-turn.ts';
import { fingerprintFor, Judge, toDecision, type Judgement, type Standing } from './judge.ts';
import { Ledger, type LedgerLimits } from './ledger.ts';
import { digestOfPlan, KnownPlans, type KnownPlan } from './plans.ts';
import { Postures } from './postures.ts';
import { isSubject, PermissionRequests, type ApprovalDesk, type AskedPlan } from './requests.ts';
import { describePlan, type PlanDescription } from './plan-view.ts';
import { review, type PlanReview } from './review.ts';

interface EventSink {
  append(
    kind: string,
    event: { action_id?: string | undefined; proposal_id?: string | undefined; data?: object | undefined },
  ): void;
  appendAbout(kind: string, subject: EventSubject, details: object | EncodedMembers): void;
}

export interface PermissionOptions {
  ledgerPath: string;
  posturesPath: string;
  desk: ApprovalDesk;
  health: Health;
  logger: Logger;
  logOf(connection: Connection): EventSink;
  connectionOf(clientId: string): Connection | undefined;
  stateOf(connection: Connection): Record<string, unknown>;
  isStopping(): boolean;
  /** The tier a skill is deployed at; nothing for one that is not known. */
  skillTierOf?: ((skill: string, connection: Connection) => Promise<Tier | undefined>) | undefined;
  defaultTier?: Tier | undefined;
  ledgerLimits?: Partial<LedgerLimits> | undefined;
}

export interface Verdict {
  isApproved: boolean;
  reason: string | undefined;
  evidence: string | undefined;
}

interface Operation {
  readonly fingerprint: string;
  readonly tier: Tier;
  readonly content?: Content | undefined;
  readonly tool?: string | null | undefined;
}

const defaultGrantedTier: Tier = 'sandbox_edit';
/** Of a skill nobody knows: it may look, and nothing else. */
const unknownSkillTier: Tier = 'read_only';

class PermissionSession {
  granted: Tier;
  /** What is recorded of most actions, by the tier they require. */
  readonly #allowed = new Map<Tier, { granted: Tier; agent: string | undefined; members: EncodedMembers }>();

  constructor(granted: Tier) {
    this.granted = granted;
  }

  /** As a decision that allows the action without anybody's doing is recorded. */
  allowed(required: Tier, granted: Tier, agent: string | undefined): EncodedMembers {
    const known = this.#allowed.get(required);
    if (known?.granted === granted && known.agent === agent) return known.members;
    const members = new EncodedMembers({ decision: 'allow', required, granted, agent });
    this.#allowed.set(required, { granted, agent, members });
    return members;
  }
}

export class PermissionService implements Disposable {
  readonly postures: Postures;
  readonly #options: PermissionOptions;
  readonly #ledger: Ledger;
  readonly #judge: Judge;
  readonly #contents = new ContentReader();
  readonly #requests: PermissionRequests;
  readonly #plans = new KnownPlans();
  readonly #sessionOf: (connection: Connection) => PermissionSession;
  readonly #listening: Disposable;
  /** Set while a decision is recorded that closes an approval, which then must not be recorded once more. */
  #recording: string | undefined;

  constructor(options: PermissionOptions) {
    this.#options = options;
    const { ledgerPath: path, health, logger, desk, isStopping, ledgerLimits: limits } = options;
    this.#ledger = new Ledger({ path, health, logger, limits });
    this.postures = new Postures(options.posturesPath);
    this.#judge = new Judge({ ledger: this.#ledger, postures: this.postures, contents: this.#contents });
    this.#requests = new PermissionRequests({ desk, logger, isStopping });
    this.#sessionOf = perConnection(() => new PermissionSession(options.defaultTier ?? defaultGrantedTier));
    this.#listening = desk.onResolved('permission', (approval, by, subject) => {
      const { outcome, notes } = approval;
      if (!isSubject(subject)) return;
      this.#requests.forget(subject.fingerprint);
      // What had ended before it was decided decides nothing.
      if (this.#recording === subject.fingerprint || (outcome !== 'approved' && outcome !== 'denied_by_human')) return;
      const verdict = { isApproved: outcome === 'approved', reason: notes, evidence: approval.id };
      this.#record(
        [
          {
            fingerprint: subject.fingerprint,
            tier: subject.required_tier,
            content: subject.content,
            tool: subject.tool,
          },
        ],
        verdict,
        by,
      );
    });
  }

  grantedTo(connection: Connection): Tier {
    return this.#sessionOf(connection).granted;
  }

  grant(connection: Connection, tier: Tier): void {
    this.#sessionOf(connection).granted = tier;
  }

  /** The session of that id, which is this one when none is named. */
  session(sessionId: string | null | undefined, asker: Connection): Connection {
    const found = sessionId == null ? asker : this.#options.connectionOf(sessionId);
    if (found) return found;
    throw fail('failed', `unknown session ${JSON.stringify(sessionId)}`, { data: { reason: 'unknown_session' } });
  }

  async classify(plan: Proposal): Promise<ResultOf<(typeof permission)['permission.classify']>> {
    const classifications: ResultOf<(typeof permission)['permission.classify']>['classifications'] = [];
    let turn = new ReadingTurn();
    for (const action of plan.actions) {
      if (turn.isOver) {
        turn = new ReadingTurn();
        await nextTurn();
      }
      const { tier, reversibility, signals } = classifyAction(action, turn.budget());
      classifications.push({
        action_id: action.id,
        tool: action.tool ?? null,
        required_tier: tier,
        reversibility,
        missing_compensation: isMissingCompensation(action),
        ...(signals.length > 0 && { signals: [...signals] }),
      });
    }
    return { classifications, declared_rollback_contract: declaredRollbackContract(plan) };
  }

  async ceilingOf(skill: string | null | undefined, connection: Connection): Promise<Tier | undefined> {
    return skill == null ? undefined : ((await this.#options.skillTierOf?.(skill, connection)) ?? unknownSkillTier);
  }

  /** What people decided about a fingerprint, whatever it stands for. */
  verdictOn(fingerprint: string): 'approved' | 'rejected' | undefined {
    this.#ledger.refresh();
    const entry = this.#ledger.find(fingerprint);
    return entry && (entry.isApproved ? 'approved' : 'rejected');
  }

  async evaluate(plan: Proposal, connection: Connection, ceiling: Tier | undefined): Promise<PermissionDecision[]> {
    const judgements = await this.judgePlan(plan, connection, ceiling);
    this.#plans.add(plan, judgements, connection.agentId);
    return judgements.map(toDecision);
  }

  /** A promise only where files have to be looked at, or where there is much to read. */
  judgePlan(plan: Proposal, connection: Connection, ceiling: Tier | undefined): Judgement[] | Promise<Judgement[]> {
    const standing = { granted: this.grantedTo(connection), agentId: connection.agentId, ceiling };
    const judged: (Judgement | Promise<Judgement>)[] = [];
    const turn = new ReadingTurn();
    let isWaiting = false;
    for (const action of plan.actions) {
      if (turn.isOver) return this.#judgeRest(plan, standing, judged);
      const judgement = this.#judge.judge(action, standing, turn.budget());
      isWaiting ||= judgement instanceof Promise;
      judged.push(judgement);
    }
    return isWaiting ? Promise.all(judged.map(async (each) => await each)) : (judged as Judgement[]);
  }

  /** Gives way to other work between pieces. */
  async #judgeRest(
    { actions }: Proposal,
    standing: Standing,
    first: readonly (Judgement | Promise<Judgement>)[],
  ): Promise<Judgement[]> {
    const judgements = await Promise.all(first.map(async (each) => await each));
    let turn = new ReadingTurn();
    await nextTurn();
    for (const action of actions.slice(first.length)) {
      if (turn.isOver) {
        turn = new ReadingTurn();
        await nextTurn();
      }
      judgements.push(await this.#judge.judge(action, standing, turn.budget()));
    }
    return judgements;
  }

  /** Why the action may not run now, or null. */
  whyNot(action: Action, connection: Connection): string | null | Promise<string | null> {
    const standing = { granted: this.grantedTo(connection), agentId: connection.agentId, ceiling: undefined };
    const judged = this.#judge.judge(action, standing);
    return judged instanceof Promise ? judged.then(refusalOf) : refusalOf(judged);
  }

  /** Why an admitted action whose programs it is known by may not run any more, or null. */
  async whyChanged(admitted: Judgement, connection: Connection): Promise<string | null> {
    const refusal = await this.whyNot(admitted.action, connection);
    if (refusal !== null) return refusal;
    const now = await this.#contents.read(admitted.classification);
    const changed = admitted.content && changesOf(admitted.content, now);
    return changed ? `permission tier: changed since it was admitted: ${Object.keys(changed).join(', ')}` : null;
  }

  /** Leaves each verdict in the journal of whoever submitted. */
  note(subjects: EventSubjects, judgements: readonly Judgement[], connection: Connection): void {
    const log = this.#options.logOf(connection);
    const { agentId: agent } = connection;
    for (const { action, classification, decision, granted, reason } of judgements) {
      const details =
        decision === 'allow' && reason === undefined
          ? this.#sessionOf(connection).allowed(classification.tier, granted, agent)
          : {
              decision,
              required: classification.tier,
              granted,
              ...(agent !== undefined && { agent }),
              ...(reason !== undefined && { reason }),
              ...(decision !== 'allow' && { fingerprint: fingerprintFor(action) }),
            };
      log.appendAbout('permission_decision', subjects.of(action), details);
    }
  }

  ask(
    refused: readonly Judgement[],
    plan: AskedPlan,
    by: Connection,
    waits: boolean,
  ): { ids: string[]; leftOut: number } {
    return this.#requests.ask(refused, plan, by, waits);
  }

  wait(ids: readonly string[], waitMs: number, signal: CancelSignal): ReturnType<PermissionRequests['wait']> {
    return this.#requests.wait(ids, waitMs, signal);
  }

  /** Keeps what a plan would need, so that it can be looked at and approved as a whole. */
  remember(plan: Proposal, judgements: readonly Judgement[], by: Connection): KnownPlan {
    return this.#plans.add(plan, judgements, by.agentId);
  }

  /** Decides about one operation. */
  async decideAction(action: Action, verdict: Verdict, by: Connection): Promise<ApprovalRecord> {
    const classification = classifyAction(action);
    const content = verdict.isApproved ? await this.#contents.read(classification) : undefined;
    const entry = {
      fingerprint: fingerprintFor(action),
      tier: classification.tier,
      content,
      tool: action.tool ?? null,
    };
    return this.#decide(entry, verdict, by);
  }

  decideFingerprint(fingerprint: string, tier: Tier, verdict: Verdict, by: Connection): ApprovalRecord {
    // What was evaluated or refused with this fingerprint said which files it would run.
    const { content, tool } = this.#plans.entryOf(fingerprint) ?? {};
    return this.#decide({ fingerprint, tier, content, tool }, verdict, by);
  }

  async review(
    plan: Proposal,
    connection: Connection,
    options: { ceiling: Tier | undefined; initialState: Record<string, unknown> | undefined; signal: AbortSignal },
  ): Promise<PlanReview> {
    const judgements = await this.judgePlan(plan, connection, options.ceiling);
    const { digest } = this.#plans.add(plan, judgements, connection.agentId);
    this.#ledger.refresh();
    return await review(plan, judgements, {
      digest,
      since: this.#ledger.lastPlan(plan.source.slice(0, 200)),
      initialState: options.initialState ?? this.#options.stateOf(connection),
      signal: options.signal,
    });
  }

  /** A plan that was reviewed or refused, every operation of it. */
  plan(digest: string): PlanDescription {
    const known = this.#plans.get(digest);
    if (!known) throw unknownPlan(digest);
    this.#ledger.refresh();
    return describePlan(known, {
      since: this.#ledger.lastPlan(known.source),
      standingOf: (fingerprint) => this.#ledger.find(fingerprint),
      approvalOf: (fingerprint) => this.#requests.openOf(fingerprint),
    });
  }

  async approvePlan(
    digest: string,
    plan: Proposal | undefined,
    { reason, evidence }: Omit<Verdict, 'isApproved'>,
    by: Connection,
  ): Promise<ApprovalRecord[]> {
    const known = plan ? await this.#knownPlan(digest, plan, by) : this.#plans.get(digest);
    if (!known) throw unknownPlan(digest);
    const { entries, source } = known;
    const records = this.#record([...entries.values()], { isApproved: true, reason, evidence }, by, { digest, source });
    for (const fingerprint of entries.keys()) this.#closeRequest(fingerprint, true, reason, by);
    return records;
  }

  async #knownPlan(digest: string, plan: Proposal, by: Connection): Promise<KnownPlan> {
    const actual = digestOfPlan(plan);
    if (actual !== digest) {
      throw fail('failed', `Cannot approve plan ${JSON.stringify(digest)}: the proposal given is ${actual}`, {
        data: { reason: 'digest_mismatch', digest: actual },
      });
    }
    return this.#plans.add(plan, await this.judgePlan(plan, by, undefined), by.agentId);
  }

  /** Shortens the ledger where it has grown. Only where no other daemon has it open. */
  sweep(): void {
    this.#ledger.compact();
  }

  #decide(entry: Operation, verdict: Verdict, by: Connection): ApprovalRecord {
    const [record] = this.#record([entry], verdict, by);
    this.#closeRequest(entry.fingerprint, verdict.isApproved, verdict.reason, by);
    return record!;
  }

  /** An approval that waits for this very decision has it now. */
  #closeRequest(fingerprint: string, isApproved: boolean, reason: string | undefined, by: Connection): void {
    const id = this.#requests.openOf(fingerprint);
    if (id === undefined) return;
    this.#recording = fingerprint;
    try {
      this.#options.desk.resolve(id, { resolution: isApproved ? 'approve' : 'deny', notes: reason }, by);
    } finally {
      this.#recording = undefined;
    }
  }

  #record(
    entries: readonly Operation[],
    { isApproved, reason, evidence }: Verdict,
    by: Connection,
    plan?: ApprovalRecord['plan'],
  ): ApprovalRecord[] {
    const reviewer = by.agentId === undefined ? `conn:${by.id}` : `agent:${by.agentId}`;
    const decidedAt = timestamp();
    const records = entries.map(({ fingerprint, tier, content, tool }): ApprovalRecord => ({
      fingerprint,
      required_tier: tier,
      decision: isApproved ? 'approved' : 'rejected',
      reviewer,
      reason: reason ?? '',
      ...(evidence !== undefined && { evidence }),
      decided_at: decidedAt,
      ...(content && isApproved && { content }),
      ...(tool !== undefined && { tool }),
      ...(plan && { plan }),
    }));
    this.#ledger.record(records);
    const log = this.#options.logOf(by);
    for (const { fingerprint, required_tier, decision } of records) {
      const data = { fingerprint, required_tier, decision, reviewer, ...(plan && { plan_digest: plan.digest }) };
      log.append('approval_recorded', { data });
    }
    return records;
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }
}

function refusalOf({ decision, reason, classification, action }: Judgement): string | null {
  if (decision === 'allow') return null;
  const verdict = decision === 'deny' ? 'denied' : 'needs approval';
  return `permission tier: ${verdict} (${reason ?? 'no reason'}): requires ${classification.tier}, fingerprint ${fingerprintFor(action)}`;
}

function unknownPlan(digest: string): Error {
  return fail('failed', `unknown plan ${JSON.stringify(digest)}: review it first, or pass it as proposal`, {
    data: { reason: 'unknown_plan' },
  });
}
