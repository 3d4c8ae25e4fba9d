// The rows of the list of approvals: what waits, what of it belongs to one plan, and what has ended.
import type { HostApproval } from '@car-runtime/protocol';
import { css, html, nothing, type TemplateResult } from 'lit';
import { outcomeTones, words } from '../parts/approval-card.ts';
import '../parts/badge.ts';
import { remaining } from '../parts/countdown.ts';
import { ago, plain, textOf, titleOf } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { byGravity, isIrreversible } from '../store/decisions.ts';

export interface PlanOfApproval {
  digest: string;
  source: string;
  actions: number;
}

export type Row =
  | { kind: 'plan'; id: string; plan: PlanOfApproval; waiting: readonly HostApproval[] }
  | { kind: 'approval'; id: string; approval: HostApproval; isOfPlan: boolean };

/** The plan an approval was first asked for with, if the daemon said so. */
export function planOf({ details }: HostApproval): PlanOfApproval | undefined {
  const plan = details?.['plan'] as Partial<PlanOfApproval> | null | undefined;
  if (typeof plan?.digest !== 'string') return undefined;
  return { digest: plan.digest, source: plan.source ?? '', actions: plan.actions ?? 0 };
}

/** Oldest first; what belongs to one plan stands together behind it, the gravest first. */
export function rowsOf(pending: readonly HostApproval[]): Row[] {
  const plans = new Map<string, HostApproval[]>();
  for (const approval of pending) {
    const digest = planOf(approval)?.digest;
    if (digest === undefined) continue;
    const waiting = plans.get(digest);
    if (waiting) waiting.push(approval);
    else plans.set(digest, [approval]);
  }
  return pending.flatMap((approval): Row[] => {
    const plan = planOf(approval);
    const waiting = plan && plans.get(plan.digest);
    if (!plan || !waiting || (waiting.length < 2 && plan.actions < 2))
      return [{ kind: 'approval', id: approval.id, approval, isOfPlan: false }];
    if (waiting[0] !== approval) return [];
    return [
      { kind: 'plan', id: `plan/${plan.digest}`, plan, waiting },
      ...waiting
        .toSorted(byGravity)
        .map((each): Row => ({ kind: 'approval', id: each.id, approval: each, isOfPlan: true })),
    ];
  });
}

export function linkToRow(row: Row): string {
  return row.kind === 'plan' ? linkTo('approvals', 'plan', row.plan.digest) : linkTo('approvals', row.id);
}

export function rowTemplate(row: Row, isOpen: boolean): TemplateResult {
  return html`<a
    class="approval ${row.kind} ${row.kind === 'approval' && row.isOfPlan ? 'inner' : ''}"
    href=${linkToRow(row)}
    aria-current=${isOpen ? 'true' : nothing}
    >${row.kind === 'plan' ? planRow(row) : approvalRow(row.approval)}</a
  >`;
}

function planRow({ plan, waiting }: Row & { kind: 'plan' }): TemplateResult {
  const agent = waiting[0]?.agent_id;
  return html`
    <span class="clip strong">Plan of ${plan.actions} actions</span>
    <car-badge tone="warn">${waiting.length} wait</car-badge>
    <span class="soft clip second">${agent ? plain(agent) : plain(plan.source || 'no agent')}, all at once</span>
  `;
}

function approvalRow(approval: HostApproval): TemplateResult {
  const { agent_id, created_at, outcome, resolution, expires_at } = approval;
  const gist = gistOf(approval);
  const hasEnded = outcome !== undefined || resolution != null;
  return html`
    <span class="clip">${titleOf(approval)}</span>
    ${
      hasEnded
        ? html`<car-badge tone=${outcomeTones[outcome ?? ''] ?? 'soft'}
            >${words(outcome ?? resolution ?? '')}</car-badge
          >`
        : isIrreversible(approval)
          ? html`<car-badge tone="bad">irreversible</car-badge>`
          : html`<span></span>`
    }
    <span class="soft clip second"
      >${gist === undefined ? nothing : html`<span class="mono">${gist}</span> · `}${agent_id ? `${plain(agent_id)}, ` : nothing}${ago(created_at)}${
        expires_at && !hasEnded ? `, ${remaining(new Date(expires_at).getTime() - Date.now())}` : nothing
      }</span
    >
  `;
}

/** The first thing that is said of it, to tell it from its neighbours. */
function gistOf({ details, kind }: HostApproval): string | undefined {
  if (kind !== 'permission') return undefined;
  const [, value] = Object.entries(details ?? {}).find(([name]) => name.startsWith('parameters.')) ?? [];
  return value === undefined ? undefined : textOf(value).slice(0, 200);
}

export const rowStyles = css`
  .approval {
    display: grid;
    grid-template-columns: 1fr auto;
    align-content: center;
    gap: 0 10px;
    padding: 0 12px;
    border-bottom: 1px solid var(--line);
    color: inherit;
    text-decoration: none;
    min-width: 0;
  }
  .approval:hover {
    background: var(--page);
  }
  .approval[aria-current] {
    background: var(--accent-surface);
  }
  .approval:focus-visible {
    outline-offset: -2px;
  }
  .approval.inner {
    padding-inline-start: 28px;
  }
  .approval .second {
    grid-column: 1 / -1;
    font-size: 12.5px;
  }
  .strong {
    font-weight: 600;
  }
`;
