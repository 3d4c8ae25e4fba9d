// All runs, searched and filtered. What is looked for is in the address, so that it can be linked.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { RunSummary } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import '../parts/badge.ts';
import type { Tone } from '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled } from '../parts/styles.ts';
import { ago, duration, plain } from '../parts/text.ts';
import { listStyles, type CarVirtualList } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { askedFor, hostView } from '../store/host-feed.ts';
import { maxListed, RunPages } from '../store/run-pages.ts';
import { renderOn } from '../store/store.ts';

const refreshMs = 2_500;
/** How long nothing is typed before it is looked for. */
const typingMs = 200;
const rowHeight = 46;
/** The next page is asked for when so few rows are left below the screen. */
const rowsAhead = 60;

export const statusTones: Readonly<Record<RunSummary['status'], Tone>> = {
  in_progress: 'accent',
  completed: 'good',
  incomplete: 'warn',
};
export const statusTexts: Readonly<Record<RunSummary['status'], string>> = {
  in_progress: 'in progress',
  completed: 'completed',
  incomplete: 'incomplete',
};
const badOutcomes: ReadonlySet<string> = new Set(['failure', 'timeout', 'give_up']);

/** How a run ended in the words of its agent, where it said. */
export function outcomeBadge(status: RunSummary['status'], outcome: string | undefined): TemplateResult {
  const tone = outcome !== undefined && badOutcomes.has(outcome) ? 'bad' : statusTones[status];
  return html`<car-badge tone=${tone}
    >${outcome === undefined ? statusTexts[status] : plain(outcome.replaceAll('_', ' '))}</car-badge
  >`;
}

const hourMs = 3_600_000;
const times: Readonly<Record<string, { label: string; ms: number }>> = {
  '1h': { label: 'last hour', ms: hourMs },
  '24h': { label: 'last 24 hours', ms: 24 * hourMs },
  '7d': { label: 'last 7 days', ms: 7 * 24 * hourMs },
  '30d': { label: 'last 30 days', ms: 30 * 24 * hourMs },
};

interface Filter {
  q: string;
  agent: string;
  status: string;
  since: string;
}

export class CarRuns extends LitElement {
  static override properties = { query: { attribute: false }, error: { state: true }, pages: { state: true } };
  declare query: URLSearchParams;
  declare error: unknown;
  declare pages: RunPages | undefined;
  #shown = '';
  #connections = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #isRefreshing = false;

  constructor() {
    super();
    this.query = new URLSearchParams();
    renderOn(this, connection, hostView);
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
        grid-template-columns: minmax(0, 1fr) minmax(80px, 160px) 110px 76px 84px 84px;
        gap: 0 var(--gap);
        align-items: center;
        padding: 0 14px;
        border-bottom: 1px solid var(--line);
        color: inherit;
        text-decoration: none;
        font-variant-numeric: tabular-nums;
      }
      .run:hover {
        background: var(--accent-surface);
      }
      .run:focus-visible {
        outline-offset: -2px;
      }
      .number {
        text-align: end;
      }
      .filters {
        gap: 8px;
      }
      input[type='search'] {
        width: 260px;
        max-width: 100%;
      }
      input[list] {
        width: 150px;
      }
      @media (max-width: 720px) {
        .run {
          grid-template-columns: minmax(0, 1fr) auto auto;
          align-content: center;
          line-height: 1.35;
        }
        .run > :first-child {
          grid-column: 1 / 3;
        }
        .run > car-badge {
          grid-area: 1 / 3;
        }
        .run > :last-child {
          grid-column: 2 / 4;
        }
        .turns,
        .took {
          display: none;
        }
        .filters,
        input[type='search'] {
          width: 100%;
        }
        .filters > * {
          flex: 1 1 110px;
          min-width: 0;
        }
        .filters > input[type='search'] {
          flex-basis: 100%;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => void this.#refresh(), refreshMs);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    clearTimeout(this.#typing);
  }

  get #filter(): Filter {
    const of = (name: string): string => this.query.get(name) ?? '';
    return { q: of('q'), agent: of('agent'), status: of('status'), since: of('since') };
  }

  override willUpdate(_changed: PropertyValues<this>): void {
    const { state, connections } = connection.value;
    if (state !== 'connected') return;
    const wanted = JSON.stringify(this.#filter);
    if (wanted === this.#shown && connections === this.#connections) return;
    const isSame = wanted === this.#shown;
    this.#shown = wanted;
    this.#connections = connections;
    const pages = new RunPages((page) => this.#search(page));
    pages.reload().then(
      () => {
        if (this.#shown === wanted) this.#show(pages);
      },
      (error: unknown) => {
        if (this.#shown === wanted) this.error = error;
      },
    );
    // What was found for something else is no answer.
    if (!isSame) this.pages = undefined;
    this.error = undefined;
  }

  #show(pages: RunPages): void {
    this.pages = pages;
    this.error = undefined;
    this.requestUpdate();
  }

  #search(page: { limit: number; after?: string }): ReturnType<ReturnType<typeof client>['runs']['search']> {
    const { q, agent, status, since } = this.#filter;
    const at = times[since] ? new Date(Date.now() - times[since].ms).toISOString() : since;
    return client().runs.search({
      ...page,
      ...(q && { text: q.slice(0, 1_000) }),
      ...(agent && { agent_id: agent }),
      ...(isStatus(status) && { status }),
      ...(at && { since: at }),
    });
  }

  get #list(): CarVirtualList<RunSummary> | null {
    return this.renderRoot.querySelector('car-virtual-list');
  }

  async #refresh(): Promise<void> {
    const { pages } = this;
    if (
      !pages ||
      this.#isRefreshing ||
      document.visibilityState !== 'visible' ||
      connection.value.state !== 'connected'
    )
      return;
    const list = this.#list;
    const first = Math.floor((list?.scrollTop ?? 0) / rowHeight);
    const last = first + Math.ceil((list?.clientHeight ?? 0) / rowHeight);
    this.#isRefreshing = true;
    try {
      const added = await pages.refresh(first, last);
      if (this.pages !== pages) return;
      this.requestUpdate();
      // Whoever reads further below goes on reading what they read.
      if (added > 0 && list && list.scrollTop > 0) {
        await this.updateComplete;
        await list.updateComplete;
        list.scrollTop += added * rowHeight;
      }
      this.error = undefined;
    } catch (error) {
      // A connection that was lost is asked again when it is back.
      if (connection.value.state === 'connected') this.error = error;
    } finally {
      this.#isRefreshing = false;
    }
  }

  async #more(): Promise<void> {
    const { pages } = this;
    try {
      if (await pages?.more()) this.requestUpdate();
    } catch (error) {
      if (connection.value.state === 'connected') this.error = error;
    }
  }

  override render() {
    const { q, agent, status, since } = this.#filter;
    const agents = new Set([
      ...hostView.value.agents.map(({ id }) => id),
      ...(this.pages?.runs.slice(0, 500).map(({ agent_id }) => agent_id) ?? []),
    ]);
    return html`
      <div class="row spread">
        <div class="row">
          <h1>Runs</h1>
          <span class="soft" role="status">${this.#count()}</span>
        </div>
        <div class="row filters">
          <input
            type="search"
            placeholder="Search intent and outcome"
            aria-label="Search runs"
            .value=${q}
            @input=${(event: InputEvent) => this.#set('q', event, typingMs)}
          />
          <input
            list="agents"
            placeholder="any agent"
            aria-label="Agent"
            .value=${agent}
            @input=${(event: InputEvent) => this.#set('agent', event, typingMs)}
          />
          <datalist id="agents">${[...agents].slice(0, 200).map((id) => html`<option value=${id}></option>`)}</datalist>
          <select aria-label="Status" @change=${(event: Event) => this.#set('status', event)}>
            <option value="" .selected=${!isStatus(status)}>any status</option>
            ${Object.entries(statusTexts).map(
              ([value, label]) => html`<option value=${value} .selected=${value === status}>${label}</option>`,
            )}
          </select>
          <select aria-label="Started" @change=${(event: Event) => this.#set('since', event)}>
            <option value="" .selected=${since === ''}>any time</option>
            ${Object.entries(times).map(
              ([value, { label }]) => html`<option value=${value} .selected=${value === since}>${label}</option>`,
            )}
            ${since !== '' && !times[since] ? html`<option value=${since} .selected=${true}>since ${plain(since)}</option>` : nothing}
          </select>
        </div>
      </div>
      ${this.#content()}
    `;
  }

  #count(): string {
    const { pages } = this;
    if (!pages) return '';
    const count = pages.runs.length.toLocaleString();
    if (pages.isFull) return `the newest ${maxListed.toLocaleString()}; narrow the search for others`;
    return pages.hasMore ? `${count} and more` : count;
  }

  #content(): TemplateResult {
    const { pages, error } = this;
    if (error !== undefined) return failed('search runs', error, () => this.#retry());
    if (!pages) return loading('runs');
    if (pages.runs.length === 0) {
      return Object.values(this.#filter).some((each) => each !== '')
        ? empty('Nothing found', html`No run is like that. <a href=${linkTo('runs')}>Show all runs</a>`)
        : empty(
            'No runs yet',
            html`An agent that calls <code>runs.start</code> shows up here at once. Plans that are submitted outside a
              run are in the journal of their connection alone.`,
          );
    }
    return html`<car-virtual-list
      label="Runs"
      .items=${pages.runs}
      .rowHeight=${rowHeight}
      .key=${({ run_id }: RunSummary) => run_id}
      .row=${(run: RunSummary, index: number) => this.#row(run, index, pages)}
    ></car-virtual-list>`;
  }

  #row(run: RunSummary, index: number, pages: RunPages): TemplateResult {
    if (index >= pages.runs.length - rowsAhead && pages.hasMore) void this.#more();
    const { run_id, intent, agent_id, status, outcome, turn_count, started_at, ended_at } = run;
    const tookMs =
      ended_at === undefined ? Date.now() - Date.parse(started_at) : Date.parse(ended_at) - Date.parse(started_at);
    return html`<a class="run" href=${linkTo('run', run_id)}>
      <span class="clip">${plain(intent)}</span>
      <span class="clip soft">${plain(agent_id)}</span>
      ${
        status === 'in_progress' && askedFor(run).length > 0
          ? html`<car-badge tone="warn">needs approval</car-badge>`
          : outcomeBadge(status, outcome)
      }
      <span class="soft number turns">${turn_count} ${turn_count === 1 ? 'turn' : 'turns'}</span>
      <span class="soft number took">${tookMs >= 0 ? duration(tookMs) : nothing}</span>
      <span class="soft number">${ago(started_at)}</span>
    </a>`;
  }

  #retry(): void {
    this.#shown = '';
    this.error = undefined;
    this.requestUpdate();
  }

  /** The address changes, and what is shown follows it. */
  #set(name: keyof Filter, event: Event, delayMs = 0): void {
    const { value } = event.target as HTMLInputElement | HTMLSelectElement;
    clearTimeout(this.#typing);
    const apply = (): void => {
      const filter = { ...this.#filter, [name]: value };
      const query = new URLSearchParams(Object.entries(filter).filter(([, each]) => each !== ''));
      location.replace(`${linkTo('runs')}${query.size > 0 ? `?${query}` : ''}`);
    };
    if (delayMs === 0) apply();
    else this.#typing = setTimeout(apply, delayMs);
  }
}

function isStatus(status: string): status is RunSummary['status'] {
  return Object.hasOwn(statusTexts, status);
}

customElements.define('car-runs', CarRuns);
