// Plans that a supervisor handed to people: each is an approval, and one that is granted lets the very same plan pass once.
import { createHash } from 'node:crypto';
import { canonicalJson, findReferences, type Action, type JsonObject, type Proposal } from '@car-runtime/engine';
import type { SupervisionIntent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';

/** What people are asked with. */
export interface EscalationApprovals {
  request(request: {
    kind: 'supervision';
    action: string;
    details: JsonObject;
    agentId?: string | undefined;
    digest: string;
    timeoutMs: number;
    reversibility: SupervisionIntent['reversibility'];
    whole: unknown;
    subject: JsonObject;
  }): { id: string };
}

const approvalTimeoutMs = 24 * 60 * 60 * 1_000;
const maxGrants = 1_000;
/** Actions told of in the approval. */
const maxShownActions = 20;

export class Escalations {
  readonly #approvals: EscalationApprovals;
  /** Approval by the digest of the plan it lets pass. Only in memory: what nobody remembers is asked about again. */
  readonly #granted = new Map<string, string>();

  constructor(approvals: EscalationApprovals) {
    this.#approvals = approvals;
  }

  /** Asks; answers what the plan is told, and the approval that waits. */
  ask(plan: Proposal, intent: SupervisionIntent, reason: string, connection: Connection): { text: string; id: string } {
    const { actions, source, reversibility } = intent;
    const digest = digestOf(plan, connection, intent.scope?.tenantId ?? undefined);
    const { id } = this.#approvals.request({
      kind: 'supervision',
      action: `run a plan of ${actions.length} ${actions.length === 1 ? 'action' : 'actions'} that a supervisor escalated`,
      details: {
        reason,
        source,
        reversibility,
        actions: actions
          .slice(0, maxShownActions)
          .map(({ tool, action_type, reversibility: how, parameter_keys: keys }) => ({
            call: tool ?? action_type,
            reversibility: how,
            parameters: keys.slice(0, 10),
          })),
        ...(actions.length > maxShownActions && { more_actions: actions.length - maxShownActions }),
      },
      agentId: connection.agentId,
      digest,
      timeoutMs: approvalTimeoutMs,
      reversibility,
      whole: { reason, source, actions: plan.actions },
      subject: { digest },
    });
    const text = `needs approval: escalated by a supervisor: ${reason} (${id}; submit the same plan once it is approved)`;
    return { text, id };
  }

  /** Called while a decision is made. */
  resolved(approvalId: string, isApproved: boolean, subject: JsonObject | undefined): void {
    const digest = subject?.['digest'];
    if (!isApproved || typeof digest !== 'string') return;
    if (this.#granted.size >= maxGrants) this.#granted.delete(this.#granted.keys().next().value as string);
    this.#granted.set(digest, approvalId);
  }

  /** The approval that lets this plan pass, if there is one. It is used up. */
  take(plan: Proposal, connection: Connection, tenantId: string | undefined): string | undefined {
    if (this.#granted.size === 0) return undefined;
    const digest = digestOf(plan, connection, tenantId);
    const approval = this.#granted.get(digest);
    this.#granted.delete(digest);
    return approval;
  }
}

/** Of everything a plan does and for whom. An id counts where another action names it; else it may be a new one each time. */
function digestOf({ actions }: Proposal, { agentId, id: clientId }: Connection, tenantId: string | undefined): string {
  const named = namedIds(actions);
  const content = actions.map(({ id, ...action }) => (named.has(id) ? { id, ...action } : action));
  const text = canonicalJson([agentId ?? `session:${clientId}`, tenantId ?? null, content]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function namedIds(actions: readonly Action[]): Set<string> {
  const named = new Set<string>();
  for (const { dependencies, parameters, compensation } of actions) {
    for (const id of dependencies) named.add(id);
    findReferences(parameters, (id) => named.add(id));
    if (compensation?.type === 'action_ref') named.add(compensation.action_id);
  }
  return named;
}
