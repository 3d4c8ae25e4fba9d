// One approval as the daemon wrote it, and what a person can do about it. What cannot be undone takes a second gesture, and
// has to be on screen for a moment first.
import type { HostApproval } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import { isOpen } from '../store/host-feed.ts';
import './badge.ts';
import type { Tone } from './badge.ts';
import { controls } from './styles.ts';
import { ago, clock, plain } from './text.ts';

/** A card that cannot be undone is looked at for so long before it can be approved, in ms. */
const minLookMs = 1_500;

export const outcomeTones: Readonly<Record<string, Tone>> = { approved: 'good', denied_by_human: 'bad' };

/** Says what else there is to say to the person, such as that somebody else was faster. */
export type Decide = (approval: HostApproval, resolution: string, notes: string) => Promise<string | undefined>;

export class CarApprovalCard extends LitElement {
  static override properties = {
    approval: { attribute: false },
    decide: { attribute: false },
    hasNotes: { type: Boolean },
    confirming: { state: true },
    deciding: { state: true },
    problem: { state: true },
  };
  declare approval: HostApproval;
  declare decide: Decide;
  /** Whether a reason can be given. */
  declare hasNotes: boolean;
  /** The option that is to be confirmed. */
  declare confirming: string | undefined;
  declare deciding: boolean;
  declare problem: string | undefined;
  #shownAt = 0;
  #shown: string | undefined;
  #notes = '';
  #lookTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.decide = resolveApproval;
    this.hasNotes = true;
    this.deciding = false;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: var(--gap);
      }
      pre {
        margin: 0;
        padding: 12px;
        background: var(--page);
        border-radius: var(--radius);
        overflow: auto;
        max-height: 50vh;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        font: 13px/1.6 var(--mono);
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
      .warning {
        color: var(--bad);
        font-weight: 600;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#lookTimer);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('approval') || this.approval.id === this.#shown) return;
    this.#shown = this.approval.id;
    this.#shownAt = performance.now();
    this.confirming = undefined;
    this.#notes = '';
    this.problem = undefined;
    clearTimeout(this.#lookTimer);
    this.#lookTimer = setTimeout(() => this.requestUpdate(), minLookMs);
  }

  get #wasLookedAt(): boolean {
    return performance.now() - this.#shownAt >= minLookMs;
  }

  /** What a button does, for keys. Does nothing where there is no such button. */
  choose(option: string): void {
    const { approval } = this;
    if (!isOpen(approval) || !approval.options.includes(option) || this.deciding) return;
    if (approval.reversibility === 'irreversible' && option !== 'deny') this.#confirm(option);
    else void this.#decide(option);
  }

  #confirm(option: string): void {
    this.confirming = option;
    // Enter alone does not confirm what a key began.
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('.back')?.focus());
  }

  async #decide(option: string): Promise<void> {
    this.deciding = true;
    this.problem = undefined;
    try {
      this.problem = await this.decide(this.approval, option, this.#notes.trim());
    } catch (error) {
      this.problem = (error as Error).message;
    } finally {
      this.deciding = false;
      this.confirming = undefined;
    }
  }

  override render(): TemplateResult {
    const { card, action, kind, reversibility, agent_id, created_at, expires_at, digest } = this.approval;
    return html`
      <div class="row">
        <car-badge tone="accent">${kind ?? 'request'}</car-badge>
        ${
          reversibility
            ? html`<car-badge tone=${reversibility === 'irreversible' ? 'bad' : 'soft'}>${reversibility}</car-badge>`
            : nothing
        }
        ${agent_id ? html`<span>agent ${plain(agent_id)}</span>` : nothing}
        <span class="soft">${ago(created_at)}</span>
        ${expires_at ? html`<span class="soft">until ${clock(expires_at)}</span>` : nothing}
      </div>
      <pre tabindex="0">${plain(card ?? action)}</pre>
      ${digest ? html`<div class="soft mono clip" title=${digest}>${digest}</div>` : nothing}
      ${isOpen(this.approval) ? (this.confirming === undefined ? this.#choices() : this.#confirmation(this.confirming)) : endOf(this.approval)}
      ${this.problem === undefined ? nothing : html`<div role="alert" class="warning">${plain(this.problem)}</div>`}
    `;
  }

  #confirmation(option: string): TemplateResult {
    return html`<div class="stack" role="alertdialog" aria-label="It cannot be undone">
      <div class="warning">It cannot be undone. Approve it all the same?</div>
      <div class="row">
        <button
          class="approve"
          ?disabled=${this.deciding || !this.#wasLookedAt}
          @click=${() => void this.#decide(option)}
        >
          ${this.#wasLookedAt ? 'Yes, approve' : 'Read it first…'}
        </button>
        <button class="back" @click=${() => (this.confirming = undefined)}>Go back</button>
      </div>
    </div>`;
  }

  #choices(): TemplateResult {
    return html`<div class="stack">
      ${
        this.hasNotes
          ? html`<label class="stack"
              ><span class="soft">Reason (optional)</span
              ><input
                id="notes"
                maxlength="4096"
                autocomplete="off"
                .value=${this.#notes}
                @input=${(event: InputEvent) => (this.#notes = (event.target as HTMLInputElement).value)}
            /></label>`
          : nothing
      }
      <div class="row">
        ${this.approval.options.map(
          (option) =>
            html`<button
              class=${option === 'approve' ? 'approve' : option === 'deny' ? 'deny' : ''}
              ?disabled=${this.deciding}
              @click=${() => this.choose(option)}
            >
              ${option === 'approve' ? 'Approve' : option === 'deny' ? 'Deny' : plain(option)}
            </button>`,
        )}
      </div>
    </div>`;
  }
}

async function resolveApproval({ id }: HostApproval, resolution: string, notes: string): Promise<string | undefined> {
  const decided = await client().host.resolve_approval({ approval_id: id, resolution, ...(notes && { notes }) });
  return decided.resolution !== resolution && decided.status === 'resolved'
    ? `Somebody else decided before: ${decided.resolution ?? ''}`
    : undefined;
}

function endOf({ outcome, resolution, resolved_at, resolved_by, notes, execution }: HostApproval): TemplateResult {
  return html`<div class="stack">
    <div class="row">
      <car-badge tone=${outcomeTones[outcome ?? ''] ?? 'soft'}>${words(outcome ?? resolution ?? '')}</car-badge>
      ${resolved_at ? html`<span class="soft">${clock(resolved_at)}</span>` : nothing}
      ${resolved_by ? html`<span class="soft mono">${plain(resolved_by)}</span>` : nothing}
      ${execution ? html`<span class="soft">execution: ${words(execution)}</span>` : nothing}
    </div>
    ${notes ? html`<div>${plain(notes)}</div>` : nothing}
  </div>`;
}

export function words(text: string): string {
  return plain(text).replaceAll('_', ' ');
}

customElements.define('car-approval-card', CarApprovalCard);
