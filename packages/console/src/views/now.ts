// What goes on at this moment, on one page.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import '../parts/badge.ts';
import type { Tone } from '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls } from '../parts/styles.ts';
import { ago, bytes, duration, plain } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { followHost, hostView } from '../store/host-feed.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';

const refreshMs = 2_000;
const shownRuns = 8;
const shownApprovals = 5;
const shownAgents = 20;
const agentTones: Readonly<Record<string, Tone>> = {
  running: 'accent',
  waiting_for_approval: 'warn',
  completed: 'good',
  errored: 'bad',
};

export class CarNow extends LitElement {
  readonly #status = new Loaded(this, () => client().server.status(), refreshMs);
  readonly #runs = new Loaded(this, () => client().runs.search({ limit: 50 }), refreshMs);

  constructor() {
    super();
    followHost();
    renderOn(this, hostView);
  }

  static override styles = [
    controls,
    css`
      .figures {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(140px, 1fr));
        gap: var(--gap);
      }
      .figure {
        font-size: 22px;
        font-variant-numeric: tabular-nums;
      }
      li {
        display: flex;
        gap: var(--gap);
        align-items: center;
        padding: 6px 0;
        border-top: 1px solid var(--line);
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li a,
      .task {
        flex: 1;
      }
    `,
  ];

  override render() {
    return html`<div class="stack">
      <h1>Now</h1>
      ${this.#health()} ${this.#waiting()} ${this.#inProgress()} ${this.#agents()}
    </div>`;
  }

  #health(): TemplateResult {
    const { value: status, error } = this.#status;
    if (!status) return error ? failed('read the status', error) : loading('the status');
    const figures: [string, string][] = [
      ['up', duration(status.uptime_ms)],
      ['connections', String(status.sessions)],
      ['requests', status.requests_total.toLocaleString()],
      ['loop delay p99', duration(status.loop_delay_p99_ms)],
      ['memory', bytes(status.rss_bytes)],
    ];
    return html`
      <section class="card stack" aria-label="Daemon">
        <div class="row spread">
          <h2>Daemon ${status.server_version}</h2>
          ${
            status.degraded.length === 0
              ? html`<car-badge tone="good">healthy</car-badge>`
              : html`<car-badge tone="bad">degraded</car-badge>`
          }
        </div>
        ${status.degraded.map((problem) => html`<div class="soft">${plain(problem)}</div>`)}
        <div class="figures">
          ${figures.map(
            ([name, text]) =>
              html`<div>
                <div class="soft">${name}</div>
                <div class="figure">${text}</div>
              </div>`,
          )}
        </div>
      </section>
    `;
  }

  #waiting(): TemplateResult | typeof nothing {
    const { pending } = hostView.value;
    if (pending.length === 0) return nothing;
    return html`
      <section class="card stack" aria-label="Approvals">
        <div class="row spread">
          <h2>${pending.length === 1 ? 'One approval waits for you' : `${pending.length} approvals wait for you`}</h2>
          <a href=${linkTo('approvals')}>All approvals</a>
        </div>
        <ul>
          ${pending.slice(0, shownApprovals).map(
            ({ id, action, agent_id, created_at }) =>
              html`<li>
                <a class="clip" href=${linkTo('approvals', id)}>${plain(action.replace(/^ws\.method:/, ''))}</a>
                <span class="soft">${agent_id ? plain(agent_id) : nothing}</span>
                <span class="soft">${ago(created_at)}</span>
              </li>`,
          )}
        </ul>
      </section>
    `;
  }

  #agents(): TemplateResult | typeof nothing {
    const { agents } = hostView.value;
    if (agents.length === 0) return nothing;
    return html`
      <section class="card stack" aria-label="Agents">
        <h2>Agents</h2>
        <ul>
          ${agents.slice(0, shownAgents).map(
            ({ id, name, kind, status, current_task }) =>
              html`<li>
                <span class="clip">${plain(name || id)}</span>
                <span class="soft clip task">${current_task ? plain(current_task) : plain(kind)}</span>
                <car-badge tone=${agentTones[status] ?? 'soft'}>${status.replaceAll('_', ' ')}</car-badge>
              </li>`,
          )}
        </ul>
      </section>
    `;
  }

  #inProgress(): TemplateResult {
    const { value, error } = this.#runs;
    if (!value) return error ? failed('read the runs', error) : loading('runs');
    const open = value.runs.filter(({ status }) => status === 'in_progress');
    const shown = open.length > 0 ? open : value.runs;
    if (shown.length === 0)
      return empty('No runs yet', html`An agent that calls <code>runs.start</code> shows up here at once.`);
    return html`
      <section class="card stack" aria-label="Runs">
        <div class="row spread">
          <h2>${open.length > 0 ? `${open.length} in progress` : 'Last runs'}</h2>
          <a href=${linkTo('runs')}>All runs</a>
        </div>
        <ul>
          ${shown.slice(0, shownRuns).map(
            (run) =>
              html`<li>
                <a class="clip" href=${linkTo('run', run.run_id)}>${plain(run.intent)}</a>
                <span class="soft">${plain(run.agent_id)}</span>
                <span class="soft">${run.turn_count} turns</span>
                <span class="soft">${ago(run.started_at)}</span>
              </li>`,
          )}
        </ul>
      </section>
    `;
  }
}

customElements.define('car-now', CarNow);
