// A plan as a graph that lives: its actions in the colours of how far they have come, and the chain that took longest.
import { css, html, LitElement, nothing, svg, type PropertyValues, type TemplateResult } from 'lit';
import { controls } from '../parts/styles.ts';
import { duration, plain } from '../parts/text.ts';
import { criticalPath, durationOf, extentOf, type CriticalPath, type PlanGraph } from './graph.ts';
import { directionIn, gap, nodeHeight, nodeWidth, type Layout, type LayoutRequest, type Point } from './layout.ts';
import type { RunState } from './replay.ts';
import { statusColours, statusSigns, wordOf } from './status.ts';
import { isOver, type Span, type SpanStatus, type Trace } from './trace.ts';

const maxZoom = 2;
const minZoom = 0.05;
const labelCharacters = 20;
/** Larger plans have a timeline. */
const maxNodes = 2_000;
/** Below this zoom nobody can read a label. */
const labelZoom = 0.35;

interface View {
  x: number;
  y: number;
  zoom: number;
}

export class CarPlanGraph extends LitElement {
  static override properties = {
    trace: { attribute: false },
    plans: { attribute: false },
    state: { attribute: false },
    selected: {},
    shownId: { state: true },
    view: { state: true },
    layout: { state: true },
    problem: { state: true },
    focused: { state: true },
  };
  declare trace: Trace;
  declare plans: readonly PlanGraph[];
  /** As of a moment; without it, as it is. */
  declare state: RunState | undefined;
  /** Key of a span. */
  declare selected: string | undefined;
  /** The plan somebody chose. */
  declare shownId: string | undefined;
  declare view: View | undefined;
  declare layout: Layout | undefined;
  declare problem: string | undefined;
  /** The node that the keyboard is at. */
  declare focused: number;
  #worker: Worker | undefined;
  #asked = '';
  #lastId = 0;
  #sizes: ResizeObserver | undefined;
  #dragged: { x: number; y: number; view: View; hasMoved: boolean } | undefined;

  constructor() {
    super();
    this.trace = { spans: [], startMs: 0, endMs: 0, endedMs: undefined };
    this.plans = [];
    this.focused = 0;
  }

  static override styles = [
    controls,
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
      .bar {
        display: flex;
        gap: 8px;
        align-items: center;
        flex-wrap: wrap;
        padding: 6px 10px;
        border-bottom: 1px solid var(--line);
        font-size: 12.5px;
      }
      .bar button {
        padding: 2px 9px;
      }
      .bar .space {
        flex: 1;
      }
      .canvas {
        flex: 1;
        min-height: 220px;
        position: relative;
        overflow: hidden;
        touch-action: none;
        cursor: grab;
      }
      .canvas:active {
        cursor: grabbing;
      }
      svg {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
      }
      p {
        padding: 0 14px;
      }
      .edge {
        fill: none;
        stroke: var(--text-soft);
        stroke-opacity: 0.55;
        stroke-width: 1.3;
      }
      .edge.critical {
        stroke: var(--accent);
        stroke-opacity: 1;
        stroke-width: 2.6;
      }
      .node {
        cursor: pointer;
      }
      .node rect {
        fill: var(--surface-raised);
        stroke: var(--status);
        stroke-width: 1.4;
      }
      .node .side {
        fill: var(--status);
        stroke: none;
      }
      .node.critical rect.box {
        stroke-width: 2.6;
        stroke: var(--accent);
      }
      .node[aria-current] rect.box {
        fill: var(--accent-surface);
      }
      .node text {
        fill: var(--text);
        font: 600 12.5px var(--mono);
      }
      .node text.more {
        fill: var(--text-soft);
        font:
          11.5px system-ui,
          sans-serif;
      }
      .node text.sign {
        fill: var(--status);
      }
      .absent {
        opacity: 0.35;
      }
      .key {
        display: inline-block;
        width: 18px;
        border-top: 3px solid var(--accent);
        vertical-align: middle;
        margin-inline-end: 4px;
      }
      @media (prefers-reduced-motion: no-preference) {
        .node[data-status='executing'] rect.box {
          stroke-dasharray: 7 4;
          animation: working 0.8s linear infinite;
        }
      }
      @keyframes working {
        to {
          stroke-dashoffset: -11;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(() => this.requestUpdate());
    this.#sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#asked = '';
  }

  /** The one that was chosen, that of the turn that is open, or the last. */
  get #plan(): PlanGraph | undefined {
    const { plans, trace, selected } = this;
    const open = trace.spans.find(({ key }) => key === selected)?.proposalId;
    const find = (id: string | undefined): PlanGraph | undefined => plans.find(({ proposalId }) => proposalId === id);
    return find(this.shownId) ?? find(open) ?? plans.at(-1);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    // Whoever opens another turn wants to see it.
    if (changed.has('selected') && this.selected !== undefined) this.shownId = undefined;
    const plan = this.#plan;
    if (!plan || plan.nodes.length > maxNodes) return;
    const wanted = `${plan.proposalId} ${plan.nodes.length}`;
    if (wanted === this.#asked) return;
    this.#asked = wanted;
    this.layout = undefined;
    this.view = undefined;
    this.problem = undefined;
    this.focused = 0;
    this.#ask(plan);
  }

  #ask({ nodes, edges, ...plan }: PlanGraph): void {
    const direction = directionIn(extentOf({ ...plan, nodes, edges }), this.#size);
    const request: LayoutRequest = { id: ++this.#lastId, direction, nodes: nodes.length, edges };
    // One that is still busy with another plan is no use any more.
    this.#worker?.terminate();
    this.#worker = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<Layout>) => {
      if (data.id === this.#lastId) this.layout = data;
    });
    this.#worker.addEventListener('error', (event) => {
      this.problem = event.message || 'the layout could not be loaded';
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
    this.#worker.postMessage(request);
  }

  override render() {
    const plan = this.#plan;
    if (!plan) return nothing;
    const path = criticalPath(plan, this.trace.spans);
    const hasPath = path.nodes.length > 1 && plan.nodes.every((span) => isOver(this.#statusAt(span)));
    return html`
      <div class="bar">
        ${this.plans.length > 1 ? this.#choice(plan) : html`<span>${plan.nodes.length} actions</span>`}
        ${hasPath ? html`<span><span class="key"></span>critical path, ${duration(path.durationMs)}</span>` : nothing}
        <span class="space"></span>
        <button aria-label="Zoom out" @click=${() => this.#zoom(1 / 1.3)}>−</button>
        <button aria-label="Zoom in" @click=${() => this.#zoom(1.3)}>+</button>
        <button @click=${() => (this.view = undefined)}>Fit</button>
      </div>
      <div
        class="canvas"
        @wheel=${this.#onWheel}
        @pointerdown=${this.#onPointerDown}
        @pointermove=${this.#onPointerMove}
        @pointerup=${this.#onPointerUp}
        @pointercancel=${this.#onPointerUp}
        @keydown=${this.#onKey}
      >
        ${this.#canvas(plan, hasPath ? path : { nodes: [], durationMs: 0 })}
      </div>
    `;
  }

  #choice(plan: PlanGraph): TemplateResult {
    return html`<select
      aria-label="Plan"
      @change=${(event: Event) => (this.shownId = (event.target as HTMLSelectElement).value)}
    >
      ${this.plans.map(
        ({ proposalId, nodes }, index) =>
          html`<option value=${proposalId} .selected=${proposalId === plan.proposalId}>
            plan ${index + 1}, ${nodes.length === 1 ? '1 action' : `${nodes.length} actions`}
          </option>`,
      )}
    </select>`;
  }

  #canvas(plan: PlanGraph, path: CriticalPath): TemplateResult {
    const { layout, problem } = this;
    if (plan.nodes.length > maxNodes)
      return html`<p class="soft">
        A plan of ${plan.nodes.length} actions is too large to draw. The timeline has them all.
      </p>`;
    if (problem) return html`<p role="alert">Could not lay out the plan: ${plain(problem)}</p>`;
    if (!layout || layout.nodes.length !== plan.nodes.length)
      return html`<p class="soft" role="status">Laying out ${plan.nodes.length} actions…</p>`;
    const { x, y, zoom } = this.#viewOf(layout);
    const steps = new Set(path.nodes.slice(1).map((to, index) => `${path.nodes[index]} ${to}`));
    const isSeen = this.#window(x, y, zoom);
    return html`<svg role="group" aria-label="Plan of ${plan.nodes.length} actions">
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0.5 L8 4 L0 7.5 z" fill="context-stroke"></path>
        </marker>
      </defs>
      <g transform="translate(${x} ${y}) scale(${zoom})">
        ${plan.edges.map(([from, to], index) => {
          const points = layout.edges[index] ?? [];
          const isCritical = steps.has(`${from} ${to}`);
          return points.some(isSeen)
            ? svg`<path class="edge ${isCritical ? 'critical' : ''}" d=${pathOf(points)} marker-end="url(#arrow)"></path>`
            : nothing;
        })}
        ${layout.nodes.map((middle, place) =>
          isSeen(middle) ? this.#node(plan, place, middle, path.nodes.includes(place), zoom) : nothing,
        )}
      </g>
    </svg>`;
  }

  #node(plan: PlanGraph, place: number, { x, y }: Point, isCritical: boolean, zoom: number): TemplateResult {
    const index = plan.nodes[place] as number;
    const span = this.trace.spans[index] as Span;
    const status = this.#statusAt(index);
    const shown: SpanStatus = status ?? 'proposed';
    const took = isOver(shown) && span.startMs !== undefined ? `, ${duration(durationOf(span))}` : '';
    const name = plain(span.name);
    const label = `${name}, ${plain(span.actionId ?? '')}, ${wordOf(span, shown)}${took}${isCritical ? ', on the critical path' : ''}`;
    return svg`<g
      class="node ${isCritical ? 'critical' : ''} ${status === undefined ? 'absent' : ''}"
      data-status=${shown}
      data-place=${place}
      role="button"
      tabindex=${place === this.focused ? 0 : -1}
      aria-label=${label}
      aria-current=${span.key === this.selected ? 'true' : nothing}
      transform="translate(${x - nodeWidth / 2} ${y - nodeHeight / 2})"
    >
      <title>${label}</title>
      <rect class="box" width=${nodeWidth} height=${nodeHeight} rx="7"></rect>
      <rect class="side" width="5" height=${nodeHeight} rx="2.5"></rect>
      ${
        zoom < labelZoom
          ? nothing
          : svg`<text x="15" y="21">${short(name)}</text>
            <text class="more sign" x="15" y="38">${statusSigns[shown]}</text>
            <text class="more" x="30" y="38">${wordOf(span, shown)}${took}</text>`
      }
    </g>`;
  }

  #statusAt(span: number): SpanStatus | undefined {
    return this.state ? this.state.statuses[span] : this.trace.spans[span]?.status;
  }

  get #size(): { width: number; height: number } {
    const { clientWidth: width, clientHeight: height } = this.renderRoot.querySelector('.canvas') ?? this;
    return { width: width || 600, height: height || 400 };
  }

  /** What somebody has moved to; else all of it. */
  #viewOf({ width, height }: Layout): View {
    if (this.view) return this.view;
    const size = this.#size;
    const zoom = Math.max(
      minZoom,
      Math.min(1.1, (size.width - 2 * gap) / Math.max(1, width), (size.height - 2 * gap) / Math.max(1, height)),
    );
    return { zoom, x: (size.width - width * zoom) / 2, y: (size.height - height * zoom) / 2 };
  }

  /** Whether a point is on the screen, or so near that what is there reaches into it. */
  #window(x: number, y: number, zoom: number): (point: Point) => boolean {
    const { width, height } = this.#size;
    const margin = 2 * nodeWidth;
    const [left, top] = [-x / zoom - margin, -y / zoom - margin];
    const [right, bottom] = [left + width / zoom + 2 * margin, top + height / zoom + 2 * margin];
    return (point) => point.x >= left && point.x <= right && point.y >= top && point.y <= bottom;
  }

  #zoom(by: number, at?: Point): void {
    if (!this.layout) return;
    const { x, y, zoom } = this.#viewOf(this.layout);
    const { width, height } = this.#size;
    const { x: atX, y: atY } = at ?? { x: width / 2, y: height / 2 };
    const next = Math.min(maxZoom, Math.max(minZoom, zoom * by));
    this.view = { zoom: next, x: atX - ((atX - x) / zoom) * next, y: atY - ((atY - y) / zoom) * next };
  }

  readonly #onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    this.#zoom(Math.exp(-event.deltaY / 400), { x: event.clientX - box.left, y: event.clientY - box.top });
  };

  readonly #onPointerDown = (event: PointerEvent): void => {
    if (!this.layout || event.button !== 0) return;
    this.#dragged = { x: event.clientX, y: event.clientY, view: this.#viewOf(this.layout), hasMoved: false };
  };

  readonly #onPointerMove = (event: PointerEvent): void => {
    const from = this.#dragged;
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.hasMoved && Math.hypot(dx, dy) < 4) return;
    if (!from.hasMoved) (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    from.hasMoved = true;
    this.view = { ...from.view, x: from.view.x + dx, y: from.view.y + dy };
  };

  readonly #onPointerUp = (event: PointerEvent): void => {
    const from = this.#dragged;
    this.#dragged = undefined;
    if (!from || from.hasMoved || event.type !== 'pointerup') return;
    const node = (event.target as Element).closest<SVGElement>('.node');
    if (node) this.#choose(Number(node.dataset['place']));
  };

  #choose(place: number): void {
    const index = this.#plan?.nodes[place];
    const span = index === undefined ? undefined : this.trace.spans[index];
    if (!span) return;
    this.focused = place;
    this.dispatchEvent(new CustomEvent('choose', { detail: span.key }));
  }

  /** Along the arrows follows what waits for what, across goes through what stands beside it. */
  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') this.#choose(this.focused);
    else if (event.key === '+' || event.key === '=') this.#zoom(1.3);
    else if (event.key === '-') this.#zoom(1 / 1.3);
    else if (event.key === '0') this.view = undefined;
    else if (event.key.startsWith('Arrow')) this.#move(event.key);
    else return;
    event.preventDefault();
  };

  #move(key: string): void {
    const { layout } = this;
    const plan = this.#plan;
    const here = layout?.nodes[this.focused];
    if (!layout || !plan || !here) return;
    const isSideways = layout.direction === 'LR';
    const [onward, back] = isSideways ? ['ArrowRight', 'ArrowLeft'] : ['ArrowDown', 'ArrowUp'];
    const [along, across] = isSideways ? (['x', 'y'] as const) : (['y', 'x'] as const);
    const sign = key === 'ArrowDown' || key === 'ArrowRight' ? 1 : -1;
    const beside = ({ [along]: level, [across]: place }: Point): boolean =>
      Math.abs(level - here[along]) < 1 && (place - here[across]) * sign > 0;
    const neighbours =
      key === onward
        ? plan.edges.flatMap(([from, to]) => (from === this.focused ? [to] : []))
        : key === back
          ? plan.edges.flatMap(([from, to]) => (to === this.focused ? [from] : []))
          : layout.nodes.flatMap((node, place) => (beside(node) ? [place] : []));
    const distance = (place: number): number => Math.abs((layout.nodes[place]?.[across] ?? 0) - here[across]);
    const [next] = neighbours.toSorted((a, b) => distance(a) - distance(b));
    if (next !== undefined) void this.#focus(next, layout);
  }

  async #focus(place: number, layout: Layout): Promise<void> {
    this.focused = place;
    const node = layout.nodes[place] as Point;
    const view = this.#viewOf(layout);
    const { width, height } = this.#size;
    const [x, y] = [node.x * view.zoom + view.x, node.y * view.zoom + view.y];
    if (x < 0 || y < 0 || x > width || y > height)
      this.view = { ...view, x: view.x + width / 2 - x, y: view.y + height / 2 - y };
    await this.updateComplete;
    this.renderRoot.querySelector<SVGElement>(`[data-place='${place}']`)?.focus();
  }
}

function short(name: string): string {
  if (name.length <= labelCharacters) return name;
  // Not in the middle of a character.
  return `${name.slice(0, labelCharacters - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const end = rest.pop();
  if (!first || !end) return '';
  // Through the middles between the bends, which makes corners round.
  const curves = rest.map((bend, index) => {
    const next = rest[index + 1] ?? end;
    return index === rest.length - 1
      ? `Q${bend.x} ${bend.y} ${end.x} ${end.y}`
      : `Q${bend.x} ${bend.y} ${(bend.x + next.x) / 2} ${(bend.y + next.y) / 2}`;
  });
  return `M${first.x} ${first.y} ${curves.length > 0 ? curves.join(' ') : `L${end.x} ${end.y}`}`;
}

customElements.define('car-plan-graph', CarPlanGraph);
