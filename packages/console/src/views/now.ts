// What goes on at this moment, on one page: what waits for somebody first, then what works, then what it costs.
import type { MethodResult } from '@car-runtime/client';
import type { BudgetAccount, HostAgent, ManagedAgent } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import { agentTones, stateOf } from '../parts/agent-actions.ts';
import '../parts/badge.ts';
import type { Tone } from '../parts/badge.ts';
import '../parts/command.ts';
import { failed, loading } from '../parts/states.ts';
import { styled } from '../parts/styled.ts';
import { controls } from '../parts/styles.ts';
import { ago, bytes, duration, plain, titleOf } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { agentView, followAgents, sampleAgents } from '../store/agent-feed.ts';
import { askedFor, followHost, hostView } from '../store/host-feed.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';

/** Of what no feed tells. */
const refreshMs = 2_000;
const budgetRefreshMs = 5_000;
const shownRuns = 8;
const shownApprovals = 5;
const shownAgents = 20;
const shownAccounts = 12;
/** Above this share of a limit a bar warns. */
const nearLimit = 0.8;
/** A delay of the loop that people begin to feel, in ms. */
const slowLoopMs = 100;

const hostTones: Readonly<Record<HostAgent['status'], Tone>> = {
  idle: 'soft',
  running: 'accent',
  waiting_for_approval: 'warn',
  paused: 'soft',
  completed: 'good',
  errored: 'bad',
  stopped: 'soft',
};

type Run = MethodResult<'runs.search'>['runs'][number];
type Limit = keyof BudgetAccount['limits'];

export class CarNow extends LitElement {
  readonly #status = new Loaded(this, () => client().server.status(), refreshMs);
  readonly #open = new Loaded(this, () => client().runs.search({ status: 'in_progress', limit: 200 }), refreshMs);
  readonly #last = new Loaded(this, () => client().runs.search({ limit: shownRuns }), refreshMs);
  readonly #budgets = new Loaded(this, () => client().budget.usage({ limit: 100 }), budgetRefreshMs);

  constructor() {
    super();
    followHost();
    followAgents();
    sampleAgents(this);
    renderOn(this, hostView, agentView);
  }

  static override styles = [
    controls,
    css`
      .columns {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr));
        gap: var(--gap);
        align-items: start;
      }
      .columns > * {
        min-width: 0;
      }
      .figures {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(100px, 1fr));
        gap: var(--gap);
      }
      .figure {
        font-size: 20px;
        font-variant-numeric: tabular-nums;
      }
      .slow {
        color: var(--warn);
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li {
        display: flex;
        gap: 4px var(--gap);
        align-items: center;
        padding: 7px 0;
        border-top: 1px solid var(--line);
        min-width: 0;
      }
      li > .clip:first-child {
        flex: 1;
      }
      li > .soft {
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .waits {
        border-color: var(--warn);
      }
      .account {
        display: block;
        padding: 8px 0;
      }
      .bar {
        height: 6px;
        border-radius: 3px;
        background: var(--line);
        overflow: hidden;
        margin: 3px 0 6px;
      }
      .bar > div {
        height: 100%;
        background: var(--accent);
      }
      .bar.near > div {
        background: var(--warn);
      }
      .bar.over > div {
        background: var(--bad);
      }
      .begin {
        display: grid;
        gap: 14px;
        max-width: 44em;
      }
      .begin > div {
        display: grid;
        gap: 6px;
      }
      @media (max-width: 720px) {
        .optional {
          display: none;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    return html`<div class="stack">
      <h1>Now</h1>
      ${this.#isNew ? beginning() : nothing}
      <div class="columns">
        <div class="stack">${this.#waiting()} ${this.#runs()}</div>
        <div class="stack">${this.#agents()} ${this.#spending()} ${this.#health()}</div>
      </div>
    </div>`;
  }

  /** Nobody has done anything with this daemon yet. */
  get #isNew(): boolean {
    const { isReady, agents, pending } = hostView.value;
    const { value: last } = this.#last;
    const hasAgents = agents.length > 0 || agentView.value.agents.size > 0;
    return isReady && agentView.value.isReady && !hasAgents && pending.length === 0 && last?.runs.length === 0;
  }

  #waiting(): TemplateResult | typeof nothing {
    const { isReady, error, pending } = hostView.value;
    if (!isReady) return error ? failed('read the approvals', error) : loading('the approvals');
    if (pending.length === 0) {
      return html`<section class="card row" aria-label="Approvals">
        <car-badge tone="good">✓</car-badge><span>Nothing waits for you.</span>
      </section>`;
    }
    return html`
      <section class="card stack waits" aria-label="Approvals">
        <div class="row spread">
          <h2>${pending.length === 1 ? 'One approval waits for you' : `${pending.length} approvals wait for you`}</h2>
          <a href=${linkTo('approvals')}>All approvals</a>
        </div>
        <ul>
          ${pending.slice(0, shownApprovals).map(
            ({ id, action, kind, agent_id, created_at, reversibility }) =>
              html`<li>
                <a class="clip" href=${linkTo('approvals', id)}>${titleOf({ action, kind })}</a>
                ${reversibility === 'irreversible' ? html`<car-badge tone="bad">irreversible</car-badge>` : nothing}
                <span class="soft clip optional">${agent_id ? plain(agent_id) : nothing}</span>
                <span class="soft">${ago(created_at)}</span>
              </li>`,
          )}
        </ul>
      </section>
    `;
  }

  #runs(): TemplateResult | typeof nothing {
    const open = this.#open.value?.runs;
    const last = this.#last.value?.runs;
    const error = this.#open.error ?? this.#last.error;
    if (!open || !last) return error ? failed('read the runs', error) : loading('runs');
    if (last.length === 0)
      return html`<section class="card stack" aria-label="Runs">
        <h2>No runs yet</h2>
        <span class="soft">An agent that calls <code>runs.start</code> shows up here at once.</span>
      </section>`;
    return html`
      <section class="card stack" aria-label="Runs">
        <div class="row spread">
          <h2>${open.length === 0 ? 'No run in progress; the last ones' : `${open.length} in progress`}</h2>
          <a href=${linkTo('runs')}>All runs</a>
        </div>
        <ul>
          ${(open.length === 0 ? last : open).slice(0, shownRuns).map(runRow)}
        </ul>
      </section>
    `;
  }

  #agents(): TemplateResult | typeof nothing {
    const { isReady, error, agents: managed, declarative } = agentView.value;
    if (!isReady) return error ? failed('read the agents', error) : loading('agents');
    const others = hostView.value.agents.filter(({ id }) => !managed.has(id));
    const inside = declarative.filter(({ id }) => !others.some((other) => other.id === id));
    const rows = [
      ...[...managed.values()].toSorted(byUrgency).map(managedRow),
      ...others.map(hostRow),
      ...inside.map(
        ({ id, name, enabled }) =>
          html`<li>
            <a class="clip" href=${linkTo('agent', id, 'chat')}>${plain(name)}</a>
            <car-badge>${enabled ? 'enabled' : 'disabled'}</car-badge>
          </li>`,
      ),
    ];
    if (rows.length === 0) return nothing;
    return html`
      <section class="card stack" aria-label="Agents">
        <div class="row spread">
          <h2>${rows.length === 1 ? 'One agent' : `${rows.length} agents`}</h2>
          <a href=${linkTo('agents')}>All agents</a>
        </div>
        <ul>
          ${rows.slice(0, shownAgents)}
        </ul>
        ${rows.length > shownAgents ? html`<span class="soft">and ${rows.length - shownAgents} more</span>` : nothing}
      </section>
    `;
  }

  #spending(): TemplateResult | typeof nothing {
    const { value, error } = this.#budgets;
    if (!value) return error ? failed('read the budgets', error) : nothing;
    if (value.accounts.length === 0) return nothing;
    const sorted = value.accounts.toSorted((left, right) => shareOf(right) - shareOf(left));
    return html`
      <section class="card stack" aria-label="Budgets">
        <h2>Budgets</h2>
        <ul>
          ${sorted.slice(0, shownAccounts).map(accountRow)}
        </ul>
        ${value.total > shownAccounts ? html`<span class="soft">and ${value.total - shownAccounts} more</span>` : nothing}
      </section>
    `;
  }

  #health(): TemplateResult {
    const { value: status, error } = this.#status;
    if (!status) return error ? failed('read the status', error) : loading('the status');
    const isSlow = status.loop_delay_p99_ms >= slowLoopMs;
    const figures: [name: string, text: string, isBad?: boolean][] = [
      ['up', duration(status.uptime_ms)],
      ['connections', String(status.sessions)],
      ['requests', status.requests_total.toLocaleString()],
      ['loop delay p99', duration(status.loop_delay_p99_ms), isSlow],
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
        ${status.degraded.map((problem) => html`<div class="slow">${plain(problem)}</div>`)}
        <div class="figures">
          ${figures.map(
            ([name, text, isBad]) =>
              html`<div>
                <div class="soft">${name}</div>
                <div class="figure ${isBad ? 'slow' : ''}">${text}</div>
              </div>`,
          )}
        </div>
        ${isSlow ? html`<span class="slow">It answers slower than people expect at this moment.</span>` : nothing}
      </section>
    `;
  }
}

function beginning(): TemplateResult {
  return html`<section class="card begin" aria-label="How to begin">
    <div>
      <h2>This daemon is new: nothing has happened yet</h2>
      <span class="soft">Everything that agents do with it shows up on this page at once. In a terminal:</span>
    </div>
    <div>
      <span>Make an agent and start it</span><car-command text="npx car agents new hello --start"></car-command>
    </div>
    <div>
      <span>Talk to it, there or <a href=${linkTo('agents')}>here</a></span
      ><car-command text="npx car agents chat hello"></car-command>
    </div>
    <div>
      <span>Let it ask you first: it says what it would do, and waits for your yes</span
      ><car-command text='npx car agents chat hello "remember the milk"'></car-command>
    </div>
  </section>`;
}

function isWaiting(run: Run): boolean {
  return run.status === 'in_progress' && askedFor(run).length > 0;
}

function runRow(run: Run): TemplateResult {
  return html`<li>
    <a class="clip" href=${linkTo('run', run.run_id)}>${plain(run.intent)}</a>
    <span class="soft clip optional">${plain(run.agent_id)}</span>
    ${isWaiting(run) ? html`<car-badge tone="warn">needs approval</car-badge>` : nothing}
    <span class="soft">${run.turn_count === 1 ? '1 turn' : `${run.turn_count} turns`}</span>
    <span class="soft">${ago(run.started_at)}</span>
  </li>`;
}

const urgency: readonly ManagedAgent['status'][] = ['errored', 'backoff', 'starting', 'running', 'stopped'];

function byUrgency(left: ManagedAgent, right: ManagedAgent): number {
  return urgency.indexOf(left.status) - urgency.indexOf(right.status) || left.name.localeCompare(right.name);
}

function managedRow(agent: ManagedAgent): TemplateResult {
  const { id, name, status, resources } = agent;
  const state = status === 'running' && agent.attached ? '' : stateOf(agent);
  return html`<li>
    <a class="clip" href=${linkTo('agent', id)}>${plain(name)}</a>
    ${state === '' ? nothing : html`<span class="soft clip" title=${state}>${state}</span>`}
    ${
      resources
        ? html`<span class="soft optional">${resources.cpu_percent.toFixed(1)} %</span>
            <span class="soft optional">${bytes(resources.rss_bytes)}</span>`
        : nothing
    }
    <car-badge tone=${agentTones[status]}>${status}</car-badge>
  </li>`;
}

function hostRow({ id, name, kind, status, current_task }: HostAgent): TemplateResult {
  return html`<li>
    <span class="clip">${plain(name || id)}</span>
    <span class="soft clip">${plain(current_task ?? kind)}</span>
    <car-badge tone=${hostTones[status]}>${status.replaceAll('_', ' ')}</car-badge>
  </li>`;
}

const limitTexts: Readonly<Record<Limit, (amount: number) => string>> = {
  tool_calls: (amount) => `${amount.toLocaleString()} calls`,
  tokens: (amount) => `${amount.toLocaleString()} tokens`,
  cost_usd: (amount) => `${amount.toFixed(2)} $`,
  wall_time_ms: duration,
};

function limitsOf({ limits, spent, reserved }: BudgetAccount): { limit: Limit; used: number; of: number }[] {
  return (Object.keys(limitTexts) as Limit[]).flatMap((limit) => {
    const of = limits[limit];
    return of === undefined ? [] : [{ limit, used: (spent[limit] ?? 0) + (reserved[limit] ?? 0), of }];
  });
}

/** Of the limit that it is nearest to. */
function shareOf(account: BudgetAccount): number {
  return Math.max(0, ...limitsOf(account).map(({ used, of }) => (of === 0 ? 1 : used / of)));
}

function accountRow(account: BudgetAccount): TemplateResult {
  const { budget, agent, run_id, day, resets_at } = account;
  const whose = [agent, run_id && `run ${run_id}`, day].filter((each) => each != null).join(', ');
  return html`<li class="account">
    <div class="row spread">
      <span class="clip"
        ><strong>${plain(budget)}</strong>
        <span class="soft">${whose === '' ? 'all together' : plain(whose)}</span></span
      >
      ${resets_at === null ? nothing : html`<span class="soft optional">begins anew ${new Date(resets_at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}</span>`}
    </div>
    ${limitsOf(account).map(({ limit, used, of }) => {
      const share = of === 0 ? 1 : Math.min(1, used / of);
      const text = `${limitTexts[limit](used)} of ${limitTexts[limit](of)}`;
      return html`<div class="soft">${text}</div>
        <div
          class="bar ${share >= 1 ? 'over' : share >= nearLimit ? 'near' : ''}"
          role="meter"
          aria-label="${plain(budget)}: ${text}"
          aria-valuemin="0"
          aria-valuemax="100"
          aria-valuenow=${Math.round(share * 100)}
        >
          <div ${styled({ width: `${share * 100}%` })}></div>
        </div>`;
    })}
  </li>`;
}

customElements.define('car-now', CarNow);
