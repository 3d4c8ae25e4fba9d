// How the daemon is doing, over time, and what is above the bounds that somebody set here.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import '../parts/badge.ts';
import '../parts/plot.ts';
import { failed, loading } from '../parts/states.ts';
import { controls } from '../parts/styles.ts';
import { bytes, duration, plain } from '../parts/text.ts';
import { client } from '../connection.ts';
import { Loaded } from '../store/loaded.ts';
import { metricsView, rates, sampleMetrics, type Sample } from '../store/metrics-feed.ts';
import { renderOn } from '../store/store.ts';

const alertsKey = 'car.alerts';
const maxShownMethods = 30;
const statusMs = 3_000;
const megabyte = 1_000_000;
/** Over which the error rate counts. */
const windowSamples = 30;

interface Bounds {
  loopDelayMs: number;
  memoryMb: number;
  errorPercent: number;
}

const defaults: Bounds = { loopDelayMs: 100, memoryMb: 1_000, errorPercent: 20 };
const boundTexts: Readonly<Record<keyof Bounds, string>> = {
  loopDelayMs: 'loop delay, ms',
  memoryMb: 'memory, MB',
  errorPercent: 'errors, %',
};

export class CarMetrics extends LitElement {
  static override properties = { bounds: { state: true } };
  declare bounds: Bounds;
  readonly #status = new Loaded(this, () => client().server.status(), statusMs);

  constructor() {
    super();
    this.bounds = readBounds();
    sampleMetrics(this);
    renderOn(this, metricsView);
  }

  static override styles = [
    controls,
    css`
      .plots {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(360px, 100%), 1fr));
        gap: var(--gap);
      }
      .plots .card {
        min-width: 0;
      }
      .now {
        font-size: 18px;
        font-variant-numeric: tabular-nums;
      }
      .bounds input {
        width: 7em;
      }
      .table {
        overflow-x: auto;
      }
      table {
        border-collapse: collapse;
        width: 100%;
      }
      th,
      td {
        padding: 5px 12px 5px 0;
        border-top: 1px solid var(--line);
        text-align: start;
      }
      thead th {
        border: none;
        font-weight: 400;
        color: var(--text-soft);
      }
      th[scope='row'] {
        font-weight: 400;
        font-family: var(--mono);
        font-size: 12.5px;
      }
      .number {
        text-align: end;
        font-variant-numeric: tabular-nums;
      }
      ul {
        margin: 0;
        padding-inline-start: 18px;
      }
    `,
  ];

  override render() {
    const { samples, error } = metricsView.value;
    const last = samples.at(-1);
    if (!last) return error ? failed('read the metrics', error) : loading('the metrics');
    return html`<div class="stack">
      <div class="row spread">
        <h1>Metrics</h1>
        ${error ? html`<car-badge tone="warn">the last reading failed</car-badge>` : nothing}
      </div>
      ${this.#alerts(samples)}
      <div class="plots">
        ${plot('Requests', samples, perSecond, [
          { label: 'requests', values: rates(samples, ({ requests }) => requests), color: '--accent' },
          { label: 'errors', values: rates(samples, ({ errors }) => errors), color: '--bad' },
        ])}
        ${plot('Loop delay, 99th percentile', samples, duration, [
          { label: 'delay', values: samples.map(({ loopDelayMs }) => loopDelayMs), color: '--warn' },
        ])}
        ${plot('Memory', samples, bytes, [
          { label: 'resident', values: samples.map(({ rssBytes }) => rssBytes), color: '--accent' },
          { label: 'heap', values: samples.map(({ heapBytes }) => heapBytes), color: '--good' },
        ])}
        ${plot('Connections', samples, String, [
          { label: 'open', values: samples.map(({ sessions }) => sessions), color: '--good' },
        ])}
      </div>
      ${this.#methods()}
    </div>`;
  }

  #alerts(samples: readonly Sample[]): TemplateResult {
    const alerts = [...alertsOf(samples, this.bounds), ...(this.#status.value?.degraded ?? []).map(plain)];
    return html`<section class="card stack" aria-label="Alerts">
      <div class="row spread">
        <h2>Alerts</h2>
        ${alerts.length === 0 ? html`<car-badge tone="good">none</car-badge>` : html`<car-badge tone="bad">${alerts.length}</car-badge>`}
      </div>
      <div role="status">
        ${
          alerts.length === 0
            ? nothing
            : html`<ul>
                ${alerts.map((text) => html`<li>${text}</li>`)}
              </ul>`
        }
      </div>
      <div class="row bounds">
        <span class="soft">Tell when it is above:</span>
        ${(Object.keys(boundTexts) as (keyof Bounds)[]).map(
          (name) =>
            html`<label class="row"
              ><span class="soft">${boundTexts[name]}</span
              ><input
                type="number"
                min="0"
                step="any"
                .value=${String(this.bounds[name])}
                @change=${(event: Event) => this.#setBound(name, event.target as HTMLInputElement)}
            /></label>`,
        )}
      </div>
    </section>`;
  }

  #setBound(name: keyof Bounds, input: HTMLInputElement): void {
    const value = Number(input.value);
    if (input.value.trim() === '' || !Number.isFinite(value) || value < 0) {
      input.value = String(this.bounds[name]);
      return;
    }
    this.bounds = { ...this.bounds, [name]: value };
    localStorage.setItem(alertsKey, JSON.stringify(this.bounds));
  }

  #methods(): TemplateResult {
    const { methods } = metricsView.value;
    const shown = methods.slice(0, maxShownMethods);
    return html`<section class="card stack" aria-label="Methods">
      <h2>What is called most</h2>
      <div class="table" tabindex="0" role="region" aria-label="Calls by method">
        <table>
          <thead>
            <tr>
              <th scope="col">method</th>
              <th scope="col" class="number">calls</th>
              <th scope="col" class="number">errors</th>
            </tr>
          </thead>
          <tbody>
            ${shown.map(
              ({ method, calls, errors }) =>
                html`<tr>
                  <th scope="row">${plain(method)}</th>
                  <td class="number">${calls.toLocaleString()}</td>
                  <td class="number">${errors === 0 ? '' : errors.toLocaleString()}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${methods.length > shown.length ? html`<div class="soft">and ${methods.length - shown.length} more</div>` : nothing}
    </section>`;
  }
}

function plot(
  title: string,
  samples: readonly Sample[],
  format: (value: number) => string,
  series: readonly { label: string; values: readonly (number | null)[]; color: string }[],
): TemplateResult {
  const now = series[0]?.values.at(-1);
  return html`<section class="card stack" aria-label=${title}>
    <div class="row spread">
      <h2>${title}</h2>
      <span class="now">${now == null ? '' : format(now)}</span>
    </div>
    <car-plot .label=${title} .times=${samples.map(({ at }) => at)} .series=${series} .format=${format}></car-plot>
  </section>`;
}

function perSecond(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)}/s`;
}

/** What is above its bound now. */
export function alertsOf(samples: readonly Sample[], bounds: Bounds): string[] {
  const last = samples.at(-1);
  if (!last) return [];
  const first = samples.at(-windowSamples) ?? samples[0] ?? last;
  const [requests, errors] = [last.requests - first.requests, last.errors - first.errors];
  const errorPercent = requests > 0 ? (errors / requests) * 100 : 0;
  const found: string[] = [];
  if (last.loopDelayMs > bounds.loopDelayMs)
    found.push(`The loop is delayed by ${duration(last.loopDelayMs)}, above ${duration(bounds.loopDelayMs)}`);
  if (last.rssBytes > bounds.memoryMb * megabyte)
    found.push(`Memory is ${bytes(last.rssBytes)}, above ${bytes(bounds.memoryMb * megabyte)}`);
  if (errorPercent > bounds.errorPercent)
    found.push(`${errorPercent.toFixed(0)} % of the last ${requests} requests failed, above ${bounds.errorPercent} %`);
  return found;
}

function readBounds(): Bounds {
  try {
    const kept = JSON.parse(localStorage.getItem(alertsKey) ?? '{}') as Record<string, unknown>;
    const known = Object.entries(kept).filter(([name, value]) => name in defaults && typeof value === 'number');
    return { ...defaults, ...Object.fromEntries(known) };
  } catch {
    // Somebody else wrote there: it counts as nothing.
    return defaults;
  }
}

customElements.define('car-metrics', CarMetrics);
