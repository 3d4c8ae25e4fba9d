// One run: its turns as a timeline, live while it goes on, and one of them in full.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { client, connection } from '../connection.ts';
import '../parts/badge.ts';
import { failed, loading } from '../parts/states.ts';
import { controls, filled, listAndDetail } from '../parts/styles.ts';
import { clock, plain, textOf } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { renderOn } from '../store/store.ts';
import { RunFeed, type Turn } from '../store/run-feed.ts';
import { statusTexts, statusTones } from './runs.ts';

export class CarRun extends LitElement {
  static override properties = { runId: {}, turn: { type: Number }, against: {} };
  declare runId: string;
  /** Index of the turn that is open. */
  declare turn: number | undefined;
  declare against: string | undefined;
  #feed: RunFeed | undefined;
  #watching: Disposable | undefined;

  constructor() {
    super();
    this.runId = '';
    renderOn(this, connection);
  }

  static override styles = [
    controls,
    filled,
    listAndDetail,
    listStyles,
    css`
      .turn {
        display: grid;
        grid-template-columns: 44px 1fr auto;
        gap: 10px;
        align-items: center;
        padding: 0 12px;
        border-bottom: 1px solid var(--line);
        color: inherit;
        text-decoration: none;
      }
      .turn[aria-current] {
        background: var(--accent-surface);
      }
      pre {
        margin: 0;
        padding: 10px;
        background: var(--page);
        border-radius: var(--radius);
        overflow: auto;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        font: 12.5px/1.5 var(--mono);
        max-height: 50vh;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#watch();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unwatch();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('runId') && this.#feed?.runId !== this.runId) {
      this.#unwatch();
      this.#watch();
    } else if (!this.#feed) this.#watch();
  }

  #watch(): void {
    if (this.#feed || this.runId === '' || connection.value.state !== 'connected') return;
    this.#feed = new RunFeed(client(), this.runId);
    let frame = 0;
    this.#watching = this.#feed.listen(() => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        this.requestUpdate();
      });
    });
  }

  #unwatch(): void {
    this.#watching?.[Symbol.dispose]();
    this.#feed?.[Symbol.dispose]();
    this.#feed = undefined;
  }

  override render() {
    const feed = this.#feed;
    if (!feed) return loading('the run');
    if (feed.error && !feed.started) return failed('read the run', feed.error);
    if (!feed.started) return loading('the run');
    const { started, turns, ended } = feed;
    const status = ended ? (ended.termination.kind === 'outcome' ? 'completed' : 'incomplete') : 'in_progress';
    return html`
      <div class="row spread">
        <h1 class="clip">${plain(started.intent)}</h1>
        <car-badge tone=${statusTones[status]}>${statusTexts[status]}</car-badge>
      </div>
      <div class="row soft">
        <span>${plain(started.agent_id)}</span>
        <span>started ${clock(started.started_at)}</span>
        ${ended ? html`<span>ended ${clock(ended.ended_at)}</span>` : nothing}
        <span>${turns.length} turns</span>
        <span class="mono">${plain(started.run_id)}</span>
      </div>
      <div class="panes">
        <car-virtual-list
          label="Turns"
          ?follow=${!ended}
          .items=${turns}
          .rowHeight=${48}
          .key=${(turn: Turn) => turn.index}
          .row=${(turn: Turn) => this.#row(turn)}
        ></car-virtual-list>
        <div class="detail stack" tabindex="0" aria-label="Turn">${this.#detail()}</div>
      </div>
    `;
  }

  #row(turn: Turn): TemplateResult {
    const isOpen = turn.index === this.turn;
    return html`<a
      class="turn"
      href=${linkTo('run', this.runId, String(turn.index))}
      aria-current=${isOpen ? 'true' : nothing}
    >
      <span class="soft mono">${turn.index}</span>
      <span class="clip">
        ${turn.tool ? html`<span class="mono">${plain(turn.tool)}</span> ` : nothing}
        <span class="soft">${textOf(turn.prompt ?? turn.parameters ?? turn.output).slice(0, 200)}</span>
      </span>
      ${turn.policy_rejected ? html`<car-badge tone="bad">refused</car-badge>` : nothing}
    </a>`;
  }

  #detail(): TemplateResult {
    const feed = this.#feed;
    const turn = feed?.turns.find(({ index }) => index === this.turn);
    if (!turn) {
      const ended = feed?.ended;
      if (ended?.termination.kind === 'outcome') {
        const { outcome } = ended.termination;
        return html`<h2>Outcome: ${outcome.status}</h2>
          <div>${plain(outcome.summary)}</div>`;
      }
      return html`<p class="soft">Choose a turn to see it in full.</p>`;
    }
    const parts: [string, unknown][] = [
      ['Prompt', turn.prompt],
      ['Parameters', turn.parameters],
      ['Output', turn.output],
      ['Verdict', turn.verifier_verdict],
      ['Result of the program', turn.cli_outcome],
    ];
    return html`
      <div class="row spread">
        <h2>Turn ${turn.index}${turn.tool ? html`: <span class="mono">${plain(turn.tool)}</span>` : nothing}</h2>
        <span class="soft">${clock(turn.recorded_at)}</span>
      </div>
      ${parts
        .filter(([, value]) => value !== undefined && value !== '')
        .map(
          ([name, value]) =>
            html`<div>
              <div class="soft">${name}</div>
              <pre tabindex="0">${textOf(value, 2)}</pre>
            </div>`,
        )}
    `;
  }
}

customElements.define('car-run', CarRun);
