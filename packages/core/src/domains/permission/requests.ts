// Asking people about operations: one durable approval for each, however often it is submitted, and submits that wait for it.
import type { Tier } from '@car-runtime/engine';
import type { ApprovalOutcome, HostApproval } from '@car-runtime/protocol';
import { startDeadline, type CancelSignal } from '@car-runtime/rpc';
import type { Connection } from '../../kernel/connection.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Content } from './content.ts';
import { fingerprintFor, type Judgement } from './judge.ts';

/** What is needed of the approvals of the daemon. */
export interface ApprovalDesk {
  request(request: {
    kind: 'permission';
    action: string;
    details: Record<string, unknown>;
    shown: readonly unknown[];
    whole: unknown;
    agentId?: string | undefined;
    digest: string;
    reversibility?: HostApproval['reversibility'];
    subject: Record<string, unknown>;
  }): HostApproval;
  find(id: string): HostApproval | undefined;
  settled(id: string, signal?: CancelSignal): Promise<{ outcome: ApprovalOutcome }>;
  resolve(id: string, resolution: { resolution: string; notes?: string | undefined }, by: Connection): HostApproval;
  end(id: string, outcome: 'requester_gone' | 'daemon_restarted'): unknown;
  list(query: { status?: 'pending' | undefined; limit?: number | undefined; after?: number | undefined }): {
    approvals: readonly HostApproval[];
    next?: number | undefined;
  };
  onResolved(
    kind: 'permission',
    listener: (approval: HostApproval, by: Connection, subject: Record<string, unknown> | undefined) => void,
  ): Disposable;
}

/** What a decision about an approval is recorded with. */
export interface Subject {
  fingerprint: string;
  required_tier: Tier;
  tool: string | null;
  content?: Content | undefined;
}

/** The plan that an operation is asked about with. The same operation of a later plan is the same question. */
export interface AskedPlan {
  readonly digest: string;
  readonly source: string;
  readonly actions: number;
}

/** Approvals one submit asks for; a plan with more is approved as a plan. */
const maxPerSubmit = 50;
/** Operations that wait for a decision, in all. */
export const maxOpen = 5_000;
/** Of one agent, or of one connection that is none: nobody takes the room of all. */
const maxOpenPerAsker = 500;
const pageSize = 1_000;
const maxShownParameters = 12;

interface Open {
  readonly id: string;
  readonly asker: string;
}

interface Interest {
  waiting: number;
  /** Somebody asked who does not wait, and may come again. */
  isAwaited: boolean;
}

export interface RequestsOptions {
  desk: ApprovalDesk;
  logger: Logger;
  isStopping(): boolean;
}

export class PermissionRequests {
  readonly #options: RequestsOptions;
  /** Open approvals by fingerprint. */
  #open: Map<string, Open> | undefined;
  readonly #counts = new Map<string, number>();
  readonly #interests = new Map<string, Interest>();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** The open approval of an operation. */
  openOf(fingerprint: string): string | undefined {
    const open = this.#ids.get(fingerprint);
    if (open === undefined || isOpen(this.#options.desk.find(open.id))) return open?.id;
    this.#remove(fingerprint);
    return undefined;
  }

  /** Asks about each operation that nobody was asked about yet. Answers the approvals of all, and how many had no room. */
  ask(
    judgements: readonly Judgement[],
    plan: AskedPlan,
    by: Connection,
    waits: boolean,
  ): { ids: string[]; leftOut: number } {
    const ids = new Set<string>();
    let leftOut = 0;
    for (const judgement of judgements) {
      const id = ids.size < maxPerSubmit ? this.#idFor(judgement, plan, by) : undefined;
      if (id === undefined) {
        leftOut++;
        continue;
      }
      if (ids.has(id)) continue;
      ids.add(id);
      const interest = this.#interests.get(id) ?? { waiting: 0, isAwaited: false };
      this.#interests.set(id, interest);
      if (waits) interest.waiting++;
      else interest.isAwaited = true;
    }
    return { ids: [...ids], leftOut };
  }

  /** Until all are decided, or one is denied, or the time is over, or nobody waits for the submit any more. */
  async wait(ids: readonly string[], waitMs: number, signal: CancelSignal): Promise<ApprovalOutcome> {
    const { desk } = this.#options;
    const controller = new AbortController();
    const leave = (): void => controller.abort('requester_gone');
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave);
    const deadline = startDeadline(waitMs, () => controller.abort('expired'));
    try {
      const outcomes = ids.map(async (id) => {
        const { outcome } = await desk.settled(id, controller.signal);
        if (outcome !== 'approved') controller.abort(outcome);
      });
      await Promise.all(outcomes);
      return controller.signal.aborted ? (controller.signal.reason as ApprovalOutcome) : 'approved';
    } catch (error) {
      if (controller.signal.aborted) return controller.signal.reason as ApprovalOutcome;
      throw error;
    } finally {
      deadline.cancel();
      signal.removeEventListener('abort', leave);
      const isGone = controller.signal.reason === 'requester_gone';
      for (const id of ids) this.#lose(id, isGone);
    }
  }

  /** Nobody waits for this one any more through the submit that ended. */
  #lose(id: string, isGone: boolean): void {
    const interest = this.#interests.get(id);
    if (!interest) return;
    interest.waiting--;
    // Whoever waited until the time was over may submit again, and finds it decided.
    if (!isGone) interest.isAwaited = true;
    if (interest.waiting > 0 || interest.isAwaited) return;
    this.#interests.delete(id);
    this.#options.desk.end(id, this.#options.isStopping() ? 'daemon_restarted' : 'requester_gone');
  }

  /** An approval was decided or has ended. */
  forget(fingerprint: string): void {
    this.#remove(fingerprint);
  }

  #remove(fingerprint: string): void {
    const open = this.#ids.get(fingerprint);
    if (!open) return;
    this.#ids.delete(fingerprint);
    this.#interests.delete(open.id);
    const left = (this.#counts.get(open.asker) ?? 1) - 1;
    if (left > 0) this.#counts.set(open.asker, left);
    else this.#counts.delete(open.asker);
  }

  #add(fingerprint: string, open: Open): void {
    this.#open?.set(fingerprint, open);
    this.#counts.set(open.asker, (this.#counts.get(open.asker) ?? 0) + 1);
  }

  /** Read from the approvals when it is first needed: they outlive the daemon. */
  get #ids(): Map<string, Open> {
    if (this.#open) return this.#open;
    this.#open = new Map();
    let after: number | undefined = 0;
    while (after !== undefined) {
      const { approvals, next } = this.#options.desk.list({ status: 'pending', limit: pageSize, after });
      for (const { id, kind, details, agent_id: agentId } of approvals) {
        const fingerprint = details?.['fingerprint'];
        if (kind !== 'permission' || typeof fingerprint !== 'string') continue;
        this.#add(fingerprint, { id, asker: agentId ?? '' });
      }
      after = next;
    }
    return this.#open;
  }

  #idFor(judgement: Judgement, plan: AskedPlan, by: Connection): string | undefined {
    const fingerprint = fingerprintFor(judgement.action);
    const open = this.openOf(fingerprint);
    if (open !== undefined) return open;
    const asker = by.agentId ?? `conn:${by.id}`;
    this.#dropEnded(asker);
    if (this.#ids.size >= maxOpen || this.#countOf(asker) >= maxOpenPerAsker) return undefined;
    try {
      const { id } = this.#options.desk.request(toRequest(judgement, fingerprint, plan, by));
      this.#add(fingerprint, { id, asker });
      return id;
    } catch (error) {
      // No room, or too large to show: the submit says that it needs approval all the same.
      this.#options.logger.warn({ err: error, fingerprint }, 'an approval could not be asked for');
      return undefined;
    }
  }

  #countOf(asker: string): number {
    return this.#counts.get(asker) ?? 0;
  }

  #dropEnded(asker: string): void {
    if (this.#ids.size < maxOpen && this.#countOf(asker) < maxOpenPerAsker) return;
    for (const fingerprint of [...this.#ids.keys()]) this.openOf(fingerprint);
  }
}

function isOpen(approval: HostApproval | undefined): boolean {
  return approval?.status === 'pending' && approval.outcome === undefined;
}

/** What the card is made of: the action itself, never what its author says about it. */
function toRequest(
  { action, classification, content, changed, granted }: Judgement,
  fingerprint: string,
  { digest: planDigest, source, actions }: AskedPlan,
  by: Connection,
): Parameters<ApprovalDesk['request']>[0] {
  const { tier, reversibility, signals } = classification;
  const subject: Subject = { fingerprint, required_tier: tier, tool: action.tool ?? null, ...(content && { content }) };
  const names = Object.keys(action.parameters);
  const withParameters = (valueOf: (value: unknown) => unknown): Record<string, unknown> => ({
    tool: action.tool ?? null,
    required_tier: tier,
    reversibility,
    ...Object.fromEntries(
      names.slice(0, maxShownParameters).map((name) => [`parameters.${name}`, valueOf(action.parameters[name])]),
    ),
    ...(names.length > maxShownParameters && { parameters_left_out: names.length - maxShownParameters }),
    ...(signals.length > 0 && { found: signals.join('; ') }),
    ...(content && {
      programs: content.programs.map(({ name, path, digest }) =>
        `${name}: ${path ?? 'not found'} ${digest ?? ''}`.trim(),
      ),
      working_directory: content.folder ?? 'not said',
    }),
    granted_tier: granted,
    ...(changed && { changed }),
    fingerprint,
  });
  return {
    kind: 'permission',
    action: `${action.tool === undefined ? action.type : `Run ${JSON.stringify(action.tool)}`}: ${tier}, ${reversibility}`,
    details: {
      ...withParameters(shortened),
      plan: { digest: planDigest, source, actions, action_id: action.id },
    },
    reversibility,
    shown: [withParameters((value) => value)],
    whole: { type: action.type, tool: action.tool ?? null, parameters: action.parameters, ...(content && { content }) },
    ...(by.agentId !== undefined && { agentId: by.agentId }),
    digest: `sha256:${fingerprint}`,
    subject: { ...subject },
  };
}

const maxValueChars = 4_000;

/** Long text is cut in the middle: what is dangerous likes to stand at the end. */
function shortened(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text === undefined || text.length <= maxValueChars) return value ?? null;
  const half = maxValueChars / 2;
  return `${text.slice(0, half)} […${text.length - 2 * half} characters…] ${text.slice(-half)}`;
}

export function isSubject(value: Record<string, unknown> | undefined): value is Record<string, unknown> & Subject {
  return typeof value?.['fingerprint'] === 'string' && typeof value['required_tier'] === 'string';
}
