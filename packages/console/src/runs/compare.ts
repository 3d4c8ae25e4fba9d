// Two runs side by side: their figures, their turns in common rows, and what differs in the one that is open.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { RunTurn } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import '../parts/badge.ts';
import '../parts/value.ts';
import { shownText } from '../parts/value.ts';
import { failed, loading } from '../parts/states.ts';
import { controls, filled } from '../parts/styles.ts';
import { clock, duration, plain } from '../parts/text.ts';
import { listStyles, type CarVirtualList } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { RunFeed } from '../store/run-feed.ts';
import { renderOn } from '../store/store.ts';
import { align, differingLines, type Aligned } from './align.ts';
import { dollars } from './detail.ts';
import { statusSigns, statusColours } from './status.ts';
import { traceOf, type Trace } from './trace.ts';
import { totalUsage } from './usage.ts';

const rowHeight = 40;
/** Longer texts are shown, and their lines not compared. */
const maxComparedCharacters = 200_000;

/** What is compared, by the name a person knows it by. */
const fields: readonly (readonly [label: string, of: (turn: RunTurn) => unknown])[] = [
  ['Tool', ({ tool }) => tool],
  ['Prompt', ({ prompt }) => prompt],
  ['Parameters', ({ parameters }) => parameters],
  ['Output', ({ output }) => output],
  ['Status', ({ action, policy_rejected }) => action?.status ?? (policy_rejected ? 'rejected' : undefined)],
  ['Verdict', ({ verifier_verdict }) => verifier_verdict],
  ['Result of the program', ({ cli_outcome }) => cli_outcome],
];

interface Row extends Aligned<RunTurn> {
  readonly differs: readonly string[];
}

interface Side {
  readonly feed: RunFeed;
  readonly trace: Trace;
}

export class CarRunCompare extends LitElement {
  static override properties = { runId: {}, against: {}, open: { state: true } };
  declare runId: string;
  declare against: string;
  /** Place of the row that is open. */
  declare open: number | undefined;
  #feeds: RunFeed[] = [];
  #watching: Disposable[] = [];
  #made: { version: string; rows: readonly Row[]; sides: [Side, Side] } | undefined;

  constructor() {
    super();
    this.runId = '';
    this.against = '';
    renderOn(this, connection);
  }

  static override styles = [
    controls,
    filled,
    listStyles,
    statusColours,
    css`
      table {
        border-collapse: collapse;
        font-variant-numeric: tabular-nums;
        width: 100%;
        table-layout: fixed;
      }
      th,
      td {
        text-align: start;
        padding: 4px 10px 4px 0;
        border-bottom: 1px solid var(--line);
        overflow-wrap: anywhere;
        vertical-align: top;
        font-weight: 400;
      }
      th[scope='row'] {
        color: var(--text-soft);
      }
      th:first-child {
        width: 90px;
      }
      thead th {
        font-weight: 600;
      }
      .more {
        color: var(--warn);
      }
      .panes {
        flex: 1;
        min-height: 0;
        display: grid;
        grid-template-rows: minmax(120px, 2fr) 3fr;
        gap: var(--gap);
      }
      .panes:not(.opened) {
        grid-template-rows: 1fr;
      }
      car-virtual-list {
        min-height: 0;
      }
      .pair {
        display: grid;
        grid-template-columns: 1fr 1fr;
        border: none;
        border-bottom: 1px solid var(--line);
        border-radius: 0;
        background: none;
        text-align: start;
        padding: 0;
        color: inherit;
        font: inherit;
        min-width: 0;
      }
      .pair > .side {
        display: flex;
        gap: 8px;
        align-items: center;
        padding: 0 12px;
        min-width: 0;
      }
      .pair > .side + .side {
        border-inline-start: 1px solid var(--line);
      }
      .pair.changed > .side {
        background: var(--warn-surface);
      }
      .pair > .alone {
        background: var(--accent-surface);
      }
      .pair[aria-current] {
        box-shadow: inset 3px 0 0 var(--accent);
      }
      .pair:focus-visible {
        outline-offset: -2px;
      }
      .tag {
        font-size: 11.5px;
        color: var(--warn);
        margin-inline-start: auto;
        white-space: nowrap;
      }
      .detail {
        overflow: auto;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        padding: 12px 14px;
      }
      .values {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        gap: 10px;
      }
      @media (max-width: 720px) {
        :host {
          height: auto;
        }
        .panes,
        .panes:not(.opened) {
          grid-template-rows: 50vh auto;
        }
        .pair > .side {
          padding: 0 7px;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unwatch();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('runId') || changed.has('against')) {
      this.#unwatch();
      this.open = undefined;
    }
    if (this.#feeds.length > 0 || !this.isConnected || connection.value.state !== 'connected') return;
    this.#feeds = [this.runId, this.against].map((id) => new RunFeed(client(), id));
    let frame = 0;
    const render = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        this.requestUpdate();
      });
    };
    this.#watching = this.#feeds.map((feed) => feed.listen(render));
  }

  #unwatch(): void {
    for (const each of [...this.#watching, ...this.#feeds]) each[Symbol.dispose]();
    this.#feeds = [];
    this.#watching = [];
    this.#made = undefined;
  }

  #view(): { rows: readonly Row[]; sides: [Side, Side] } | undefined {
    const [a, b] = this.#feeds.map((feed): Side | undefined => {
      const { started, turns, ended } = feed;
      return started && { feed, trace: traceOf({ started, turns, ended }) };
    });
    if (!a || !b) return undefined;
    const version = `${a.feed.version} ${b.feed.version}`;
    if (this.#made?.version !== version) {
      const rows = align(a.feed.turns, b.feed.turns, keyOf, (one, other) => one.tool === other.tool);
      this.#made = { version, sides: [a, b], rows: rows.map((row) => ({ ...row, differs: differencesOf(row) })) };
    }
    return this.#made;
  }

  override render() {
    const broken = this.#feeds.find(({ error, started }) => error !== undefined && !started);
    if (broken) return failed(`read run ${plain(broken.runId)}`, broken.error);
    const view = this.#view();
    if (!view) return loading('both runs');
    const { rows, sides } = view;
    const row = this.open === undefined ? undefined : rows[this.open];
    const different = rows.filter(({ differs }) => differs.length > 0).length;
    return html`
      <div class="row spread">
        <h1>Two runs compared</h1>
        <a href=${linkTo('run', this.runId)}>Back to the run</a>
      </div>
      ${figures(sides)}
      <div class="row">
        <span role="status"
          >${different === 0 ? 'Their turns are the same.' : `${different} of ${rows.length} rows differ.`}</span
        >
        <button ?disabled=${different === 0} @click=${() => this.#next(rows)}>Next difference</button>
      </div>
      <div class="panes ${row ? 'opened' : ''}">
        <car-virtual-list
          label="Turns of both runs"
          .items=${rows}
          .rowHeight=${rowHeight}
          .key=${(_row: Row, index: number) => index}
          .row=${(each: Row, index: number) => this.#row(each, index)}
        ></car-virtual-list>
        ${row ? html`<div class="detail stack" tabindex="0" role="region" aria-label="What differs">${detail(row)}</div>` : nothing}
      </div>
    `;
  }

  #next(rows: readonly Row[]): void {
    const from = this.open ?? -1;
    const behind = rows.findIndex(({ differs }, index) => index > from && differs.length > 0);
    this.open = behind === -1 ? rows.findIndex(({ differs }) => differs.length > 0) : behind;
    const at = this.open;
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<CarVirtualList<Row>>('car-virtual-list')?.reveal(at),
    );
  }

  #row(row: Row, index: number): TemplateResult {
    const isAlone = !row.a || !row.b;
    const label = isAlone
      ? `Turn ${(row.a ?? row.b)?.index} of the ${row.a ? 'first' : 'second'} run alone`
      : `Turns ${row.a?.index} and ${row.b?.index}, ${row.differs.length === 0 ? 'the same' : `different: ${row.differs.join(', ')}`}`;
    return html`<button
      class="pair ${row.differs.length > 0 && !isAlone ? 'changed' : ''}"
      aria-current=${index === this.open ? 'true' : nothing}
      @click=${() => (this.open = this.open === index ? undefined : index)}
    >
      <span class="visually-hidden">${label}</span> ${side(row.a, !row.b)}
      ${side(row.b, !row.a, isAlone ? undefined : row.differs.join(', '))}
    </button>`;
  }
}

function side(turn: RunTurn | undefined, isAlone: boolean, tag?: string): TemplateResult {
  if (!turn) return html`<span class="side"></span>`;
  const status = turn.action?.status ?? 'recorded';
  return html`<span class="side ${isAlone ? 'alone' : ''}" data-status=${status}>
    <span class="soft mono">${turn.index}</span>
    <span aria-hidden="true">${statusSigns[status] ?? statusSigns.recorded}</span>
    <span class="mono clip">${plain(turn.tool ?? 'turn')}</span>
    ${tag ? html`<span class="tag">${tag}</span>` : nothing}
  </span>`;
}

function figures([a, b]: [Side, Side]): TemplateResult {
  const [usageA, usageB] = [totalUsage(a.feed.turns), totalUsage(b.feed.turns)];
  const lengthOf = ({ trace }: Side): number => trace.endMs - trace.startMs;
  const [headA, headB] = [a, b].map(
    ({ feed }) =>
      html`<a href=${linkTo('run', feed.runId)}>${plain(feed.started?.intent ?? '')}</a>
        <div class="soft">${plain(feed.started?.agent_id ?? '')}, ${clock(feed.started?.started_at)}</div>`,
  );
  const outcome = ({ feed: { ended } }: Side): string =>
    ended === undefined
      ? 'in progress'
      : ended.termination.kind === 'outcome'
        ? plain(ended.termination.outcome.status.replaceAll('_', ' '))
        : 'incomplete';
  return html`<table>
    <thead>
      <tr>
        <th></th>
        <th scope="col">${headA}</th>
        <th scope="col">${headB}</th>
      </tr>
    </thead>
    <tbody>
      ${line('Outcome', outcome(a), outcome(b))} ${compared('Duration', lengthOf(a), lengthOf(b), duration)}
      ${compared('Turns', a.feed.turns.length, b.feed.turns.length, String)}
      ${compared('Tokens', usageA.tokens, usageB.tokens, (count) => count.toLocaleString())}
      ${compared('Cost', usageA.costUsd, usageB.costUsd, dollars)}
    </tbody>
  </table>`;
}

function line(name: string, a: unknown, b: unknown): TemplateResult {
  return html`<tr>
    <th scope="row">${name}</th>
    <td>${a}</td>
    <td>${b}</td>
  </tr>`;
}

/** The second says by how much it is more or less than the first. */
function compared(
  name: string,
  a: number | undefined,
  b: number | undefined,
  format: (value: number) => string,
): TemplateResult | typeof nothing {
  if (a === undefined && b === undefined) return nothing;
  const more = a !== undefined && b !== undefined && a > 0 && a !== b ? Math.round((b / a - 1) * 100) : 0;
  return line(
    name,
    a === undefined ? '–' : format(a),
    html`${b === undefined ? '–' : format(b)}${more === 0 ? nothing : html` <span class="more">${more > 0 ? '+' : '−'}${Math.abs(more)} %</span>`}`,
  );
}

function detail(row: Row): (TemplateResult | typeof nothing)[] {
  return fields.map(([label, of]) => {
    const [a, b] = [row.a && of(row.a), row.b && of(row.b)];
    if ((a === undefined || a === '') && (b === undefined || b === '')) return nothing;
    const differs = row.differs.includes(label);
    const [textA, textB] = [shownText(a), shownText(b)];
    const lines =
      differs && textA.length + textB.length <= maxComparedCharacters ? differingLines(textA, textB) : undefined;
    return html`<div class="values">
      ${[a, b].map((value, index) =>
        value === undefined
          ? html`<span class="soft">${label}: none</span>`
          : html`<car-value
              label=${differs ? `${label}, different` : label}
              .value=${value}
              .marked=${index === 0 ? lines?.a : lines?.b}
            ></car-value>`,
      )}
    </div>`;
  });
}

function keyOf(turn: RunTurn): string {
  return JSON.stringify([turn.tool, turn.prompt, turn.parameters]);
}

function differencesOf({ a, b }: Aligned<RunTurn>): string[] {
  if (!a || !b) return ['there'];
  return fields.flatMap(([label, of]) => (JSON.stringify(of(a)) === JSON.stringify(of(b)) ? [] : [label]));
}

customElements.define('car-run-compare', CarRunCompare);
