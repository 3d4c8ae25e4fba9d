// All runs, searched and filtered.
import { css, html, LitElement } from 'lit';
import type { MethodResult } from '@car-runtime/client';
import { client } from '../connection.ts';
import '../parts/badge.ts';
import type { Tone } from '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled } from '../parts/styles.ts';
import { ago, plain } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { Loaded } from '../store/loaded.ts';

type Run = MethodResult<'runs.search'>['runs'][number];

const refreshMs = 3_000;
const maxRuns = 1_000;
export const statusTones: Readonly<Record<Run['status'], Tone>> = {
  in_progress: 'accent',
  completed: 'good',
  incomplete: 'warn',
};
export const statusTexts: Readonly<Record<Run['status'], string>> = {
  in_progress: 'in progress',
  completed: 'completed',
  incomplete: 'incomplete',
};

export class CarRuns extends LitElement {
  static override properties = { text: {}, status: { state: true } };
  declare text: string;
  declare status: Run['status'] | '';
  readonly #runs = new Loaded(
    this,
    (_signal) =>
      client().runs.search({
        limit: maxRuns,
        ...(this.text && { text: this.text }),
        ...(this.status && { status: this.status }),
      }),
    refreshMs,
  );

  constructor() {
    super();
    this.text = '';
    this.status = '';
  }

  static override styles = [
    controls,
    filled,
    listStyles,
    css`
      car-badge {
        justify-self: start;
      }
      .run {
        display: grid;
        grid-template-columns: 1fr 140px 110px 90px 90px;
        gap: var(--gap);
        align-items: center;
        padding: 0 14px;
        border-bottom: 1px solid var(--line);
        color: inherit;
        text-decoration: none;
      }
      .run:hover {
        background: var(--accent-surface);
      }
      input[type='search'] {
        min-width: min(320px, 100%);
      }
      @media (max-width: 720px) {
        .run {
          grid-template-columns: 1fr auto;
        }
        .optional {
          display: none;
        }
      }
    `,
  ];

  override updated(changed: Map<string, unknown>): void {
    if (changed.has('text') || changed.has('status')) void this.#runs.refresh();
  }

  override render() {
    return html`
      <div class="row spread">
        <h1>Runs</h1>
        <div class="row">
          <input
            type="search"
            placeholder="Search intent and outcome"
            aria-label="Search runs"
            .value=${this.text}
            @input=${this.#onSearch}
          />
          <select aria-label="Status" @change=${this.#onStatus}>
            <option value="">any status</option>
            ${Object.entries(statusTexts).map(([value, label]) => html`<option value=${value}>${label}</option>`)}
          </select>
        </div>
      </div>
      ${this.#list()}
    `;
  }

  #list() {
    const { value, error } = this.#runs;
    if (!value) return error ? failed('search runs', error, () => void this.#runs.refresh()) : loading('runs');
    if (value.runs.length === 0) {
      return this.text || this.status
        ? empty('Nothing found', 'No run has this text and status.')
        : empty('No runs yet', html`An agent that calls <code>runs.start</code> shows up here at once.`);
    }
    return html`<car-virtual-list
      label="Runs"
      .items=${value.runs}
      .rowHeight=${44}
      .key=${(run: Run) => run.run_id}
      .row=${(run: Run) =>
        html`<a class="run" href=${linkTo('run', run.run_id)}>
          <span class="clip">${plain(run.intent)}</span>
          <span class="clip soft optional">${plain(run.agent_id)}</span>
          <car-badge tone=${statusTones[run.status]}>${statusTexts[run.status]}</car-badge>
          <span class="soft optional">${run.turn_count} turns</span>
          <span class="soft optional">${ago(run.started_at)}</span>
        </a>`}
    ></car-virtual-list>`;
  }

  #onSearch(event: InputEvent): void {
    this.text = (event.target as HTMLInputElement).value;
  }

  #onStatus(event: Event): void {
    this.status = (event.target as HTMLSelectElement).value as Run['status'] | '';
  }
}

customElements.define('car-runs', CarRuns);
