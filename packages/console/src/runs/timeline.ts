// The waterfall of a run: a row for each plan, action and turn, on one axis of time.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { controls } from '../parts/styles.ts';
import { styled } from '../parts/styled.ts';
import { duration, plain, textOf } from '../parts/text.ts';
import { listStyles, type CarVirtualList } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { durationOf } from './graph.ts';
import { ticksOf } from './axis.ts';
import type { RunState } from './replay.ts';
import { statusColours, statusSigns, wordOf } from './status.ts';
import { isOver, type Span, type SpanStatus, type Trace } from './trace.ts';

const rowHeight = 34;

interface Row {
  readonly span: Span;
  readonly status: SpanStatus;
}

export class CarRunTimeline extends LitElement {
  static override properties = {
    runId: {},
    trace: { attribute: false },
    state: { attribute: false },
    selected: {},
    isLive: { type: Boolean },
    nowMs: { type: Number },
    folded: { state: true },
  };
  declare runId: string;
  declare trace: Trace;
  /** As of a moment; without it, as it is. */
  declare state: RunState | undefined;
  /** Key of a span. */
  declare selected: string | undefined;
  declare isLive: boolean;
  /** Where what is running ends on the axis. */
  declare nowMs: number;
  declare folded: ReadonlySet<string>;
  #rows: readonly Row[] = [];
  #revealed: string | undefined;
  /** Where the keys have come while the address has not. */
  #reached: string | undefined;

  constructor() {
    super();
    this.runId = '';
    this.trace = { spans: [], startMs: 0, endMs: 0, endedMs: undefined };
    this.isLive = false;
    this.nowMs = 0;
    this.folded = new Set();
  }

  static override styles = [
    controls,
    listStyles,
    statusColours,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
        min-width: 0;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        overflow: hidden;
      }
      car-virtual-list {
        flex: 1;
        scrollbar-gutter: stable;
      }
      .axis,
      .span {
        display: grid;
        grid-template-columns: minmax(130px, 38%) 1fr 68px;
        align-items: center;
        padding: 0 12px;
      }
      .axis {
        height: 28px;
        border-bottom: 1px solid var(--line);
        color: var(--text-soft);
        font-size: 11.5px;
        flex: none;
        /* As wide as the rows, beside whose end the scroll bar stands. */
        scrollbar-gutter: stable;
        overflow: hidden;
      }
      .ticks,
      .lane {
        position: relative;
        height: 100%;
      }
      .tick {
        position: absolute;
        top: 6px;
        transform: translateX(-50%);
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .tick:first-child {
        transform: none;
      }
      .span {
        border: none;
        border-radius: 0;
        border-bottom: 1px solid color-mix(in srgb, var(--line) 55%, transparent);
        color: inherit;
        background: none;
        text-align: start;
        text-decoration: none;
        font: inherit;
        height: 100%;
        min-width: 0;
      }
      .span:hover {
        background: color-mix(in srgb, var(--accent-surface) 55%, transparent);
      }
      .span[aria-current] {
        background: var(--accent-surface);
        box-shadow: inset 3px 0 0 var(--accent);
      }
      .span:focus-visible {
        outline-offset: -2px;
      }
      .name {
        display: flex;
        align-items: center;
        gap: 7px;
        min-width: 0;
        padding-inline-end: 10px;
      }
      .nested .name {
        padding-inline-start: 20px;
      }
      .sign {
        color: var(--status);
        width: 14px;
        flex: none;
        text-align: center;
        font-size: 12px;
      }
      .plan .name {
        font-weight: 600;
      }
      .bar {
        position: absolute;
        top: 10px;
        height: 13px;
        min-width: 3px;
        border-radius: 3px;
        background: var(--status);
      }
      .estimated .bar {
        opacity: 0.4;
      }
      .plan .bar {
        top: 14px;
        height: 5px;
        opacity: 0.55;
      }
      .waited {
        position: absolute;
        top: 16px;
        height: 1px;
        border-top: 1px dashed var(--text-soft);
      }
      .cursor {
        position: absolute;
        top: 0;
        bottom: 0;
        width: 1px;
        background: var(--accent);
      }
      .took {
        text-align: end;
        color: var(--text-soft);
        font-size: 12px;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      @media (prefers-reduced-motion: no-preference) {
        [data-status='executing'] > .lane > .bar {
          animation: working 1.2s ease-in-out infinite alternate;
        }
      }
      @keyframes working {
        to {
          opacity: 0.55;
        }
      }
      @media (max-width: 720px) {
        .axis,
        .span {
          grid-template-columns: minmax(110px, 50%) 1fr 58px;
          padding: 0 8px;
        }
        .tick:nth-child(even) {
          display: none;
        }
      }
    `,
  ];

  override willUpdate(changed: Map<string, unknown>): void {
    if (this.selected === this.#reached) this.#reached = undefined;
    if (!changed.has('trace') && !changed.has('state') && !changed.has('folded')) return;
    const { spans } = this.trace;
    const rows: Row[] = [];
    let isFolded = false;
    spans.forEach((span, index) => {
      if (span.depth === 0) isFolded = this.folded.has(span.key);
      else if (isFolded) return;
      const status = this.state ? this.state.statuses[index] : span.status;
      if (status !== undefined) rows.push({ span, status });
    });
    this.#rows = rows;
  }

  /** Whoever opens a link to a turn sees it, once it is there; afterwards people scroll as they like. */
  override updated(): void {
    if (this.selected === undefined || this.selected === this.#revealed) return;
    const at = this.#rows.findIndex(({ span }) => span.key === this.selected);
    const list = this.renderRoot.querySelector<CarVirtualList<Row>>('car-virtual-list');
    if (at === -1 || !list || list.clientHeight === 0) return;
    this.#revealed = this.selected;
    // The list is as long as its items once it has rendered them.
    void list.updateComplete.then(() => list.reveal(at));
  }

  get #endMs(): number {
    return Math.max(this.trace.endMs, this.nowMs, this.trace.startMs + 1);
  }

  #at(ms: number): number {
    const { startMs } = this.trace;
    return (Math.min(Math.max(ms - startMs, 0), this.#endMs - startMs) / (this.#endMs - startMs)) * 100;
  }

  override render() {
    const { startMs } = this.trace;
    return html`
      <div class="axis" aria-hidden="true">
        <span></span>
        <span class="ticks"
          >${ticksOf(this.#endMs - startMs).map(
            (ms) =>
              html`<span class="tick" ${styled({ left: `${this.#at(startMs + ms)}%` })}
                >${ms === 0 ? '0' : duration(ms)}</span
              >`,
          )}</span
        >
        <span class="took">took</span>
      </div>
      <car-virtual-list
        label="Turns"
        ?follow=${this.isLive}
        .items=${this.#rows}
        .rowHeight=${rowHeight}
        .key=${({ span }: Row) => span.key}
        .row=${(row: Row) => this.#row(row)}
        @keydown=${this.#onKey}
      ></car-virtual-list>
    `;
  }

  #row({ span, status }: Row): TemplateResult {
    const { kind, turn, key } = span;
    const classes = `span ${kind} ${span.depth === 1 ? 'nested' : ''} ${span.isEstimated ? 'estimated' : ''}`;
    const isOpen = key === this.selected;
    const told = `${wordOf(span, status)}${turn ? `, turn ${turn.index}` : ''}`;
    const content = html`<span class="name">
        <span class="sign" aria-hidden="true"
          >${kind === 'plan' ? (this.folded.has(key) ? '▸' : '▾') : statusSigns[status]}</span
        >
        <span class="visually-hidden">${told}</span>
        <span class="clip"
          ><span class="mono">${plain(span.name)}</span>
          <span class="soft">${isOver(status) ? summaryOf(span) : nothing}</span></span
        >
      </span>
      <span class="lane">${this.#bars(span, status)}</span>
      <span class="took">${this.#took(span, status)}</span>`;
    if (kind === 'plan') {
      return html`<button
        class=${classes}
        data-status=${status}
        aria-expanded=${!this.folded.has(key)}
        @click=${() => this.#fold(key)}
      >
        ${content}
      </button>`;
    }
    if (!turn) {
      return html`<button
        class=${classes}
        data-status=${status}
        aria-current=${isOpen ? 'true' : nothing}
        @click=${() => this.#choose(key)}
      >
        ${content}
      </button>`;
    }
    return html`<a
      class=${classes}
      data-status=${status}
      data-turn=${turn.index}
      aria-current=${isOpen ? 'true' : nothing}
      href=${linkTo('run', this.runId, String(turn.index))}
      >${content}</a
    >`;
  }

  #bars(span: Span, status: SpanStatus): TemplateResult {
    const { startMs, endMs, submittedMs } = span;
    const nowMs = this.state ? this.state.atMs : this.#endMs;
    const begin = startMs ?? endMs;
    const hasBegun = isOver(status) || status === 'executing';
    const end = isOver(status) ? (endMs ?? begin) : nowMs;
    const waitedFrom = span.kind === 'plan' ? undefined : submittedMs;
    const waitedTo = hasBegun ? (begin ?? nowMs) : nowMs;
    return html`${
      waitedFrom !== undefined && waitedTo > waitedFrom
        ? html`<span
            class="waited"
            ${styled({ left: `${this.#at(waitedFrom)}%`, width: `${this.#at(waitedTo) - this.#at(waitedFrom)}%` })}
          ></span>`
        : nothing
    }${
      hasBegun && begin !== undefined
        ? html`<span
            class="bar"
            ${styled({
              left: `min(${this.#at(begin)}%, calc(100% - 3px))`,
              width: `${Math.max(0, this.#at(end ?? begin) - this.#at(begin))}%`,
            })}
          ></span>`
        : nothing
    }${this.state ? html`<span class="cursor" ${styled({ left: `${this.#at(nowMs)}%` })}></span>` : nothing}`;
  }

  #took(span: Span, status: SpanStatus): string {
    if (span.startMs === undefined) return '';
    if (!isOver(status)) {
      const nowMs = this.state ? this.state.atMs : this.nowMs;
      return status === 'executing' && nowMs > span.startMs ? `${duration(nowMs - span.startMs)}…` : '';
    }
    return `${span.isEstimated ? '≤ ' : ''}${duration(durationOf(span))}`;
  }

  #fold(key: string): void {
    const folded = new Set(this.folded);
    if (!folded.delete(key)) folded.add(key);
    this.folded = folded;
  }

  #choose(key: string): void {
    this.dispatchEvent(new CustomEvent('choose', { detail: key }));
  }

  /** Up and down go from turn to turn, and fold and unfold what is a plan. */
  readonly #onKey = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    const open = this.#rows.findIndex(({ span }) => span.key === (this.#reached ?? this.selected));
    let next = open + step;
    while (this.#rows[next] && this.#rows[next]?.span.kind === 'plan') next += step;
    const row = this.#rows[next];
    if (!row) return;
    event.preventDefault();
    const list = event.currentTarget as CarVirtualList<Row>;
    if (row.span.turn) location.replace(linkTo('run', this.runId, String(row.span.turn.index)));
    else this.#choose(row.span.key);
    this.#reached = this.#revealed = row.span.key;
    list.reveal(next);
    void list.updateComplete.then(() =>
      list.querySelectorAll<HTMLElement>('.span').forEach((each) => {
        if (each.dataset['turn'] === String(row.span.turn?.index)) each.focus({ preventScroll: true });
      }),
    );
  };
}

function summaryOf({ turn }: Span): string {
  if (!turn) return '';
  const text = turn.prompt ?? turn.parameters ?? turn.output;
  // Only its beginning is seen, so only its beginning is made.
  return textOf(typeof text === 'string' ? text.slice(0, 160) : shallow(text)).slice(0, 160);
}

/** An object may be large where only its beginning is shown. */
function shallow(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).slice(0, 6);
  if (entries.length === 0) return undefined;
  return entries
    .map(
      ([name, each]) =>
        `${name}: ${typeof each === 'string' ? each.slice(0, 60) : typeof each === 'object' && each !== null ? '…' : String(each)}`,
    )
    .join(', ');
}

customElements.define('car-run-timeline', CarRunTimeline);
