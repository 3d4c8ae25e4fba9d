// What is in force: for each session its tools, policies and tier; what agents may do; who supervises; what may be used.
import type { MethodResult } from '@car-runtime/client';
import type { AgentPermissionMode, HostSession } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import { tierTone, words } from '../parts/approval-card.ts';
import '../parts/badge.ts';
import { confirmed } from '../parts/confirm.ts';
import { failed, loading } from '../parts/states.ts';
import { styled } from '../parts/styled.ts';
import { controls } from '../parts/styles.ts';
import { ago, counted, plain } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { ownIdentity, readIdentity } from '../store/decisions.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';
import { budgetTable } from './rules-budgets.ts';
import { named, numbers, type Session } from './rules-session.ts';

type Postures = MethodResult<'agent_permissions.get'>;

const refreshMs = 3_000;
const rowHeight = 44;
const maxShownRows = 8;
const tiers = ['read_only', 'sandbox_edit', 'full_access'] as const;
const modes: Readonly<Record<AgentPermissionMode, string>> = {
  always_allow: 'may',
  require_approval: 'has to ask',
  deny: 'may not',
};

export class CarRules extends LitElement {
  static override properties = { sessionId: {}, problem: { state: true } };
  /** The session that is open. */
  declare sessionId: string | undefined;
  declare problem: string | undefined;
  readonly #sessions = new Loaded(this, () => client().host.sessions({ limit: 500 }), refreshMs);
  readonly #session = new Loaded<Session | undefined>(
    this,
    async () => {
      const { sessionId } = this;
      if (sessionId === undefined) return undefined;
      return await client().host.session({ client_id: sessionId });
    },
    refreshMs,
  );
  readonly #postures = new Loaded(this, () => client().agent_permissions.get(), 10_000);
  readonly #intents = new Loaded(this, () => client().supervision.pending(), refreshMs);
  readonly #budgets = new Loaded(
    this,
    async () => {
      const [{ budgets }, { accounts, total }] = await Promise.all([
        client().budget.list(),
        client().budget.usage({ limit: 200 }),
      ]);
      return { budgets, accounts, total };
    },
    refreshMs,
  );

  constructor() {
    super();
    renderOn(this, ownIdentity);
  }

  static override styles = [
    controls,
    listStyles,
    css`
      car-virtual-list {
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
      }
      .session {
        display: grid;
        grid-template-columns: 90px minmax(120px, 1fr) 110px 90px 90px 110px;
        gap: var(--gap);
        align-items: center;
        padding: 0 14px;
        border-bottom: 1px solid var(--line);
        color: inherit;
        text-decoration: none;
        min-width: 0;
      }
      .session:hover {
        background: var(--page);
      }
      .session:focus-visible {
        outline-offset: -2px;
      }
      .session[aria-current] {
        background: var(--accent-surface);
      }
      .session car-badge {
        justify-self: start;
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
        text-align: start;
        padding: 6px 12px 6px 0;
        border-top: 1px solid var(--line);
        vertical-align: top;
      }
      thead th {
        border: none;
        font-weight: 400;
        color: var(--text-soft);
      }
      th[scope='row'] {
        font-weight: 600;
        overflow-wrap: anywhere;
        min-width: 7em;
      }
      .columns {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(260px, 1fr));
        gap: 18px;
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        max-height: 320px;
        overflow: auto;
      }
      li {
        padding: 5px 0;
        border-top: 1px solid var(--line);
        overflow-wrap: anywhere;
      }
      dl {
        display: grid;
        grid-template-columns: max-content 1fr;
        gap: 3px 14px;
        margin: 0;
      }
      dt {
        color: var(--text-soft);
      }
      dd {
        margin: 0;
        font-variant-numeric: tabular-nums;
      }
      h3 {
        margin: 0 0 6px;
        font-size: 13.5px;
      }
      .track {
        display: block;
        background: var(--line);
        border-radius: 4px;
        height: 6px;
        overflow: hidden;
        min-width: 80px;
      }
      .fill {
        display: block;
        height: 6px;
        background: var(--accent);
      }
      .fill.full {
        background: var(--bad);
      }
      .warning {
        color: var(--bad);
      }
      @media (max-width: 720px) {
        .session {
          grid-template-columns: 80px 1fr auto;
        }
        .optional {
          display: none;
        }
      }
    `,
  ];

  override willUpdate(changed: Map<string, unknown>): void {
    readIdentity();
    if (!changed.has('sessionId') || !this.hasUpdated) return;
    this.#session.value = undefined;
    this.#session.error = undefined;
    void this.#session.refresh();
  }

  override render() {
    return html`<div class="stack">
      <h1>Rules in force</h1>
      ${this.problem === undefined ? nothing : html`<div role="alert" class="warning">${plain(this.problem)}</div>`}
      ${this.#sessionList()} ${this.sessionId === undefined ? nothing : this.#open()} ${this.#postureTable()}
      ${this.#supervision()} ${this.#budgetsLeft()}
    </div>`;
  }

  #sessionList(): TemplateResult {
    const { value, error } = this.#sessions;
    if (!value) return error ? failed('read the sessions', error) : loading('the sessions');
    const { sessions, total } = value;
    const height = Math.min(sessions.length, maxShownRows) * rowHeight + 2;
    return html`<section class="stack" aria-label="Sessions">
      <div class="row spread">
        <h2>Sessions</h2>
        <span class="soft"
          >${sessions.length === total ? total : `the first ${sessions.length} of ${total}`} connected</span
        >
      </div>
      <car-virtual-list
        label="Sessions"
        .items=${sessions}
        .rowHeight=${rowHeight}
        .key=${({ client_id }: HostSession) => client_id}
        .row=${(session: HostSession) => this.#row(session)}
        ${styled({ height: `${height}px` })}
      ></car-virtual-list>
    </section>`;
  }

  #row({
    client_id,
    role,
    agent_id,
    granted_tier,
    tools,
    policies,
    supervises,
    connected_at,
  }: HostSession): TemplateResult {
    const isOpen = client_id === this.sessionId;
    return html`<a
      class="session"
      href=${isOpen ? linkTo('rules') : linkTo('rules', client_id)}
      aria-current=${isOpen ? 'true' : nothing}
    >
      <car-badge tone=${role === 'host' ? 'accent' : 'soft'}>${role}</car-badge>
      <span class="clip"
        >${agent_id === undefined ? html`<span class="mono">${plain(client_id)}</span>` : plain(agent_id)}${
          client_id === ownIdentity.value.clientId ? html` <span class="soft">(this page)</span>` : nothing
        }${supervises ? html` <span class="soft">supervises</span>` : nothing}</span
      >
      <car-badge tone=${tierTone(granted_tier)}>${words(granted_tier)}</car-badge>
      <span class="soft optional">${counted(tools, 'tool', 'tools')}</span>
      <span class="soft optional">${counted(policies, 'policy', 'policies')}</span>
      <span class="soft optional">${ago(connected_at)}</span>
    </a>`;
  }

  #open(): TemplateResult {
    const { value, error } = this.#session;
    if (error)
      return html`<section class="card stack" aria-label="Session">
        <div class="soft">This session has ended, or cannot be read: ${plain((error as Error).message)}</div>
        <div><a href=${linkTo('rules')}>All sessions</a></div>
      </section>`;
    if (!value) return loading('the session');
    const { session, tools, policies, metrics } = value;
    return html`<section class="card stack" aria-label="Session">
      <div class="row spread">
        <h2>
          ${session.agent_id === undefined ? html`<span class="mono">${plain(session.client_id)}</span>` : plain(session.agent_id)}
        </h2>
        <label class="row"
          ><span class="soft">granted</span
          ><select @change=${(event: Event) => void this.#grant(session, event.target as HTMLSelectElement)}>
            ${tiers.map((tier) => html`<option value=${tier} ?selected=${tier === session.granted_tier}>${words(tier)}</option>`)}
          </select></label
        >
      </div>
      <div class="columns">
        ${named('Tools', tools, 'It has none: it calls nothing.')}
        ${named('Policies', policies, 'None: nothing is denied beyond tiers, budgets and supervision.')}
        ${numbers(metrics)}
      </div>
    </section>`;
  }

  async #grant({ client_id, granted_tier }: HostSession, select: HTMLSelectElement): Promise<void> {
    const tier = tiers.find((each) => each === select.value);
    if (tier === undefined) return;
    const isSure = await confirmed({
      title: `Grant ${words(tier)}?`,
      text: 'It holds for this session until it ends, from the next plan on. What is full access needs an approval all the same.',
      action: 'Grant',
    });
    if (isSure) {
      await this.#change(() => client().permission.set_tier({ session_id: client_id, tier }));
      await Promise.all([this.#session.refresh(), this.#sessions.refresh()]);
    } else select.value = granted_tier;
  }

  #postureTable(): TemplateResult {
    const { value, error } = this.#postures;
    if (!value) return error ? failed('read what agents may do', error) : loading('what agents may do');
    const agents = Object.keys(value.agents).toSorted();
    return html`<section class="card stack" aria-label="What agents may do">
      <div class="row spread">
        <h2>What agents may do without asking</h2>
        <label class="row"
          ><span class="soft">preset</span
          ><select @change=${(event: Event) => void this.#preset(event.target as HTMLSelectElement)}>
            <option value="">choose…</option>
            ${['cautious', 'balanced', 'trusting'].map((preset) => html`<option>${preset}</option>`)}
          </select></label
        >
      </div>
      <div class="table" tabindex="0" role="region" aria-label="Modes by agent and tier">
        <table>
          <thead>
            <tr>
              <th scope="col">agent</th>
              ${tiers.map((tier) => html`<th scope="col">${words(tier)}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${this.#postureRow(value, undefined)} ${agents.map((agent) => this.#postureRow(value, agent))}
          </tbody>
        </table>
      </div>
    </section>`;
  }

  #postureRow(policy: Postures, agent: string | undefined): TemplateResult {
    const own = agent === undefined ? policy.default : policy.agents[agent];
    const name = agent === undefined ? 'every other' : plain(agent);
    return html`<tr>
      <th scope="row">${name}</th>
      ${tiers.map((tier) => {
        const mode = own?.[tier];
        return html`<td>
          <select
            aria-label=${`${name}, ${words(tier)}`}
            @change=${(event: Event) => void this.#setMode(agent, tier, mode, event.target as HTMLSelectElement)}
          >
            ${mode === undefined ? html`<option value="" selected>as every other</option>` : nothing}
            ${Object.entries(modes).map(([each, text]) => html`<option value=${each} ?selected=${each === mode}>${text}</option>`)}
          </select>
        </td>`;
      })}
    </tr>`;
  }

  async #setMode(
    agent: string | undefined,
    tier: (typeof tiers)[number],
    before: AgentPermissionMode | undefined,
    select: HTMLSelectElement,
  ): Promise<void> {
    const mode = (Object.keys(modes) as AgentPermissionMode[]).find((each) => each === select.value);
    if (mode === undefined) return;
    const who = agent === undefined ? 'Every agent without modes of its own' : `Agent “${plain(agent)}”`;
    const isSure = await confirmed({
      title: 'Change what agents may do?',
      text: `${who} ${modes[mode]} at ${words(tier)}, from the next plan on.`,
      action: 'Change',
    });
    if (!isSure) {
      select.value = before ?? '';
      return;
    }
    await this.#change(() =>
      agent === undefined
        ? client().agent_permissions.set_default({ tier, mode })
        : client().agent_permissions.set({ agent_id: agent, tier, mode }),
    );
    await this.#postures.refresh();
  }

  async #preset(select: HTMLSelectElement): Promise<void> {
    const preset = (['cautious', 'balanced', 'trusting'] as const).find((each) => each === select.value);
    select.value = '';
    if (preset === undefined) return;
    const isSure = await confirmed({
      title: `Make agents ${preset}?`,
      text: 'It changes what agents without modes of their own may do, from the next plan on.',
      action: 'Change',
    });
    if (!isSure) return;
    await this.#change(() => client().agent_permissions.set_default({ preset }));
    await this.#postures.refresh();
  }

  async #change(make: () => Promise<unknown>): Promise<void> {
    this.problem = undefined;
    try {
      await make();
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  #budgetsLeft(): TemplateResult {
    const { value, error } = this.#budgets;
    if (value) return budgetTable(value);
    return error ? failed('read the budgets', error) : loading('the budgets');
  }

  #supervision(): TemplateResult {
    const supervisors = (this.#sessions.value?.sessions ?? []).filter(({ supervises }) => supervises !== undefined);
    const intents = this.#intents.value?.intents ?? [];
    return html`<section class="card stack" aria-label="Supervision">
      <h2>Supervision</h2>
      ${
        supervisors.length === 0
          ? html`<div class="soft">No program supervises: plans pass this gate unseen.</div>`
          : html`<ul>
              ${supervisors.map(
                ({ client_id, supervises }) =>
                  html`<li>
                    <a href=${linkTo('rules', client_id)} class="mono">${plain(client_id)}</a>
                    ${filterText(supervises)}
                  </li>`,
              )}
            </ul>`
      }
      ${
        intents.length === 0
          ? nothing
          : html`<h3>${intents.length} ${intents.length === 1 ? 'plan waits' : 'plans wait'} for a supervisor</h3>
              <ul>
                ${intents
                  .slice(0, 50)
                  .map(
                    ({ id, source, actions, reversibility, created_at, agent_id }) =>
                      html`<li data-intent=${id}>
                        ${actions.length} ${actions.length === 1 ? 'action' : 'actions'} from
                        ${plain(agent_id ?? (source || 'a client'))}, ${words(reversibility)} at worst,
                        ${ago(created_at)}
                      </li>`,
                  )}
              </ul>`
      }
    </section>`;
  }
}

function filterText(filter: HostSession['supervises']): string {
  const { tools, sessions, min_reversibility } = filter ?? {};
  const parts = [
    ...(tools ? [`plans that call ${tools.map(plain).join(', ')}`] : []),
    ...(sessions ? [`of ${sessions.map(plain).join(', ')}`] : []),
    ...(min_reversibility ? [`${words(min_reversibility)} or worse`] : []),
  ];
  return parts.length === 0 ? 'sees every plan' : `sees ${parts.join(', ')}`;
}

customElements.define('car-rules', CarRules);
