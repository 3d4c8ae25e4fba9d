// One run: its turns on an axis of time and its plans as graphs, live while it goes on, replayed from any moment, and one
// turn in full.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { RunTurn } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import '../parts/badge.ts';
import '../parts/value.ts';
import { failed, loading } from '../parts/states.ts';
import { controls, filled, listAndDetail } from '../parts/styles.ts';
import { clock, duration, plain } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { linkToRun, type RunTab } from '../runs/link.ts';
import { dollars } from '../runs/detail.ts';
import { criticalPath, plansOf, type PlanGraph } from '../runs/graph.ts';
import { momentsOf, stateAt, type Moment, type RunState } from '../runs/replay.ts';
import '../runs/scrubber.ts';
import '../runs/timeline.ts';
import { isOver, traceOf, type Span, type SpanStatus, type Trace } from '../runs/trace.ts';
import { totalUsage } from '../runs/usage.ts';
import { agentView, followAgents } from '../store/agent-feed.ts';
import { askedFor, followHost, hostView } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';
import { RunFeed } from '../store/run-feed.ts';
import { outcomeBadge } from './runs.ts';

/** How often what is running gets longer on the axis. */
const tickMs = 250;
/** A clock that is further off than that is another one. */
const maxSkewMs = 60_000;

export class CarRun extends LitElement {
  static override properties = {
    runId: {},
    turn: { type: Number },
    against: {},
    at: { state: true },
    tab: {},
    chosen: { state: true },
    isComparing: { state: true },
  };
  declare runId: string;
  /** Index of the turn that is open. */
  declare turn: number | undefined;
  /** Another run, beside which this one is shown. */
  declare against: string | undefined;
  /** Moments that have been, in a replay. */
  declare at: number | undefined;
  declare tab: RunTab;
  /** Key of an action that has no turn yet. */
  declare chosen: string | undefined;
  declare isComparing: boolean;
  #feed: RunFeed | undefined;
  #watching: Disposable | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #made: { version: number; trace: Trace; moments: readonly Moment[]; plans: readonly PlanGraph[] } | undefined;

  constructor() {
    super();
    this.runId = '';
    this.tab = 'timeline';
    this.isComparing = false;
    followHost();
    followAgents();
    renderOn(this, connection, hostView, agentView);
  }

  static override styles = [
    controls,
    filled,
    listAndDetail,
    css`
      car-run-compare {
        flex: 1;
        min-height: 0;
      }
      .panes {
        grid-template-columns: minmax(300px, 3fr) minmax(280px, 2fr);
      }
      .facts {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 16px;
        color: var(--text-soft);
        font-size: 13px;
        font-variant-numeric: tabular-nums;
      }
      .tabs {
        display: flex;
        gap: 6px;
        flex: none;
      }
      [role='tab'][aria-selected='true'] {
        background: var(--accent-surface);
        border-color: var(--accent);
        color: var(--accent);
        font-weight: 600;
      }
      /* Its dialog lies above the page, and is no row of it. */
      car-run-picker {
        position: absolute;
      }
      .waits {
        color: var(--warn);
        font-weight: 600;
      }
      car-scrubber {
        flex: 1;
        min-width: min(100%, 380px);
      }
      h1 {
        overflow-wrap: anywhere;
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
        overflow: hidden;
      }
      .pane {
        display: grid;
        min-height: 0;
        min-width: 0;
      }
      @media (max-width: 720px) {
        :host {
          height: auto;
        }
        .panes {
          grid-template-columns: minmax(0, 1fr);
          grid-template-rows: 55vh auto;
        }
        .detail {
          min-height: 120px;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
    this.#timer = setInterval(() => {
      if (this.#feed?.started && !this.#feed.ended && this.at === undefined && document.visibilityState === 'visible')
        this.requestUpdate();
    }, tickMs);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    this.#unwatch();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('runId') && this.#feed?.runId !== this.runId) {
      this.#unwatch();
      this.at = undefined;
      this.chosen = undefined;
    }
    if (changed.has('turn') && this.turn !== undefined) this.chosen = undefined;
    if (changed.has('against')) this.isComparing = false;
    // Both are followed where they are compared.
    if (this.against !== undefined) this.#unwatch();
    else this.#watch();
  }

  #watch(): void {
    if (this.#feed || this.runId === '' || !this.isConnected || connection.value.state !== 'connected') return;
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
    this.#made = undefined;
  }

  /** Made once for what is known, however often it is rendered. */
  #view(feed: RunFeed): { trace: Trace; moments: readonly Moment[]; plans: readonly PlanGraph[] } | undefined {
    const { started, turns, ended, running, version } = feed;
    if (!started) return undefined;
    if (this.#made?.version !== version) {
      const trace = traceOf({ started, turns, ended, running });
      this.#made = { version, trace, moments: momentsOf(trace), plans: plansOf(trace) };
    }
    return this.#made;
  }

  override render() {
    if (this.against !== undefined) {
      void import('../runs/compare.ts');
      return html`<car-run-compare .runId=${this.runId} .against=${this.against}></car-run-compare>`;
    }
    const feed = this.#feed;
    const view = feed && this.#view(feed);
    if (!feed || !view) return feed?.error ? failed('read the run', feed.error) : loading('the run');
    const { trace, moments } = view;
    const state = this.at === undefined ? undefined : stateAt(trace, moments, Math.min(this.at, moments.length));
    return html`
      ${
        this.isComparing
          ? html`<car-run-picker
              .runId=${this.runId}
              .agentId=${feed.started?.agent_id ?? ''}
              @closed=${() => (this.isComparing = false)}
            ></car-run-picker>`
          : nothing
      }
      ${this.#head(feed, trace, state)}
      <div class="row">
        <div class="tabs" role="tablist" aria-label="Show the run as">
          ${this.#tab('timeline', 'Timeline')} ${view.plans.length > 0 ? this.#tab('graph', 'Graph') : nothing}
        </div>
        <car-scrubber
          .moments=${moments}
          .at=${this.at}
          ?isLive=${!feed.ended}
          @moment=${({ detail }: CustomEvent<number | null>) => (this.at = detail ?? undefined)}
        ></car-scrubber>
      </div>
      <div class="panes">
        <div class="pane">${this.#pane(feed, view, state)}</div>
        <div class="detail" tabindex="0" role="region" aria-label="Turn">${this.#detail(feed, view, state)}</div>
      </div>
    `;
  }

  #head(feed: RunFeed, trace: Trace, state: RunState | undefined): TemplateResult {
    const { started, turns, ended } = feed;
    const isEnded = state ? state.isEnded : ended !== undefined;
    const outcome = isEnded && ended?.termination.kind === 'outcome' ? ended.termination.outcome : undefined;
    const status = isEnded ? (outcome ? 'completed' : 'incomplete') : 'in_progress';
    const shown = state ? turnsAt(trace, state) : turns;
    const { tokens, costUsd } = totalUsage(shown);
    const tookMs = (state ? state.atMs : ended ? trace.endMs : this.#nowMs(trace)) - trace.startMs;
    return html`<div class="stack head">
      <div class="row spread">
        <h1 title=${plain(started?.intent ?? '')}>${plain(started?.intent ?? '')}</h1>
        <div class="row">
          <button @click=${this.#pick}>Compare…</button>
          ${isEnded ? nothing : this.#waits(started)} ${outcomeBadge(status, outcome?.status)}
        </div>
      </div>
      <div class="facts">
        ${this.#agent(started?.agent_id ?? '')}
        <span>${clock(started?.started_at)}</span>
        <span>${duration(Math.max(0, tookMs))}</span>
        <span class="count">${state ? `${shown.length} of ` : nothing}${turns.length} turns</span>
        ${tokens === undefined ? nothing : html`<span>${tokens.toLocaleString()} tokens</span>`}
        ${costUsd === undefined ? nothing : html`<span>${dollars(costUsd)}</span>`}
        <span class="mono clip">${plain(this.runId)}</span>
      </div>
      ${feed.error ? html`<div role="alert" class="soft">The run is no longer followed: ${plain((feed.error as Error).message)}</div>` : nothing}
    </div>`;
  }

  #agent(id: string): TemplateResult {
    const { agents, declarative } = agentView.value;
    return agents.has(id) || declarative.some((agent) => agent.id === id)
      ? html`<a href=${linkTo('agent', id)}>${plain(id)}</a>`
      : html`<span>${plain(id)}</span>`;
  }

  #waits(started: RunFeed['started']): TemplateResult | typeof nothing {
    if (!started) return nothing;
    const asked = askedFor(started);
    if (!asked[0]) return nothing;
    return html`<a class="waits" href=${linkTo('approvals', asked[0].id)}
      >${asked.length === 1 ? 'waits for an approval' : `waits for ${asked.length} approvals`}</a
    >`;
  }

  readonly #pick = (): void => {
    void import('../runs/picker.ts');
    this.isComparing = true;
  };

  #tab(tab: RunTab, label: string): TemplateResult {
    return html`<button
      role="tab"
      aria-selected=${this.tab === tab}
      @click=${() => location.replace(linkToRun(this.runId, this.turn, tab))}
    >
      ${label}
    </button>`;
  }

  #nowMs(trace: Trace): number {
    const now = Date.now();
    return Math.abs(now - trace.endMs) > maxSkewMs && trace.endMs > now ? trace.endMs : Math.max(trace.endMs, now);
  }

  #pane(
    feed: RunFeed,
    { trace, plans }: { trace: Trace; plans: readonly PlanGraph[] },
    state: RunState | undefined,
  ): TemplateResult {
    if (trace.spans.length === 0) {
      return html`<div class="card soft" role="status">
        ${feed.ended ? 'It ended without a turn.' : 'No turn yet. Each shows up here as soon as it is recorded.'}
      </div>`;
    }
    if (this.tab === 'graph' && plans.length > 0) {
      void import('../runs/plan-graph.ts');
      return html`<car-plan-graph
        .trace=${trace}
        .plans=${plans}
        .state=${state}
        .selected=${this.#selectedKey}
        @choose=${({ detail }: CustomEvent<string>) => this.#open(trace, detail)}
      ></car-plan-graph>`;
    }
    return html`<car-run-timeline
      .runId=${this.runId}
      .trace=${trace}
      .state=${state}
      .selected=${this.#selectedKey}
      ?isLive=${!feed.ended && !state && this.#selectedKey === undefined}
      .nowMs=${feed.ended ? trace.endMs : this.#nowMs(trace)}
      @choose=${({ detail }: CustomEvent<string>) => this.#choose(detail)}
    ></car-run-timeline>`;
  }

  #open(trace: Trace, key: string): void {
    const turn = trace.spans.find((span) => span.key === key)?.turn;
    if (turn) location.replace(linkToRun(this.runId, turn.index, this.tab));
    else this.#choose(key);
  }

  #choose(key: string): void {
    this.chosen = key;
    if (this.turn !== undefined) location.replace(linkToRun(this.runId, undefined, this.tab));
  }

  get #selectedKey(): string | undefined {
    return this.chosen ?? (this.turn === undefined ? undefined : `turn ${this.turn}`);
  }

  #detail(
    feed: RunFeed,
    { trace, plans }: { trace: Trace; plans: readonly PlanGraph[] },
    state: RunState | undefined,
  ): TemplateResult {
    const key = this.#selectedKey;
    const at = key === undefined ? -1 : trace.spans.findIndex((span) => span.key === key);
    const span = trace.spans[at];
    if (!span) return this.#outcome(feed, state);
    const status = state ? state.statuses[at] : span.status;
    if (status === undefined) return html`<p class="soft" role="status">Not there yet at this moment of the run.</p>`;
    return this.#span(trace, plans, span, status, at);
  }

  #span(trace: Trace, plans: readonly PlanGraph[], span: Span, status: SpanStatus, at: number): TemplateResult {
    const plan = plans.find(({ proposalId }) => proposalId === span.proposalId);
    const path = plan && plan.nodes.length > 1 ? criticalPath(plan, trace.spans) : undefined;
    const { pending, ended } = hostView.value;
    return html`<car-run-detail
      .runId=${this.runId}
      .tab=${this.tab}
      .trace=${trace}
      .span=${span}
      .status=${status}
      ?isOnCriticalPath=${path?.nodes.some((place) => plan?.nodes[place] === at) ?? false}
      .approvals=${[...pending, ...ended]}
    ></car-run-detail>`;
  }

  #outcome(feed: RunFeed, state: RunState | undefined): TemplateResult {
    const { ended } = feed;
    const hint = html`<p class="soft">Choose a turn to see it in full. The arrow keys go from turn to turn.</p>`;
    if (!ended || (state && !state.isEnded)) return hint;
    const lost = ended.lost_turns
      ? html`<p role="alert">${ended.lost_turns} turns at its end were lost: the disk refused them.</p>`
      : nothing;
    if (ended.termination.kind !== 'outcome')
      return html`<h2>Nobody completed it</h2>
        <p class="soft">Its connection went away, or the daemon stopped, before the agent said how it ended.</p>
        ${lost}`;
    const { status, summary, evidence } = ended.termination.outcome;
    return html`<div class="stack">
      <h2>Outcome: ${plain(status.replaceAll('_', ' '))}</h2>
      ${lost} ${summary ? html`<car-value label="Summary" .value=${summary}></car-value>` : nothing}
      ${evidence.length > 0 ? html`<car-value label="Evidence" .value=${evidence}></car-value>` : nothing} ${hint}
    </div>`;
  }
}

/** Those that had been recorded, or were over, by then. */
function turnsAt({ spans }: Trace, { statuses }: RunState): RunTurn[] {
  return spans.flatMap(({ turn }, index) => (turn && isOver(statuses[index]) ? turn : []));
}

customElements.define('car-run', CarRun);
