// All agents: those that the daemon keeps running, those inside it, and coding agents that are installed on its machine.
import type { ExternalAgent, ManagedAgent } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import { agentTones, stateOf } from '../parts/agent-actions.ts';
import '../parts/badge.ts';
import '../parts/command.ts';
import type { Tone } from '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { styled } from '../parts/styled.ts';
import { controls } from '../parts/styles.ts';
import { bytes, duration, plain } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { agentView, followAgents, sampleAgents } from '../store/agent-feed.ts';
import { followHost, hostView } from '../store/host-feed.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';

const rowHeight = 58;
const maxShownRows = 12;
const healthTones: Readonly<Record<string, Tone>> = { ready: 'good', expired: 'warn', network_error: 'warn' };

export class CarAgents extends LitElement {
  static override properties = { filter: { state: true } };
  declare filter: string;
  readonly #external = new Loaded(this, () => client().agents.list_external({ include_health: true }));

  constructor() {
    super();
    this.filter = '';
    followHost();
    followAgents();
    sampleAgents(this);
    renderOn(this, agentView, hostView);
  }

  static override styles = [
    controls,
    listStyles,
    css`
      car-virtual-list,
      ul {
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
      }
      .agent,
      .columns {
        display: grid;
        grid-template-columns: minmax(140px, 1fr) minmax(150px, 1fr) 70px 90px 70px 90px 170px;
        gap: var(--gap);
        align-items: center;
        padding: 0 14px;
      }
      .agent {
        border-bottom: 1px solid var(--line);
      }
      .columns {
        font-size: 12px;
        padding-block: 0 4px;
      }
      .number {
        text-align: end;
        font-variant-numeric: tabular-nums;
      }
      .name {
        color: inherit;
        text-decoration: none;
        font-weight: 600;
        display: block;
      }
      .name:hover {
        color: var(--accent);
        text-decoration: underline;
      }
      .small {
        font-size: 12px;
      }
      .state {
        display: flex;
        flex-direction: column;
        align-items: flex-start;
        gap: 2px;
      }
      .observer {
        background: var(--warn-surface);
        color: var(--warn);
        border-color: var(--warn);
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px var(--gap);
        padding: 10px 14px;
      }
      li + li {
        border-top: 1px solid var(--line);
      }
      li .clip {
        flex: 1;
      }
      code {
        font-family: var(--mono);
        user-select: all;
      }
      @media (max-width: 900px) {
        .agent {
          grid-template-columns: 1fr auto auto;
        }
        .columns,
        .optional {
          display: none;
        }
      }
      @media (max-width: 560px) {
        .agent {
          grid-template-columns: 1fr auto;
        }
        .agent .state .small,
        .agent car-agent-actions {
          display: none;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    return html`<div class="stack">
      <div class="row spread">
        <h1>Agents</h1>
        <div class="row">
          <a href=${linkTo('try', 'agents.install')}>Install from a manifest</a>
          ${
            agentView.value.agents.size > maxShownRows
              ? html`<input
                  type="search"
                  placeholder="Filter by name"
                  aria-label="Filter agents"
                  @input=${(event: InputEvent) => (this.filter = (event.target as HTMLInputElement).value)}
                />`
              : nothing
          }
        </div>
      </div>
      ${this.#observer()} ${this.#supervised()} ${this.#declarative()} ${this.#externals()}
    </div>`;
  }

  #observer(): TemplateResult | typeof nothing {
    const { identity } = hostView.value;
    if (identity?.manifest_role !== 'observer') return nothing;
    return html`<div class="card observer" role="status">
      <strong>This daemon only observes.</strong> Another one on this machine supervises the agents of
      <span class="mono">${plain(identity.manifest_path ?? 'the same manifest')}</span>. They are listed as the manifest
      has them; start and stop them from the console of that daemon.
    </div>`;
  }

  #supervised(): TemplateResult {
    const { isReady, error, agents } = agentView.value;
    if (!isReady) return error ? failed('read the agents', error) : loading('agents');
    const wanted = this.filter.trim().toLowerCase();
    const all = [...agents.values()].toSorted((left, right) => left.name.localeCompare(right.name));
    const shown = all.filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(wanted));
    if (all.length === 0) {
      return empty(
        'No agents yet',
        html`The daemon starts agents, keeps them running and shows here how they are doing. Make one in a terminal:
          <p><car-command text="npx car agents new hello --start"></car-command></p>`,
      );
    }
    if (shown.length === 0) return empty('Nothing found', 'No agent has this name.');
    return html`<div>
      <div class="columns soft" aria-hidden="true">
        <span>Agent</span><span>State</span><span class="number">Restarts</span><span class="number">Up</span>
        <span class="number">CPU</span><span class="number">Memory</span><span></span>
      </div>
      <car-virtual-list
        label="Agents"
        ${styled({ height: `${Math.min(shown.length, maxShownRows) * rowHeight + 2}px` })}
        .items=${shown}
        .rowHeight=${rowHeight}
        .key=${({ id }: ManagedAgent) => id}
        .row=${(agent: ManagedAgent) => row(agent)}
      ></car-virtual-list>
    </div>`;
  }

  #declarative(): TemplateResult | typeof nothing {
    const { declarative } = agentView.value;
    if (declarative.length === 0) return nothing;
    return html`<section class="stack" aria-label="Agents inside the daemon">
      <h2>Inside the daemon</h2>
      <ul>
        ${declarative.map(
          ({ id, name, enabled }) =>
            html`<li>
              <a class="name clip" href=${linkTo('agent', id, 'chat')}>${plain(name)}</a>
              <span class="soft mono small">${plain(id)}</span>
              <car-badge tone=${enabled ? 'good' : 'soft'}>${enabled ? 'enabled' : 'disabled'}</car-badge>
            </li>`,
        )}
      </ul>
    </section>`;
  }

  #externals(): TemplateResult | typeof nothing {
    const { value, error } = this.#external;
    if (!value) return error ? failed('look for external agents', error, () => void this.#external.refresh()) : nothing;
    return html`<section class="stack" aria-label="External agents">
      <div class="row spread">
        <h2>On this machine</h2>
        <button @click=${() => void this.#detect()}>Look again</button>
      </div>
      ${
        value.length === 0
          ? html`<p class="soft">
              No coding agents were found: Claude Code, Codex and Gemini CLI are looked for in <code>PATH</code>, and
              those that speak ACP in the settings file.
            </p>`
          : html`<ul>
              ${value.map(externalRow)}
            </ul>`
      }
    </section>`;
  }

  async #detect(): Promise<void> {
    // What goes wrong with it, asking again says.
    await client()
      .agents.detect_external({ include_health: true })
      .catch(() => undefined);
    await this.#external.refresh();
  }
}

function row(agent: ManagedAgent): TemplateResult {
  const { id, name, status, restart_count, resources, started_at } = agent;
  const state = stateOf(agent);
  return html`<div class="agent">
    <div class="clip name-cell">
      <a class="name clip" href=${linkTo('agent', id)}>${plain(name)}</a>
      <span class="soft mono small clip">${plain(id)}</span>
    </div>
    <div class="state clip">
      <car-badge tone=${agentTones[status]}>${status}</car-badge>
      ${state === '' ? nothing : html`<span class="soft small clip" title=${state}>${state}</span>`}
    </div>
    <span class="number optional">${restart_count}</span>
    <span class="number optional">${uptime(status, started_at)}</span>
    <span class="number optional">${resources ? `${resources.cpu_percent.toFixed(1)} %` : ''}</span>
    <span class="number optional">${resources ? bytes(resources.rss_bytes) : ''}</span>
    <car-agent-actions .agent=${agent}></car-agent-actions>
  </div>`;
}

export function uptime(status: ManagedAgent['status'], startedAt: number | null | undefined): string {
  return status === 'running' && startedAt != null ? duration(Math.max(1_000, Date.now() - startedAt * 1_000)) : '';
}

function externalRow({ id, display_name, version, execution, health, binary_path }: ExternalAgent): TemplateResult {
  const isUsable = execution?.state !== 'unusable';
  const why = execution?.state === 'unusable' ? execution.reason : health?.reason;
  return html`<li>
    <span class="clip"
      ><strong>${plain(display_name)}</strong>
      <span class="soft mono small" title=${plain(binary_path)}>${plain(id)} ${plain(version ?? '')}</span></span
    >
    ${why === undefined ? nothing : html`<span class="soft small clip" title=${plain(why)}>${plain(why)}</span>`}
    <car-badge tone=${isUsable ? (healthTones[health?.status ?? ''] ?? 'soft') : 'bad'}
      >${isUsable ? (health?.status ?? 'found').replaceAll('_', ' ') : 'unusable'}</car-badge
    >
    ${isUsable ? html`<a href=${linkTo('agent', id, 'chat')}>Give a task</a>` : nothing}
  </li>`;
}

customElements.define('car-agents', CarAgents);
