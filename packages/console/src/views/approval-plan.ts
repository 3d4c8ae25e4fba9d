// A whole plan at once: every operation of it, the gravest first, decided with one gesture.
import type { MethodResult } from '@car-runtime/client';
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import { reversibilityTone, tierTone, words } from '../parts/approval-card.ts';
import '../parts/badge.ts';
import '../parts/hold.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls } from '../parts/styles.ts';
import { ago, counted, plain } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { resolve } from '../store/decisions.ts';
import { hostView } from '../store/host-feed.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';
import { planOf } from './approval-list.ts';

type Plan = MethodResult<'permission.plan'>;
type Operation = Plan['operations'][number];

const decisionTexts = { allow: 'may run', needs_approval: 'needs approval', deny: 'denied' } as const;
const decisionTones = { allow: 'good', needs_approval: 'warn', deny: 'bad' } as const;

export class CarApprovalPlan extends LitElement {
  static override properties = {
    digest: {},
    confirming: { state: true },
    deciding: { state: true },
    problem: { state: true },
    done: { state: true },
  };
  declare digest: string;
  declare confirming: boolean;
  declare deciding: boolean;
  declare problem: string | undefined;
  /** What was decided here. */
  declare done: string | undefined;
  #notes = '';
  #waiting = '';
  readonly #plan = new Loaded<Plan>(this, () => client().permission.plan({ digest: this.digest }));

  constructor() {
    super();
    this.confirming = false;
    this.deciding = false;
    renderOn(this, hostView);
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: var(--gap);
      }
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        border: 1px solid var(--line);
        border-radius: var(--radius);
      }
      li {
        padding: 10px 12px;
        display: flex;
        flex-direction: column;
        gap: 6px;
      }
      li + li {
        border-top: 1px solid var(--line);
      }
      pre {
        margin: 0;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        font: 12.5px/1.5 var(--mono);
        max-height: 12em;
        overflow: auto;
      }
      h2,
      .name {
        overflow-wrap: anywhere;
      }
      button.approve {
        background: var(--good-surface);
        border-color: var(--good);
        color: var(--good);
      }
      button.deny {
        background: var(--bad-surface);
        border-color: var(--bad);
        color: var(--bad);
      }
      .confirm {
        border: 1px solid var(--bad);
        border-radius: var(--radius);
        padding: 12px;
      }
      .warning {
        color: var(--bad);
        font-weight: 600;
      }
      .actions {
        position: sticky;
        bottom: -14px;
        background: var(--surface);
        padding-block: 6px 14px;
      }
      input {
        width: 100%;
      }
      @media (max-width: 720px) {
        .actions {
          position: static;
        }
      }
    `,
  ];

  /** Approvals of this plan that wait. */
  get #open() {
    return hostView.value.pending.filter((approval) => planOf(approval)?.digest === this.digest);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    const waiting = this.#open.map(({ id }) => id).join(' ');
    const isAnother = changed.has('digest') && changed.get('digest') !== undefined;
    if (isAnother) {
      this.#plan.value = undefined;
      this.confirming = false;
      this.problem = undefined;
      this.done = undefined;
      this.#notes = '';
    }
    if (!isAnother && waiting === this.#waiting) return;
    this.#waiting = waiting;
    if (this.hasUpdated) void this.#plan.refresh();
  }

  override render() {
    const { value: plan, error } = this.#plan;
    if (error) {
      return (error as { data?: { reason?: string } }).data?.reason === 'unknown_plan'
        ? this.#forgotten()
        : failed('read the plan', error, () => void this.#plan.refresh());
    }
    if (!plan) return loading('the plan');
    return html`
      ${this.#head(plan)}
      <ol aria-label="Operations, the gravest first">
        ${plan.operations.map((operation) => this.#operation(operation))}
      </ol>
      ${plan.left_out === undefined ? nothing : html`<p class="warning">${plan.left_out} more operations are not shown.</p>`}
      ${this.done === undefined ? nothing : html`<div role="status"><car-badge tone="good">${this.done}</car-badge></div>`}
      ${plan.needs_approval > 0 && plan.denied === 0 ? this.#decision(plan) : nothing}
      ${this.problem === undefined ? nothing : html`<div role="alert" class="warning">${plain(this.problem)}</div>`}
    `;
  }

  #head(plan: Plan): TemplateResult {
    const { required_tier, reversibility, source, agent_id, actions, needs_approval, denied, since } = plan;
    const added = plan.operations.filter(({ is_new }) => is_new).length;
    return html`
      <div class="row">
        <car-badge tone="accent">plan</car-badge>
        <car-badge tone=${tierTone(required_tier)}>${words(required_tier)}</car-badge>
        <car-badge tone=${reversibilityTone(reversibility)}>${words(reversibility)} at worst</car-badge>
      </div>
      <h2>A plan of ${actions} ${actions === 1 ? 'action' : 'actions'} from ${plain(source || 'nobody')}</h2>
      <div class="soft">
        ${agent_id === undefined ? nothing : html`agent <strong>${plain(agent_id)}</strong>, `}${
          denied > 0
            ? `${denied} denied: it does not run, whatever is approved`
            : needs_approval > 0
              ? `${needs_approval} ${needs_approval === 1 ? 'needs' : 'need'} approval`
              : 'nothing needs approval any more'
        }
      </div>
      <div>
        ${
          since === null
            ? 'No plan of this source was approved before: all of it is new.'
            : html`Since the plan that was approved ${ago(since.decided_at)}:
                <strong>${added} new, ${since.gone} gone</strong>.`
        }
      </div>
    `;
  }

  #operation({
    tool,
    type,
    action_ids,
    count,
    required_tier,
    reversibility,
    signals,
    parameters,
    decision,
    is_new,
    approval_id,
  }: Operation): TemplateResult {
    const ids = action_ids.map(plain).join(', ');
    return html`<li>
      <div class="row">
        <strong class="name">${count > 1 ? `${count} × ` : ''}${plain(tool ?? words(type))}</strong>
        <car-badge tone=${tierTone(required_tier)}>${words(required_tier)}</car-badge>
        <car-badge tone=${reversibilityTone(reversibility)}>${words(reversibility)}</car-badge>
        <car-badge tone=${decisionTones[decision]}>${decisionTexts[decision]}</car-badge>
        ${is_new ? html`<car-badge tone="accent">new</car-badge>` : nothing}
        ${approval_id === undefined ? nothing : html`<a href=${linkTo('approvals', approval_id)} aria-label=${`open alone: ${ids}`}>open alone</a>`}
      </div>
      <pre tabindex="0" aria-label=${`Parameters of ${ids}`}>
${/^\{\s*\}$/.test(parameters) ? 'no parameters' : plain(parameters)}</pre>
      ${signals.length === 0 ? nothing : html`<div class="soft">found: ${plain(signals.join('; '))}</div>`}
    </li>`;
  }

  #decision(plan: Plan): TemplateResult {
    if (this.confirming) {
      return html`<div
        class="confirm stack"
        role="group"
        aria-label="It cannot be undone"
        @keydown=${this.#onConfirmKey}
      >
        <div class="warning">Some of it cannot be undone.</div>
        <car-hold
          .label=${`Hold to approve all ${plan.actions}`}
          ?disabled=${this.deciding}
          @car-confirmed=${() => void this.#approve()}
        ></car-hold>
        <div><button @click=${() => (this.confirming = false)}>Go back</button></div>
      </div>`;
    }
    return html`<form class="stack actions" @submit=${(event: Event) => event.preventDefault()}>
      <label class="stack"
        ><span class="soft">Reason (optional)</span
        ><input
          id="notes"
          maxlength="4096"
          autocomplete="off"
          .value=${this.#notes}
          @input=${(event: InputEvent) => (this.#notes = (event.target as HTMLInputElement).value)}
      /></label>
      <div class="row">
        <button type="button" class="approve" ?disabled=${this.deciding} @click=${() => this.choose('approve')}>
          Approve the whole plan${plan.reversibility === 'irreversible' ? '…' : ''}
        </button>
        <button type="button" class="deny" ?disabled=${this.deciding} @click=${() => this.choose('deny')}>
          Deny all that waits
        </button>
      </div>
    </form>`;
  }

  /** As the button of that name. */
  choose(option: string): void {
    const { value: plan } = this.#plan;
    if (!plan || this.deciding || plan.needs_approval === 0 || plan.denied > 0) return;
    if (option === 'deny') void this.#deny();
    else if (plan.reversibility !== 'irreversible') void this.#approve();
    else {
      this.confirming = true;
      void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('car-hold')?.focus());
    }
  }

  readonly #onConfirmKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.confirming = false;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('button.approve')?.focus());
  };

  #approve(): Promise<void> {
    return this.#decide(async (reason) => {
      const { approved } = await client().permission.approve_plan({ digest: this.digest, ...(reason && { reason }) });
      this.done = `${counted(approved, 'operation', 'operations')} approved`;
    });
  }

  #deny(): Promise<void> {
    return this.#decide(async (reason) => {
      const open = this.#open;
      for (const approval of open) await resolve(approval, 'deny', reason);
      this.done = `${open.length} denied`;
    });
  }

  async #decide(make: (reason: string) => Promise<void>): Promise<void> {
    this.deciding = true;
    this.problem = undefined;
    try {
      await make(this.#notes.trim());
      await this.#plan.refresh();
    } catch (error) {
      this.problem = (error as Error).message;
    } finally {
      this.deciding = false;
      this.confirming = false;
    }
  }

  /** Approvals outlive the daemon, plans do not. */
  #forgotten(): TemplateResult {
    return empty(
      'The daemon no longer knows this plan',
      html`It was restarted since, or newer plans took its place.
      ${
        this.#open.length > 0
          ? html`What waits of it is decided one by one:
              <ul>
                ${this.#open.map(
                  ({ id, action }) => html`<li><a href=${linkTo('approvals', id)}>${plain(action)}</a></li>`,
                )}
              </ul>`
          : 'Nothing of it waits.'
      }`,
    );
  }
}

customElements.define('car-approval-plan', CarApprovalPlan);
