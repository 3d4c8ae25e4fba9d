// One agent: how it is doing, what it writes, and a conversation with it.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { client, connection } from '../connection.ts';
import { agentTones, stateOf } from '../parts/agent-actions.ts';
import '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled } from '../parts/styles.ts';
import { plain } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { agentView, followAgents, sampleAgents } from '../store/agent-feed.ts';
import { followHost, hostView } from '../store/host-feed.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';

const tabs = {
  overview: { label: 'Overview', load: () => import('./agent-overview.ts') },
  logs: { label: 'Logs', load: () => import('./agent-logs.ts') },
  chat: { label: 'Chat', load: () => import('./agent-chat.ts') },
};
type Tab = keyof typeof tabs;

export class CarAgent extends LitElement {
  static override properties = { agentId: {}, tab: {}, open: {} };
  declare agentId: string;
  declare tab: string;
  /** What is open in the tab. */
  declare open: string | undefined;
  readonly #loaded = new Map<Tab, 'loading' | 'ready' | Error>();
  readonly #external = new Loaded(this, () => client().agents.list_external({}));

  constructor() {
    super();
    this.agentId = '';
    this.tab = '';
    followHost();
    followAgents();
    sampleAgents(this);
    renderOn(this, agentView, hostView, connection);
  }

  static override styles = [
    controls,
    filled,
    css`
      :host {
        min-height: 0;
      }
      .tabs {
        display: flex;
        gap: 4px;
        border-bottom: 1px solid var(--line);
      }
      .tabs a {
        color: var(--text-soft);
        text-decoration: none;
        padding: 6px 12px;
        border-bottom: 2px solid transparent;
        margin-bottom: -1px;
      }
      .tabs a[aria-current] {
        color: var(--accent);
        border-color: var(--accent);
        font-weight: 600;
      }
      .head {
        min-width: 0;
        flex: 1;
      }
      .content {
        flex: 1;
        min-height: 0;
        display: flex;
        flex-direction: column;
        overflow: auto;
      }
    `,
  ];

  get #isManaged(): boolean {
    return agentView.value.agents.has(this.agentId);
  }

  get #shownTab(): Tab {
    if (!this.#isManaged) return 'chat';
    return Object.hasOwn(tabs, this.tab) ? (this.tab as Tab) : 'overview';
  }

  override willUpdate(_changed: PropertyValues): void {
    const tab = this.#shownTab;
    if (this.#loaded.has(tab)) return;
    this.#loaded.set(tab, 'loading');
    tabs[tab]
      .load()
      .then(
        () => this.#loaded.set(tab, 'ready'),
        (error: Error) => this.#loaded.set(tab, error),
      )
      .finally(() => this.requestUpdate());
  }

  override render(): TemplateResult {
    const { isReady, error, agents, declarative } = agentView.value;
    if (!isReady) return error ? failed('read the agents', error) : loading('the agent');
    const agent = agents.get(this.agentId);
    const inside = declarative.find(({ id }) => id === this.agentId);
    const external = this.#external.value?.find(({ id }) => id === this.agentId);
    if (!agent && !inside && !external) {
      if (!this.#external.value && !this.#external.error) return loading('the agent');
      return empty(
        'There is no such agent',
        html`No agent is called <span class="mono">${plain(this.agentId)}</span> any more.
          <a href=${linkTo('agents')}>All agents</a>`,
      );
    }
    const name = plain(agent?.name ?? inside?.name ?? external?.display_name ?? this.agentId);
    return html`
      <div class="row spread">
        <div class="row head">
          <h1 class="clip">${name}</h1>
          <span class="soft mono clip">${plain(this.agentId)}</span>
          ${
            agent
              ? html`<car-badge tone=${agentTones[agent.status]}>${agent.status}</car-badge>
                  <span class="soft clip" title=${stateOf(agent)}>${stateOf(agent)}</span>`
              : html`<car-badge>${external ? 'external' : 'inside the daemon'}</car-badge>`
          }
        </div>
        <div class="row">
          <a href="${linkTo('runs')}?agent=${encodeURIComponent(this.agentId)}">Its runs</a>
          ${agent ? html`<car-agent-actions .agent=${agent}></car-agent-actions>` : nothing}
        </div>
      </div>
      ${
        agent
          ? html`<nav class="tabs" aria-label="About ${name}">
              ${Object.entries(tabs).map(
                ([tab, { label }]) =>
                  html`<a
                    href=${linkTo('agent', this.agentId, tab)}
                    aria-current=${tab === this.#shownTab ? 'page' : nothing}
                    >${label}</a
                  >`,
              )}
            </nav>`
          : nothing
      }
      <div class="content">${this.#content(external !== undefined && !agent, name)}</div>
    `;
  }

  #content(isExternal: boolean, name: string): TemplateResult {
    const tab = this.#shownTab;
    const state = this.#loaded.get(tab);
    if (state instanceof Error) return failed(`load ${tabs[tab].label}`, state);
    if (state !== 'ready') return loading(tabs[tab].label.toLowerCase());
    if (tab === 'chat') {
      return html`<car-agent-chat
        .agentId=${this.agentId}
        .sessionId=${this.open}
        .isExternal=${isExternal}
        .externalName=${name}
      ></car-agent-chat>`;
    }
    if (tab === 'logs') return html`<car-agent-logs .agentId=${this.agentId}></car-agent-logs>`;
    return html`<car-agent-overview .agentId=${this.agentId}></car-agent-overview>`;
  }
}

customElements.define('car-agent', CarAgent);
