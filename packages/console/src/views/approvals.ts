// What waits for a person: each card as the daemon wrote it, and the keys that decide.
import type { HostApproval } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { client } from '../connection.ts';
import '../parts/badge.ts';
import type { Tone } from '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled, listAndDetail } from '../parts/styles.ts';
import { ago, clock, plain } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { followHost, hostView } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';

/** A card that cannot be undone is looked at for so long before it can be approved, in ms. */
const minLookMs = 1_500;

const outcomeTones: Readonly<Record<string, Tone>> = { approved: 'good', denied_by_human: 'bad' };

export class CarApprovals extends LitElement {
  static override properties = {
    approvalId: {},
    confirming: { state: true },
    deciding: { state: true },
    problem: { state: true },
    tab: { state: true },
  };
  /** The one that is open. */
  declare approvalId: string | undefined;
  declare confirming: boolean;
  declare deciding: boolean;
  declare problem: string | undefined;
  declare tab: 'waiting' | 'history';
  #shownAt = 0;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.confirming = false;
    this.deciding = false;
    this.tab = 'waiting';
    renderOn(this, hostView);
  }

  static override styles = [
    controls,
    filled,
    listAndDetail,
    listStyles,
    css`
      .approval {
        display: grid;
        grid-template-columns: 1fr auto;
        align-content: center;
        gap: 0 10px;
        padding: 0 12px;
        border-bottom: 1px solid var(--line);
        color: inherit;
        text-decoration: none;
      }
      .approval[aria-current] {
        background: var(--accent-surface);
      }
      pre {
        margin: 0;
        padding: 12px;
        background: var(--page);
        border-radius: var(--radius);
        overflow: auto;
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
      kbd {
        font: 11px var(--mono);
        border: 1px solid var(--line);
        border-radius: 4px;
        padding: 1px 4px;
      }
      @media (max-width: 720px) {
        .keys {
          display: none;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    followHost();
    addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('keydown', this.#onKey);
    clearTimeout(this.#lookTimer);
  }

  get #list(): readonly HostApproval[] {
    return this.tab === 'waiting' ? hostView.value.pending : hostView.value.ended;
  }

  /** The one that the address names, wherever it is by now; else the first that waits. */
  get #open(): HostApproval | undefined {
    const { pending, ended } = hostView.value;
    const named = [...pending, ...ended].find(({ id }) => id === this.approvalId);
    return named ?? this.#list[0];
  }

  override willUpdate(changed: Map<string, unknown>): void {
    const shown = this.#open?.id;
    if (changed.has('approvalId') || shown !== this.#shown) {
      this.#shown = shown;
      this.#shownAt = performance.now();
      this.confirming = false;
      this.problem = undefined;
      clearTimeout(this.#lookTimer);
      this.#lookTimer = setTimeout(() => this.requestUpdate(), minLookMs);
    }
  }

  #shown: string | undefined;

  override render() {
    const { isReady, error, pending } = hostView.value;
    if (!isReady) return error ? failed('read the approvals', error) : loading('the approvals');
    return html`
      <div class="row spread">
        <h1>Approvals</h1>
        <div class="row" role="tablist">
          ${(['waiting', 'history'] as const).map(
            (tab) =>
              html`<button
                role="tab"
                aria-selected=${this.tab === tab}
                class=${this.tab === tab ? 'primary' : ''}
                @click=${() => (this.tab = tab)}
              >
                ${tab === 'waiting' ? `Waiting (${pending.length})` : 'History'}
              </button>`,
          )}
        </div>
      </div>
      ${
        this.#list.length === 0
          ? this.tab === 'waiting'
            ? empty(
                'Nothing waits for you',
                'When an agent is about to do something that needs a person, it shows up here.',
              )
            : empty('Nothing was decided yet', 'Decisions and how they ended are listed here.')
          : this.#panes()
      }
    `;
  }

  #panes(): TemplateResult {
    const open = this.#open;
    return html`
      <div class="panes">
        <car-virtual-list
          label="Approvals"
          .items=${this.#list}
          .rowHeight=${56}
          .key=${({ id }: HostApproval) => id}
          .row=${(approval: HostApproval) => row(approval, approval.id === open?.id)}
        ></car-virtual-list>
        <div class="detail stack" tabindex="0" aria-label="Approval">
          ${open ? keyed(open.id, this.#detail(open)) : nothing}
        </div>
      </div>
      <div class="soft keys">
        <kbd>j</kbd> <kbd>k</kbd> next and previous · <kbd>a</kbd> approve · <kbd>d</kbd> deny
      </div>
    `;
  }

  #detail(approval: HostApproval): TemplateResult {
    const { card, action, kind, reversibility, agent_id, created_at, expires_at, digest } = approval;
    return html`
      <div class="row">
        <car-badge tone="accent">${kind ?? 'request'}</car-badge>
        ${reversibility ? html`<car-badge tone=${reversibility === 'irreversible' ? 'bad' : 'soft'}>${reversibility}</car-badge>` : nothing}
        ${agent_id ? html`<span>agent ${plain(agent_id)}</span>` : nothing}
        <span class="soft">${ago(created_at)}</span>
        ${expires_at ? html`<span class="soft">until ${clock(expires_at)}</span>` : nothing}
      </div>
      <pre tabindex="0">${plain(card ?? action)}</pre>
      ${digest ? html`<div class="soft mono clip" title=${digest}>${digest}</div>` : nothing}
      ${isWaiting(approval) ? this.#decision(approval) : endOf(approval)}
      ${this.problem === undefined ? nothing : html`<div role="alert" class="warning">${plain(this.problem)}</div>`}
    `;
  }

  #decision(approval: HostApproval): TemplateResult {
    if (this.confirming) {
      return html`<div class="stack" role="alertdialog" aria-label="It cannot be undone">
        <div class="warning">It cannot be undone. Approve it all the same?</div>
        <div class="row">
          <button
            class="approve"
            ?disabled=${this.deciding || !this.#wasLookedAt}
            @click=${() => void this.#decide(approval, 'approve')}
          >
            ${this.#wasLookedAt ? 'Yes, approve' : 'Read it first…'}
          </button>
          <button @click=${() => (this.confirming = false)}>Go back</button>
        </div>
      </div>`;
    }
    return html`<div class="stack">
      <label class="stack"
        ><span class="soft">Reason (optional)</span><input id="notes" maxlength="4096" autocomplete="off"
      /></label>
      <div class="row">
        ${approval.options.map(
          (option) =>
            html`<button
              class=${option === 'approve' ? 'approve' : option === 'deny' ? 'deny' : ''}
              ?disabled=${this.deciding}
              @click=${() => this.#choose(approval, option)}
            >
              ${option === 'approve' ? 'Approve' : option === 'deny' ? 'Deny' : plain(option)}
            </button>`,
        )}
      </div>
    </div>`;
  }

  get #wasLookedAt(): boolean {
    return performance.now() - this.#shownAt >= minLookMs;
  }

  #choose(approval: HostApproval, option: string): void {
    if (approval.reversibility === 'irreversible' && option !== 'deny') this.confirming = true;
    else void this.#decide(approval, option);
  }

  async #decide(approval: HostApproval, resolution: string): Promise<void> {
    const notes = this.renderRoot.querySelector<HTMLInputElement>('#notes')?.value.trim();
    this.deciding = true;
    this.problem = undefined;
    try {
      const decided = await client().host.resolve_approval({
        approval_id: approval.id,
        resolution,
        ...(notes && { notes }),
      });
      if (decided.resolution !== resolution && decided.status === 'resolved') {
        this.problem = `Somebody else decided before: ${decided.resolution ?? ''}`;
      }
    } catch (error) {
      this.problem = (error as Error).message;
    } finally {
      this.deciding = false;
      this.confirming = false;
    }
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const [target] = event.composedPath();
    const isTyping = target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const open = this.#open;
    if (!open) return;
    const at = this.#list.findIndex(({ id }) => id === open.id);
    if (event.key === 'j' || event.key === 'k') {
      const next = this.#list[at + (event.key === 'j' ? 1 : -1)];
      if (next) location.hash = linkTo('approvals', next.id);
    } else if (isWaiting(open) && event.key === 'a' && open.options.includes('approve')) this.#choose(open, 'approve');
    else if (isWaiting(open) && event.key === 'd' && open.options.includes('deny')) this.#choose(open, 'deny');
  };
}

function isWaiting({ status, outcome }: HostApproval): boolean {
  return status === 'pending' && outcome === undefined;
}

function row(approval: HostApproval, isOpen: boolean): TemplateResult {
  const { id, action, agent_id, created_at, outcome, resolution, reversibility } = approval;
  return html`<a class="approval" href=${linkTo('approvals', id)} aria-current=${isOpen ? 'true' : nothing}>
    <span class="clip">${plain(action.replace(/^ws\.method:/, ''))}</span>
    ${
      outcome || resolution
        ? html`<car-badge tone=${outcomeTones[outcome ?? ''] ?? 'soft'}
            >${words(outcome ?? resolution ?? '')}</car-badge
          >`
        : reversibility === 'irreversible'
          ? html`<car-badge tone="bad">irreversible</car-badge>`
          : html`<span></span>`
    }
    <span class="soft clip">${agent_id ? plain(agent_id) : 'no agent'}, ${ago(created_at)}</span>
  </a>`;
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

function words(text: string): string {
  return plain(text).replaceAll('_', ' ');
}

customElements.define('car-approvals', CarApprovals);
