// One approval, and what a person needs to decide it: used by the list of approvals and beside a conversation.
import type { ApprovalAction, HostApproval } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { resolve, detailText, isIrreversible, lastApproved, readIdentity, whoDecided } from '../store/decisions.ts';
import { hostView, isOpen } from '../store/host-feed.ts';
import { ownIdentity } from '../store/decisions.ts';
import { renderOn } from '../store/store.ts';
import { client } from '../connection.ts';
import { linkTo } from '../router.ts';
import './badge.ts';
import type { Tone } from './badge.ts';
import './countdown.ts';
import { changesBetween, diffStyles, diffTable, linesBetween, type Change } from './diff.ts';
import './hold.ts';
import { controls } from './styles.ts';
import { ago, clock, plain, textOf, titleOf } from './text.ts';

export const outcomeTones: Readonly<Record<string, Tone>> = {
  approved: 'good',
  denied_by_human: 'bad',
  policy_denied: 'bad',
};
const tierTones: Readonly<Record<string, Tone>> = { read_only: 'good', sandbox_edit: 'warn', full_access: 'bad' };
export const tierTone = (tier: string): Tone => tierTones[tier] ?? 'bad';
const reversibilityTones: Readonly<Record<string, Tone>> = { irreversible: 'bad', compensable: 'warn' };
export const reversibilityTone = (how: string): Tone => reversibilityTones[how] ?? 'good';

/** Members of the details that say how the question came about, not what would be done. */
const aboutTheQuestion = new Set([
  'granted_tier',
  'changed',
  'fingerprint',
  'found',
  'plan',
  'plan_digest',
  'reserved',
  'spent',
  'limits',
]);

/** Says what else there is to say to the person, such as that somebody else was faster. */
export type Decide = (approval: HostApproval, resolution: string, notes: string) => Promise<string | undefined>;

/** `<car-approval-card .approval=${…}>`. Fires `car-decided` once it was. */
export class CarApprovalCard extends LitElement {
  static override properties = {
    approval: { attribute: false },
    decide: { attribute: false },
    hasNotes: { type: Boolean },
    inline: { type: Boolean, reflect: true },
    confirming: { state: true },
    deciding: { state: true },
    problem: { state: true },
    whole: { state: true },
    reading: { state: true },
  };
  declare approval: HostApproval;
  /** How a decision is made; without it, with the daemon's approvals. */
  declare decide: Decide;
  /** Whether a reason can be given. */
  declare hasNotes: boolean;
  /** Within something else: no link to itself, less air. */
  declare inline: boolean;
  /** The option that waits for the second gesture. */
  declare confirming: string | undefined;
  declare deciding: boolean;
  declare problem: string | undefined;
  /** All of the action, once somebody asked for it. */
  declare whole: ApprovalAction | undefined;
  declare reading: boolean;

  constructor() {
    super();
    this.decide = resolveApproval;
    this.hasNotes = true;
    this.inline = false;
    this.deciding = false;
    this.reading = false;
    renderOn(this, hostView, ownIdentity);
  }

  static override styles = [
    controls,
    diffStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: var(--gap);
        min-width: 0;
      }
      :host([inline]) {
        border: 1px solid var(--warn);
        border-radius: var(--radius);
        background: var(--surface);
        padding: 12px 14px;
      }
      h2 {
        overflow-wrap: anywhere;
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
      section {
        border-inline-start: 3px solid var(--line);
        padding-inline-start: 12px;
        display: flex;
        flex-direction: column;
        gap: 6px;
      }
      section.changed {
        border-color: var(--warn);
      }
      h3 {
        margin: 0;
        font-size: 13px;
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
      button.cut {
        border-color: var(--warn);
      }
      .warning {
        color: var(--bad);
        font-weight: 600;
      }
      .confirm {
        border: 1px solid var(--bad);
        border-radius: var(--radius);
        padding: 12px;
      }
      input {
        width: 100%;
      }
      summary {
        cursor: pointer;
        color: var(--text-soft);
      }
      .actions {
        position: sticky;
        bottom: -14px;
        background: var(--surface);
        padding-block: 6px 14px;
      }
      @media (max-width: 720px) {
        /* Beside so little room, what is decided would stand behind how. */
        .actions {
          position: static;
        }
      }
    `,
  ];

  override willUpdate(changed: Map<string, unknown>): void {
    const before = changed.get('approval') as HostApproval | undefined;
    if (before && before.id !== this.approval.id) {
      this.confirming = undefined;
      this.problem = undefined;
      this.whole = undefined;
      this.reading = false;
      this.#notes = '';
    }
    readIdentity();
  }

  override render() {
    const { approval } = this;
    if (!approval) return nothing;
    const { action, card, digest, kind, client_id } = approval;
    return html`
      ${this.#badges()}
      <h2>${titleOf(approval)}</h2>
      <div class="soft">
        ${kind === 'request' ? 'asked' : 'needed'} by
        ${
          approval.agent_id
            ? html`<strong>${plain(approval.agent_id)}</strong>`
            : client_id
              ? `connection ${plain(client_id)}`
              : 'a client'
        },
        ${ago(approval.created_at)}
        ${this.inline ? html`· <a href=${linkTo('approvals', approval.id)}>open</a>` : nothing}
      </div>
      <pre tabindex="0" aria-label="What would be done, in the words of the daemon">${plain(card ?? action)}</pre>
      ${card === undefined || approval.number === undefined ? nothing : this.#whole(isCut(card))} ${this.#changes()}
      <details>
        <summary>Everything that is known of it</summary>
        <pre tabindex="0" aria-label="Details">${textOf(approval.details ?? {}, 2)}</pre>
        ${digest ? html`<p class="soft mono clip" title=${digest}>${digest}</p>` : nothing}
      </details>
      ${isOpen(approval) ? this.#decision() : endOf(approval)}
      ${this.problem === undefined ? nothing : html`<div role="alert" class="warning">${plain(this.problem)}</div>`}
    `;
  }

  /** The card has the beginning of long values; where that is so, the rest is offered before anything is decided. */
  #whole(isOfCut: boolean): TemplateResult {
    if (this.whole) return wholeText(this.whole, () => (this.whole = undefined));
    return html`<div class="row">
      <button class=${isOfCut ? 'cut' : ''} ?disabled=${this.reading} @click=${() => void this.#readWhole()}>
        ${isOfCut ? 'Show all of it' : 'Show it as JSON'}
      </button>
      ${isOfCut ? html`<span class="soft">Long values are cut above.</span>` : nothing}
    </div>`;
  }

  async #readWhole(): Promise<void> {
    const { id } = this.approval;
    this.reading = true;
    this.problem = undefined;
    try {
      const { action } = await client().host.approval({ approval_id: id });
      if (this.approval.id !== id) return;
      this.whole = action;
      await this.updateComplete;
      this.renderRoot.querySelector<HTMLElement>('#whole')?.focus();
    } catch (error) {
      if (this.approval.id === id) this.problem = `Could not read all of it: ${(error as Error).message}`;
    } finally {
      if (this.approval.id === id) this.reading = false;
    }
  }

  #badges(): TemplateResult {
    const { approval } = this;
    const tier = detailText(approval, 'required_tier');
    const how = approval.reversibility ?? detailText(approval, 'reversibility');
    return html`<div class="row">
      <car-badge tone="accent">${approval.kind ?? 'request'}</car-badge>
      ${tier ? html`<car-badge tone=${tierTone(tier)}>${words(tier)}</car-badge>` : nothing}
      ${how ? html`<car-badge tone=${reversibilityTone(how)}>${words(how)}</car-badge>` : nothing}
      ${
        approval.expires_at && isOpen(approval)
          ? html`<car-countdown .until=${approval.expires_at}></car-countdown>`
          : nothing
      }
    </div>`;
  }

  /** What the daemon found changed under an approval it had, and what differs from the last one of the same. */
  #changes(): TemplateResult | typeof nothing {
    const found = changedOf(this.approval);
    const last = lastApproved(this.approval);
    const since = last ? changesBetween(said(last), said(this.approval)) : [];
    if (found.length === 0 && !last) return nothing;
    return html`
      ${
        found.length === 0
          ? nothing
          : html`<section class="changed" aria-label="Changed since it was approved">
              <h3>This was approved before, and has changed since</h3>
              ${diffTable(found)}
            </section>`
      }
      ${
        last
          ? html`<section class=${since.length > 0 ? 'changed' : ''} aria-label="Since the last approval">
              <h3>
                Since the last one that was approved
                <span class="soft">(${ago(last.resolved_at ?? last.created_at)}, by ${plain(whoDecided(last))})</span>
              </h3>
              ${since.length > 0 ? diffTable(since) : html`<span class="soft">Nothing has changed.</span>`}
            </section>`
          : nothing
      }
    `;
  }

  #decision(): TemplateResult {
    const { confirming, approval } = this;
    if (confirming !== undefined) {
      return html`<div
        class="confirm stack"
        role="group"
        aria-label="It cannot be undone"
        @keydown=${this.#onConfirmKey}
      >
        <div class="warning" id="warning">This cannot be undone.</div>
        <car-hold
          .label=${`Hold to ${optionLabel(confirming).toLowerCase()}`}
          .word=${'approve'}
          ?disabled=${this.deciding}
          @car-confirmed=${() => void this.#decide(confirming)}
        ></car-hold>
        <div><button class="back" @click=${() => this.#goBack()}>Go back</button></div>
      </div>`;
    }
    return html`<form class="stack actions" @submit=${(event: Event) => event.preventDefault()}>
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
                @keydown=${this.#onReasonKey}
            /></label>`
          : nothing
      }
      <div class="row">
        ${approval.options.map(
          (option) =>
            html`<button
              type="button"
              class=${option === 'approve' ? 'approve' : option === 'deny' ? 'deny' : ''}
              ?disabled=${this.deciding}
              @click=${() => this.choose(option)}
            >
              ${optionLabel(option)}${this.#needsGesture(option) ? '…' : ''}
            </button>`,
        )}
      </div>
    </form>`;
  }

  #needsGesture(option: string): boolean {
    return isIrreversible(this.approval) && option !== 'deny';
  }

  /** As pressing the button of that option: what cannot be undone asks for the second gesture. */
  choose(option: string): void {
    if (!isOpen(this.approval) || this.deciding || !this.approval.options.includes(option)) return;
    if (!this.#needsGesture(option)) {
      void this.#decide(option);
      return;
    }
    this.confirming = option;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('car-hold')?.focus());
  }

  #notes = '';

  #goBack(): void {
    this.confirming = undefined;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('button.approve')?.focus());
  }

  readonly #onConfirmKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.#goBack();
  };

  /** Enter in a reason decides nothing: two buttons stand there. Escape leaves the field. */
  readonly #onReasonKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') (event.target as HTMLElement).blur();
  };

  async #decide(resolution: string): Promise<void> {
    const { approval } = this;
    this.deciding = true;
    this.problem = undefined;
    try {
      this.problem = await this.decide(approval, resolution, this.#notes.trim());
      this.dispatchEvent(new CustomEvent('car-decided', { bubbles: true, composed: true }));
    } catch (error) {
      this.problem = (error as Error).message;
    } finally {
      this.deciding = false;
      this.confirming = undefined;
    }
  }
}

async function resolveApproval(approval: HostApproval, resolution: string, notes: string): Promise<string | undefined> {
  const decided = await resolve(approval, resolution, notes);
  return decided.status === 'resolved' && decided.resolution !== resolution
    ? `${whoDecided(decided)} decided before: ${decided.resolution ?? ''}`
    : undefined;
}

/** Of `details.changed`, whatever of it has the shape of before and after. */
function changedOf({ details }: HostApproval): Change[] {
  const changed = details?.['changed'];
  if (typeof changed !== 'object' || changed === null) return [];
  const members = changed as Record<string, unknown>;
  if ('before' in members && 'now' in members)
    return changesBetween(asRecord(members['before']), asRecord(members['now']));
  return Object.entries(members).map(([name, change]) => {
    const { approved, now } = asRecord(change);
    return { name, lines: linesBetween(textOf(approved, 2), textOf(now, 2)) };
  });
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : { value };
}

/** What an approval is about, without what is another each time. */
function said({ details, action, kind }: HostApproval): Record<string, unknown> {
  const entries = Object.entries(details ?? {}).filter(([name]) => !aboutTheQuestion.has(name));
  return { ...(kind !== 'request' && { action }), ...Object.fromEntries(entries) };
}

function optionLabel(option: string): string {
  return option === 'approve' ? 'Approve' : option === 'deny' ? 'Deny' : plain(option);
}

export function words(text: string): string {
  return plain(text).replaceAll('_', ' ');
}

/** Whether the daemon says outside every quotation that it left something out. */
function isCut(card: string): boolean {
  return cutMark.test(card);
}

const cutMark = /\(\d+ more characters\)|\(cut: \d+ more characters\)|^ *and \d+ more$/m;

function wholeText({ text, tail, chars, hidden_chars: hidden }: ApprovalAction, close: () => void): TemplateResult {
  const size = `${chars.toLocaleString()} characters`;
  return html`<section aria-label="All of it">
    <div class="row spread">
      <h3>
        ${
          hidden > 0
            ? `Beginning and end of ${size}; ${hidden.toLocaleString()} between them are not kept`
            : `All of it, ${size}`
        }
      </h3>
      <button @click=${close}>Hide</button>
    </div>
    <pre id="whole" tabindex="0" aria-label="All of the action">
${plain(text)}${
        hidden > 0 ? html`<strong>[… ${hidden.toLocaleString()} characters …]</strong>` : nothing
      }${tail === undefined ? nothing : plain(tail)}</pre>
  </section>`;
}

function endOf(approval: HostApproval): TemplateResult {
  const { outcome, resolution, resolved_at, resolved_by, notes, execution } = approval;
  return html`<div class="stack" role="status">
    <div class="row">
      <car-badge tone=${outcomeTones[outcome ?? ''] ?? 'soft'}>${words(outcome ?? resolution ?? 'ended')}</car-badge>
      ${resolved_by ? html`<span>by <span class="mono">${plain(whoDecided(approval))}</span></span>` : nothing}
      ${resolved_at ? html`<span class="soft">at ${clock(resolved_at)}</span>` : nothing}
      ${execution ? html`<span class="soft">execution: ${words(execution)}</span>` : nothing}
    </div>
    ${notes ? html`<div>“${plain(notes)}”</div>` : nothing}
  </div>`;
}

customElements.define('car-approval-card', CarApprovalCard);
