// A plot of values over time. The library that draws it is loaded with the first one.
import { css, html, LitElement, unsafeCSS, type PropertyValues } from 'lit';
import uPlot from 'uplot';
import plotStyles from 'uplot/dist/uPlot.min.css?inline';

export interface Series {
  label: string;
  /** One for each time; `null` where there is none. */
  values: readonly (number | null)[];
  /** A property of the theme, such as `--accent`. */
  color: string;
}

const heightPx = 150;
/** Of the axis of time, in seconds: one moment alone has none. */
const minSpan = 30;

export class CarPlot extends LitElement {
  static override properties = {
    label: {},
    times: { attribute: false },
    series: { attribute: false },
    format: { attribute: false },
  };
  /** What it shows, for those who do not see it. */
  declare label: string;
  /** Unix seconds, rising. */
  declare times: readonly number[];
  declare series: readonly Series[];
  declare format: (value: number) => string;
  #plot: uPlot | undefined;
  #sizes: ResizeObserver | undefined;
  #theme: MutationObserver | undefined;
  readonly #dark = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    super();
    this.label = '';
    this.times = [];
    this.series = [];
    this.format = String;
  }

  static override styles = [
    unsafeCSS(plotStyles),
    css`
      :host {
        display: block;
        min-width: 0;
        overflow: hidden;
      }
      .u-legend {
        font:
          12px/1.4 system-ui,
          sans-serif;
        color: var(--text-soft);
        text-align: start;
      }
      .u-legend th {
        font-weight: 400;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(() => this.#plot?.setSize({ width: this.#width, height: heightPx }));
    this.#sizes.observe(this);
    this.#theme = new MutationObserver(this.#redraw);
    this.#theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    this.#dark.addEventListener('change', this.#redraw);
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
    this.#theme?.disconnect();
    this.#dark.removeEventListener('change', this.#redraw);
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  get #width(): number {
    return Math.max(120, this.clientWidth);
  }

  readonly #redraw = (): void => this.#plot?.redraw();

  override render() {
    return html`<div></div>`;
  }

  override updated(changed: PropertyValues<this>): void {
    this.role = 'img';
    const latest = this.series.map(({ label, values }) => `${label} ${this.format(values.at(-1) ?? 0)}`);
    this.ariaLabel = `${this.label}: ${latest.join(', ')}`;
    const before = changed.get('series');
    const data: uPlot.AlignedData = [[...this.times], ...this.series.map(({ values }) => [...values])];
    if (this.#plot && (!before || names(before) === names(this.series))) {
      this.#plot.setData(data);
      return;
    }
    this.#plot?.destroy();
    this.#plot = new uPlot(this.#options(), data, this.renderRoot.querySelector<HTMLElement>('div') ?? undefined);
  }

  /** While nobody points at another moment. */
  readonly #showLatest = (plot: uPlot): void => {
    if (plot.cursor.idx == null) plot.setLegend({ idx: plot.data[0].length - 1 });
  };

  #options(): uPlot.Options {
    const line = { stroke: () => this.#resolved('--line'), width: 1 };
    const axis: uPlot.Axis = {
      stroke: () => this.#resolved('--text-soft'),
      grid: line,
      ticks: line,
      font: '11px system-ui',
    };
    return {
      width: this.#width,
      height: heightPx,
      cursor: { y: false, drag: { x: false, y: false } },
      // What it draws later empties the legend.
      hooks: { draw: [this.#showLatest], setCursor: [this.#showLatest] },
      scales: {
        x: {
          range: (plot) => {
            const times = plot.data[0];
            const end = times.at(-1) ?? Date.now() / 1_000;
            return [Math.min(times[0] ?? end, end - minSpan), end];
          },
        },
        y: { range: (_plot, _min, max) => [0, (max || 1) * 1.1] },
      },
      axes: [
        { ...axis, space: 70, values: (_plot, times) => times.map((at) => timeOf(at)) },
        { ...axis, size: 72, values: (_plot, values) => values.map((value) => this.format(value)) },
      ],
      series: [
        {
          label: 'at',
          value: (_plot, at) => (at == null ? '' : timeOf(at)),
        },
        ...this.series.map(({ label, color }): uPlot.Series => ({
          label,
          stroke: () => this.#resolved(color),
          width: 1.5,
          points: { show: (plot: uPlot) => plot.data[0].length < 2 },
          value: (_plot, value) => (value == null ? '' : this.format(value)),
        })),
      ],
    };
  }

  /** A canvas knows no properties of the theme. */
  #resolved(color: string): string {
    this.style.setProperty('color', `var(${color})`);
    const resolved = getComputedStyle(this).color;
    this.style.removeProperty('color');
    return resolved;
  }
}

function names(series: readonly Series[]): string {
  return JSON.stringify(series.map(({ label, color }) => [label, color]));
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString(undefined, { hour12: false });
}

customElements.define('car-plot', CarPlot);
