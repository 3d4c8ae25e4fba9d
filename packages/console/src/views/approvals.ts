// What waits for a person, and what was decided. Everything is done by keys as well.
import type { HostApproval } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { client } from '../connection.ts';
import '../parts/approval-card.ts';
import { words, type CarApprovalCard } from '../parts/approval-card.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled, listAndDetail } from '../parts/styles.ts';
import { plain, titleOf } from '../parts/text.ts';
import { listStyles, type CarVirtualList } from '../parts/virtual-list.ts';
import { whoDecided } from '../store/decisions.ts';
import { followHost, hostView, isOpen } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';
import './approval-plan.ts';
import type { CarApprovalPlan } from './approval-plan.ts';
import { linkToRow, rowsOf, rowStyles, rowTemplate, type Row } from './approval-list.ts';

const rowHeight = 56;
/** Of the history, at a time. */
const pageSize = 100;
const outcomes = ['approved', 'denied_by_human', 'expired', 'requester_gone', 'policy_denied', 'daemon_restarted'];

export class CarApprovals extends LitElement {
  static override properties = {
    approvalId: {},
    planDigest: {},
    outcome: { state: true },
    older: { state: true },
    isAtEnd: { state: true },
    problem: { state: true },
    tab: { state: true },
    filter: { state: true },
    notice: { state: true },
    isHelping: { state: true },
  };
  /** The one that is open. */
  declare approvalId: string | undefined;
  /** The plan that is open instead. */
  declare planDigest: string | undefined;
  /** Of the history: only what ended like this. */
  declare outcome: string;
  /** What was read of the history beyond what the page follows, newest first. */
  declare older: readonly HostApproval[];
  declare isAtEnd: boolean;
  declare problem: string | undefined;
  declare tab: 'waiting' | 'history';
  declare filter: string;
  /** What somebody else decided meanwhile. */
  declare notice: string | undefined;
  declare isHelping: boolean;
  /** What is shown stays until somebody goes on: another one must not slip below a finger. */
  #shown: string | undefined;
  #pendingBefore: readonly HostApproval[] = [];

  constructor() {
    super();
    this.tab = 'waiting';
    this.filter = '';
    this.outcome = '';
    this.older = [];
    this.isAtEnd = false;
    this.isHelping = false;
    renderOn(this, hostView);
  }

  static override styles = [
    controls,
    filled,
    listAndDetail,
    listStyles,
    rowStyles,
    css`
      .notice {
        background: var(--accent-surface);
        border-radius: var(--radius);
        padding: 6px 12px;
      }
      kbd {
        font: 11px var(--mono);
        border: 1px solid var(--line);
        border-radius: 4px;
        padding: 1px 4px;
      }
      .help {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 4px 16px;
        margin: 0;
      }
      .help dd {
        margin: 0;
      }
      button[aria-pressed='true'] {
        background: var(--accent-surface);
        border-color: var(--accent);
        color: var(--accent);
        font-weight: 600;
      }
      input[type='search'] {
        flex: 1;
        min-width: 240px;
      }
      .list {
        display: flex;
        flex-direction: column;
        gap: 8px;
        min-height: 0;
      }
      @media (max-width: 720px) {
        .keys {
          display: none;
        }
        :host {
          height: auto;
        }
        .panes {
          grid-template-rows: minmax(120px, 30vh) auto;
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

  /** What has ended: what the page followed, and what was read of the time before. */
  get #history(): readonly HostApproval[] {
    const all = new Map([...this.older, ...hostView.value.ended].map((approval) => [approval.id, approval]));
    return [...all.values()].toSorted((left, right) => (right.number ?? 0) - (left.number ?? 0));
  }

  async #readOlder(): Promise<void> {
    const oldest = this.older.at(-1)?.number;
    try {
      const { approvals } = await client().host.approvals({
        limit: pageSize,
        ...(oldest !== undefined && { before: oldest }),
      });
      this.isAtEnd = approvals.length < pageSize;
      // Those that wait are kept as well: where the next page begins is told by the last of all.
      this.older = [...this.older, ...approvals.toReversed()];
      this.problem = undefined;
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  get #rows(): readonly Row[] {
    const { pending } = hostView.value;
    const wanted = this.filter.trim().toLowerCase();
    const fits = (approval: HostApproval): boolean =>
      wanted === '' ||
      `${approval.kind} ${approval.action} ${approval.agent_id ?? ''} ${approval.outcome ?? ''} ${approval.notes ?? ''} ${approval.card ?? ''}`
        .toLowerCase()
        .includes(wanted);
    if (this.tab === 'waiting') return rowsOf(pending.filter(fits));
    return this.#history
      .filter((each) => !isOpen(each) && fits(each) && (this.outcome === '' || each.outcome === this.outcome))
      .map((approval) => ({ kind: 'approval', id: approval.id, approval, isOfPlan: false }) as const);
  }

  /** The one that the address names, else the one that was shown, wherever they are by now; else the first. */
  #openOf(rows: readonly Row[]): Row | undefined {
    if (this.planDigest !== undefined) {
      const id = `plan/${this.planDigest}`;
      const row = rows.find((each) => each.id === id);
      return row ?? { kind: 'plan', id, plan: { digest: this.planDigest, source: '', actions: 0 }, waiting: [] };
    }
    const { pending } = hostView.value;
    for (const id of [this.approvalId, this.#shown]) {
      const named = [...pending, ...this.#history].find((approval) => approval.id === id);
      if (named) return { kind: 'approval', id: named.id, approval: named, isOfPlan: false };
    }
    return rows[0];
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('approvalId') || changed.has('tab')) this.#shown = undefined;
    if (changed.has('tab') && this.tab === 'history' && this.older.length === 0) void this.#readOlder();
    this.#noticeDecisions();
  }

  #noticeDecisions(): void {
    const { pending, ended } = hostView.value;
    const before = this.#pendingBefore;
    if (before === pending) return;
    this.#pendingBefore = pending;
    const waiting = new Set(pending.map(({ id }) => id));
    const gone = new Set(before.filter(({ id }) => !waiting.has(id)).map(({ id }) => id));
    const others = ended.filter((approval) => gone.has(approval.id) && whoDecided(approval) !== 'you');
    const [newest] = others;
    if (!newest) return;
    const what = titleOf(newest);
    const more = others.length > 1 ? `, and ${others.length - 1} more` : '';
    this.notice = `“${what}”${more}: ${(newest.outcome ?? 'ended').replaceAll('_', ' ')}, by ${plain(whoDecided(newest))}`;
  }

  override render() {
    const { isReady, error, pending, ended } = hostView.value;
    if (!isReady) return error ? failed('read the approvals', error) : loading('the approvals');
    const rows = this.#rows;
    return html`
      <div class="row spread">
        <h1>Approvals</h1>
        <div class="row">
          <input
            type="search"
            aria-label="Filter approvals"
            placeholder="Filter by action, agent, kind"
            .value=${this.filter}
            @input=${(event: InputEvent) => (this.filter = (event.target as HTMLInputElement).value)}
          />
          ${this.tab === 'history' ? this.#outcomes() : nothing}
          <div class="row" role="group" aria-label="Which">
            ${this.#tab('waiting', `Waiting (${pending.length})`)} ${this.#tab('history', 'History')}
          </div>
        </div>
      </div>
      <div role="status" class=${this.notice ? 'row spread notice' : 'visually-hidden'}>
        ${this.notice ? html`<span>${this.notice}</span><button @click=${() => (this.notice = undefined)}>Dismiss</button>` : nothing}
      </div>
      ${rows.length === 0 && !this.#openOf(rows) ? this.#nothing(ended.length) : this.#panes(rows)}
      ${this.isHelping ? help : nothing}
    `;
  }

  #tab(name: 'waiting' | 'history', label: string): TemplateResult {
    return html`<button aria-pressed=${this.tab === name} @click=${() => (this.tab = name)}>${label}</button>`;
  }

  #outcomes(): TemplateResult {
    return html`<select
      aria-label="How it ended"
      @change=${(event: Event) => (this.outcome = (event.target as HTMLSelectElement).value)}
    >
      <option value="">every end</option>
      ${outcomes.map((each) => html`<option value=${each} ?selected=${each === this.outcome}>${words(each)}</option>`)}
    </select>`;
  }

  #nothing(ended: number): TemplateResult {
    if (this.filter.trim() !== '' || (this.tab === 'history' && this.outcome !== ''))
      return empty('Nothing found', 'No approval here has these words.');
    if (this.tab === 'history')
      return empty('Nothing was decided yet', 'Decisions and how they ended are listed here.');
    return empty(
      'Nothing waits for you',
      html`When an agent is about to do something that needs a person, it shows up here.
      ${ended > 0 ? html`<div><button @click=${() => (this.tab = 'history')}>See what was decided</button></div>` : nothing}`,
    );
  }

  #panes(rows: readonly Row[]): TemplateResult {
    const open = this.#openOf(rows);
    if (open?.kind === 'approval') this.#shown = open.id;
    return html`
      <div class="panes">
        ${
          rows.length === 0
            ? this.#nothing(hostView.value.ended.length)
            : html`<div class="list">
                <car-virtual-list
                  label="Approvals"
                  .items=${rows}
                  .rowHeight=${rowHeight}
                  .key=${({ id }: Row) => id}
                  .row=${(row: Row) => rowTemplate(row, row.id === open?.id)}
                ></car-virtual-list>
                ${this.tab === 'history' && !this.isAtEnd ? html`<button @click=${() => void this.#readOlder()}>Show older</button>` : nothing}
                ${this.problem === undefined ? nothing : html`<div role="alert">${plain(this.problem)}</div>`}
              </div>`
        }
        <div class="detail" tabindex="-1" role="region" aria-label="Approval">
          ${
            open?.kind === 'approval'
              ? keyed(open.id, html`<car-approval-card .approval=${open.approval}></car-approval-card>`)
              : open
                ? html`<car-approval-plan .digest=${open.plan.digest}></car-approval-plan>`
                : nothing
          }
        </div>
      </div>
      <div class="soft keys">
        <kbd>j</kbd> <kbd>k</kbd> next and previous · <kbd>Enter</kbd> open · <kbd>a</kbd> approve · <kbd>d</kbd> deny ·
        <kbd>?</kbd> all keys
      </div>
    `;
  }

  get #card(): CarApprovalCard | CarApprovalPlan | null {
    return this.renderRoot.querySelector('car-approval-card, car-approval-plan');
  }

  #go(by: 1 | -1): void {
    const rows = this.#rows;
    const at = rows.findIndex(({ id }) => id === this.#openOf(rows)?.id);
    const next = rows[at === -1 ? 0 : at + by];
    if (!next) return;
    // Moving on is no page of its own to go back to.
    location.replace(linkToRow(next));
    const list = this.renderRoot.querySelector<CarVirtualList<Row>>('car-virtual-list');
    const index = rows.indexOf(next);
    if (list && (index * rowHeight < list.scrollTop || (index + 1) * rowHeight > list.scrollTop + list.clientHeight)) {
      list.scrollToIndex(index);
    }
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const [target] = event.composedPath();
    if (target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
    const isInList = target instanceof HTMLElement && target.closest('car-virtual-list') !== null;
    switch (event.key) {
      case 'j':
        return this.#go(1);
      case 'k':
        return this.#go(-1);
      case 'ArrowDown':
      case 'ArrowUp':
        // Elsewhere the arrows scroll.
        if (!isInList && target !== document.body) return;
        event.preventDefault();
        return this.#go(event.key === 'ArrowDown' ? 1 : -1);
      case 'a':
        return this.#card?.choose('approve');
      case 'd':
        return this.#card?.choose('deny');
      case '/':
        event.preventDefault();
        return this.renderRoot.querySelector<HTMLElement>('input[type=search]')?.focus();
      case '?':
        this.isHelping = !this.isHelping;
        return;
      case 'Enter':
        // A link opens by itself; then the detail is where one goes on.
        if (isInList || target === document.body) this.renderRoot.querySelector<HTMLElement>('.detail')?.focus();
        return;
      case 'Escape':
        if (this.isHelping) this.isHelping = false;
        else this.renderRoot.querySelector<HTMLElement>('.approval[aria-current]')?.focus();
        return;
      default:
    }
  };
}

const keys: readonly (readonly [string, string])[] = [
  ['j, ↓', 'next'],
  ['k, ↑', 'previous'],
  ['Enter', 'go to the card'],
  ['Escape', 'back to the list; out of a question or this help'],
  ['a', 'approve; what cannot be undone then takes holding Space, or typing a word'],
  ['d', 'deny'],
  ['/', 'filter'],
  ['?', 'this help'],
];

const help = html`<section class="card" aria-label="Keys">
  <dl class="help">
    ${keys.map(
      ([key, what]) =>
        html`<dt><kbd>${key}</kbd></dt>
          <dd>${what}</dd>`,
    )}
  </dl>
</section>`;

customElements.define('car-approvals', CarApprovals);
