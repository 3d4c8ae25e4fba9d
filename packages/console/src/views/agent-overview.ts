// How one agent is doing: figures, what it used over the last hour, what happened to it, and how it is run.
import type { ManagedAgent } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import { agentTones } from '../parts/agent-actions.ts';
import '../parts/badge.ts';
import { confirmed } from '../parts/confirm.ts';
import '../parts/plot.ts';
import { controls } from '../parts/styles.ts';
import { ago, bytes, clock, plain, textOf } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { agentView, samplesOf, type Change } from '../store/agent-feed.ts';
import { hostView } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';
import { uptime } from './agents.ts';

const shownChanges = 30;
/** What changes by itself is shown above; the rest is how it is run. */
const runtimeFields: ReadonlySet<string> = new Set<keyof ManagedAgent>([
  ...([
    'status',
    'pid',
    'last_exit_code',
    'restart_count',
    'started_at',
    'blocked_by_pid',
    'attached',
    'session_id',
  ] as const),
  ...(['last_signal', 'last_error', 'retry_at', 'resources'] as const),
]);

export class CarAgentOverview extends LitElement {
  static override properties = { agentId: {}, problem: { state: true } };
  declare agentId: string;
  declare problem: string | undefined;

  constructor() {
    super();
    this.agentId = '';
    renderOn(this, agentView, hostView);
  }

  static override styles = [
    controls,
    css`
      .figures {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(120px, 1fr));
        gap: var(--gap);
      }
      .figure {
        font-size: 20px;
        font-variant-numeric: tabular-nums;
      }
      .plots {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr));
        gap: var(--gap);
      }
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
      }
      li {
        display: flex;
        gap: 12px;
        padding: 5px 0;
        align-items: center;
      }
      li + li {
        border-top: 1px solid var(--line);
      }
      pre {
        margin: 0;
        padding: 10px 12px;
        background: var(--page);
        border-radius: var(--radius);
        overflow: auto;
        max-height: 50vh;
        font: 12.5px/1.5 var(--mono);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .problem {
        color: var(--bad);
        overflow-wrap: anywhere;
      }
      button.danger {
        background: var(--bad-surface);
        border-color: var(--bad);
        color: var(--bad);
      }
    `,
  ];

  override render(): TemplateResult | typeof nothing {
    const agent = agentView.value.agents.get(this.agentId);
    if (!agent) return nothing;
    return html`<div class="stack">
      ${this.#figures(agent)} ${this.#plots(agent)} ${this.#changes()} ${this.#manifest(agent)}
    </div>`;
  }

  #figures(agent: ManagedAgent): TemplateResult {
    const { status, started_at, restart_count, max_restarts, pid, last_exit_code, last_signal, last_error, resources } =
      agent;
    const figures: [string, string][] = [
      ['up', uptime(status, started_at) || '–'],
      ['restarts', `${restart_count} of ${max_restarts}`],
      ['process', pid == null ? '–' : String(pid)],
      ['processes', resources ? String(resources.processes) : '–'],
      ['CPU', resources ? `${resources.cpu_percent.toFixed(1)} %` : '–'],
      ['memory', resources ? bytes(resources.rss_bytes) : '–'],
      ['last exit', last_signal ?? (last_exit_code == null ? '–' : String(last_exit_code))],
    ];
    return html`<section class="card stack" aria-label="How it is doing">
      <div class="figures">
        ${figures.map(
          ([name, text]) =>
            html`<div>
              <div class="soft">${name}</div>
              <div class="figure">${plain(text)}</div>
            </div>`,
        )}
      </div>
      ${last_error === undefined ? nothing : html`<div class="problem">${plain(last_error)}</div>`}
      <div class="row">
        <a href=${linkTo('agent', agent.id, 'logs')}>What it writes</a>
        <a href=${linkTo('agent', agent.id, 'chat')}>Talk to it</a>
      </div>
    </section>`;
  }

  #plots({ id, status }: ManagedAgent): TemplateResult | typeof nothing {
    const samples = samplesOf(id);
    if (samples.length === 0)
      return status === 'running'
        ? html`<p class="soft">What it uses is shown here in a few seconds, where the daemon can tell (Linux).</p>`
        : nothing;
    const times = samples.map(({ at }) => at);
    const cpu = [{ label: 'CPU', values: samples.map(({ cpuPercent }) => cpuPercent), color: '--accent' }];
    const memory = [{ label: 'memory', values: samples.map(({ rssBytes }) => rssBytes), color: '--good' }];
    return html`<div class="plots">
      <section class="card stack" aria-label="CPU">
        <h2>CPU <span class="soft">of one core</span></h2>
        <car-plot label="CPU over time" .times=${times} .series=${cpu} .format=${percent}></car-plot>
      </section>
      <section class="card stack" aria-label="Memory">
        <h2>Memory <span class="soft">resident, all its processes</span></h2>
        <car-plot label="Memory over time" .times=${times} .series=${memory} .format=${bytes}></car-plot>
      </section>
    </div>`;
  }

  #changes(): TemplateResult {
    const own = agentView.value.changes.filter(({ agentId }) => agentId === this.agentId);
    return html`<section class="card stack" aria-label="What happened">
      <h2>What happened <span class="soft">since this page was opened</span></h2>
      ${
        own.length === 0
          ? html`<span class="soft">Nothing yet.</span>`
          : html`<ol>
              ${own.slice(-shownChanges).toReversed().map(changeRow)}
            </ol>`
      }
    </section>`;
  }

  #manifest(agent: ManagedAgent): TemplateResult {
    const spec = Object.fromEntries(Object.entries(agent).filter(([name]) => !runtimeFields.has(name)));
    const isObserver = hostView.value.identity?.manifest_role === 'observer';
    return html`<section class="card stack" aria-label="How it is run">
      <div class="row spread">
        <h2>How it is run</h2>
        ${isObserver ? nothing : html`<button class="danger" @click=${() => void this.#remove(agent)}>Remove…</button>`}
      </div>
      ${this.problem === undefined ? nothing : html`<div class="problem" role="alert">${plain(this.problem)}</div>`}
      <pre tabindex="0" aria-label="Manifest">${textOf(spec, 2)}</pre>
      <span class="soft">Changed with <code>agents.upsert</code>, in force from the next start.</span>
    </section>`;
  }

  async #remove({ id, name }: ManagedAgent): Promise<void> {
    const isSure = await confirmed({
      title: `Remove ${plain(name)}?`,
      text: 'It is stopped, and the daemon forgets how it is run and its token. Its own files stay.',
      action: 'Remove',
    });
    if (!isSure) return;
    try {
      await client().agents.remove({ id });
      location.hash = linkTo('agents');
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }
}

function changeRow({ at, kind, agent }: Change): TemplateResult {
  const time = new Date(at).toISOString();
  return html`<li>
    <span class="soft mono" title=${time}>${clock(time)}</span>
    ${
      kind === 'status' && agent
        ? html`<car-badge tone=${agentTones[agent.status]}>${agent.status}</car-badge>`
        : html`<car-badge tone=${kind === 'attached' ? 'good' : 'soft'}>${changeTexts[kind] ?? kind}</car-badge>`
    }
    <span class="soft clip"
      >${agent?.last_error === undefined || kind !== 'status' ? '' : plain(agent.last_error)}</span
    >
    <span class="soft">${ago(at)}</span>
  </li>`;
}

const changeTexts: Readonly<Record<string, string>> = {
  attached: 'connected',
  detached: 'disconnected',
  upserted: 'stored',
};

function percent(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} %`;
}

customElements.define('car-agent-overview', CarAgentOverview);
