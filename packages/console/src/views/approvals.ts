// What waits for a person: each card as the daemon wrote it, and the keys that decide.
import type { HostApproval } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import '../parts/approval-card.ts';
import { outcomeTones, words, type CarApprovalCard } from '../parts/approval-card.ts';
import '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled, listAndDetail } from '../parts/styles.ts';
import { ago, plain } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { followHost, hostView } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';

export class CarApprovals extends LitElement {
  static override properties = {
    approvalId: {},
    tab: { state: true },
  };
  /** The one that is open. */
  declare approvalId: string | undefined;
  declare tab: 'waiting' | 'history';

  constructor() {
    super();
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
          ${open ? html`<car-approval-card .approval=${open}></car-approval-card>` : nothing}
        </div>
      </div>
      <div class="soft keys">
        <kbd>j</kbd> <kbd>k</kbd> next and previous · <kbd>a</kbd> approve · <kbd>d</kbd> deny
      </div>
    `;
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
      return;
    }
    const option = { a: 'approve', d: 'deny' }[event.key];
    if (option !== undefined) this.renderRoot.querySelector<CarApprovalCard>('car-approval-card')?.choose(option);
  };
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

customElements.define('car-approvals', CarApprovals);
