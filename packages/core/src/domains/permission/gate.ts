// The permission gate in front of `proposal.submit` (Proposal lifecycle, Admission).
import {
  classifyAction,
  hasReference,
  isWithin,
  type Action,
  type EventSubjects,
  type Proposal,
} from '@car-runtime/engine';
import type { AdmissionRefusal, ApprovalOutcome } from '@car-runtime/protocol';
import type { CancelSignal } from '@car-runtime/rpc';
import type { Connection } from '../../kernel/connection.ts';
import { fingerprintFor, toDecision, type Judgement } from './judge.ts';
import type { PermissionService } from './service.ts';

export type GateVerdict =
  | { decision: 'allow'; details?: object; recheck?: Recheck | undefined }
  | { decision: 'refuse'; reason: string; details: object; admission: AdmissionRefusal };

/** Why an action may not begin after all, or null. */
export type Recheck = (action: Action) => string | null | Promise<string | null>;

interface Submission {
  readonly signal: CancelSignal;
  readonly approvalWaitMs?: number | undefined;
}

const maxNamed = 20;
const maxDecisions = 100;
/** What changed while people decided is asked about again, so many times. */
const maxRounds = 5;

export class PermissionGate {
  readonly name = 'permission_tier';
  readonly #service: PermissionService;
  readonly #replans: boolean;

  /** `replans`: plans may be replaced by others that were never submitted, so every action is asked about again. */
  constructor(service: PermissionService, replans: boolean) {
    this.#service = service;
    this.#replans = replans;
  }

  admit(
    plan: Proposal,
    connection: Connection,
    submission: Submission,
    subjects: EventSubjects,
  ): GateVerdict | Promise<GateVerdict> {
    const judged = this.#service.judgePlan(plan, connection, undefined);
    if (judged instanceof Promise)
      return judged.then((judgements) => this.#conclude(subjects, judgements, connection, submission));
    return this.#conclude(subjects, judged, connection, submission);
  }

  #conclude(
    subjects: EventSubjects,
    judgements: readonly Judgement[],
    connection: Connection,
    submission: Submission,
  ): GateVerdict | Promise<GateVerdict> {
    const { proposal: plan } = subjects;
    this.#service.note(subjects, judgements, connection);
    const refused = judgements.filter(({ decision }) => decision !== 'allow');
    if (refused.length === 0) return this.#allow(plan, judgements, connection);
    const isDenied = refused.some(({ decision }) => decision === 'deny');
    // Where one action is denied the plan does not run, whatever people say of the others.
    const known = this.#service.remember(plan, judgements, connection);
    if (isDenied) return this.#refuse(known, refused, nothingAsked, undefined);
    const waitMs = submission.approvalWaitMs ?? 0;
    if (waitMs > 0) return this.#wait(subjects, judgements, connection, waitMs, submission.signal);
    return this.#refuse(known, refused, this.#service.ask(refused, known, connection, false), undefined);
  }

  async #wait(
    subjects: EventSubjects,
    first: readonly Judgement[],
    connection: Connection,
    waitMs: number,
    signal: CancelSignal,
  ): Promise<GateVerdict> {
    const { proposal: plan } = subjects;
    const until = performance.now() + waitMs;
    let judgements = first;
    let outcome: ApprovalOutcome | undefined;
    for (let round = 0; round < maxRounds; round++) {
      const refused = judgements.filter(({ decision }) => decision !== 'allow');
      if (refused.length === 0) return this.#allow(plan, judgements, connection);
      // Known before anybody is asked: while it waits it can be approved as a whole.
      const known = this.#service.remember(plan, judgements, connection);
      if (refused.some(({ decision }) => decision === 'deny'))
        return this.#refuse(known, refused, nothingAsked, outcome);
      const leftMs = until - performance.now();
      const asked = this.#service.ask(refused, known, connection, true);
      // What nobody can be asked about cannot be waited for.
      outcome = await this.#service.wait(asked.ids, asked.leftOut > 0 ? 0 : Math.max(0, leftMs), signal);
      judgements = await this.#service.judgePlan(plan, connection, undefined);
      this.#service.note(subjects, judgements, connection);
      if (outcome !== 'approved') {
        const still = judgements.filter(({ decision }) => decision !== 'allow');
        return this.#refuse(
          this.#service.remember(plan, judgements, connection),
          still.length > 0 ? still : refused,
          asked,
          outcome,
        );
      }
    }
    const refused = judgements.filter(({ decision }) => decision !== 'allow');
    return refused.length === 0
      ? this.#allow(plan, judgements, connection)
      : this.#refuse(this.#service.remember(plan, judgements, connection), refused, nothingAsked, 'expired');
  }

  #allow(plan: Proposal, judgements: readonly Judgement[], connection: Connection): GateVerdict {
    return { decision: 'allow', recheck: this.#recheckOf(plan, judgements, connection) };
  }

  /** Only where something may not be as it was: a file that an approval covers, or text that an earlier action fills in. */
  #recheckOf(plan: Proposal, judgements: readonly Judgement[], connection: Connection): Recheck | undefined {
    const isNeeded =
      this.#replans ||
      judgements.some(({ content }) => content !== undefined) ||
      (plan.actions.length > 1 && plan.actions.some(({ parameters }) => hasReference(parameters)));
    if (!isNeeded) return undefined;
    const admitted = new Map(judgements.map((judgement) => [judgement.action.id, judgement]));
    return (action) => this.#recheck(action, admitted.get(action.id), connection);
  }

  #recheck(
    action: Action,
    admitted: Judgement | undefined,
    connection: Connection,
  ): string | null | Promise<string | null> {
    if (action.type !== 'tool_call') return null;
    // A plan that took the place of the one that was admitted.
    if (!admitted || admitted.action.tool !== action.tool) return this.#service.whyNot(action, connection);
    if (action !== admitted.action && goesBeyond(action, admitted)) return this.#service.whyNot(action, connection);
    return admitted.content === undefined ? null : this.#service.whyChanged(admitted, connection);
  }

  #refuse(
    known: { digest: string },
    refused: readonly Judgement[],
    { ids, leftOut }: { ids: readonly string[]; leftOut: number },
    outcome: ApprovalOutcome | undefined,
  ): GateVerdict {
    const isDenied = refused.some(({ decision }) => decision === 'deny');
    const reason = isDenied ? 'permission_denied' : 'needs_approval';
    const decisions = refused.slice(0, maxDecisions).map(toDecision);
    const unsaid = refused.length - decisions.length + leftOut;
    return {
      decision: 'refuse',
      reason: textOf(refused, outcome),
      details: { reason, refused: refused.length, ...(outcome && { outcome }), approval_ids: ids },
      admission: {
        reason,
        ...(outcome && { outcome }),
        decisions,
        approval_ids: [...ids],
        ...(unsaid > 0 && { left_out: unsaid }),
        plan_digest: known.digest,
      },
    };
  }
}

const nothingAsked = { ids: [], leftOut: 0 };

/** Whether an action, filled in with what earlier ones answered, needs more than was seen, or runs something else. */
function goesBeyond(action: Action, { classification }: Judgement): boolean {
  const now = classifyAction(action);
  return !isWithin(now.tier, classification.tier) || JSON.stringify(now.uses) !== JSON.stringify(classification.uses);
}

/** Which actions, what they need, what there is, and how to tell them apart. */
function textOf(refused: readonly Judgement[], outcome: ApprovalOutcome | undefined): string {
  const named = refused.slice(0, maxNamed).map(({ action, classification, granted, decision, reason }) => {
    const verdict = decision === 'deny' ? 'denied' : 'needs approval';
    const why = reason === undefined ? '' : ` (${reason})`;
    return `action '${action.id}' ${verdict}${why}: requires ${classification.tier}, granted ${granted}, fingerprint ${fingerprintFor(action)}`;
  });
  if (refused.length > maxNamed) named.push(`and ${refused.length - maxNamed} more actions`);
  const ended = outcome === undefined || outcome === 'approved' ? '' : ` [${outcome}]`;
  return `permission tier${ended}: ${named.join('; ')}`;
}
