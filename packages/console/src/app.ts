// The frame of every view: where one can go, how the connection is, and the view itself, loaded when it is first needed.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { connection } from './connection.ts';
import './parts/badge.ts';
import { controls } from './parts/styles.ts';
import { linkTo, route } from './router.ts';
import { closeSession } from './session.ts';
import { followHost, hostView } from './store/host-feed.ts';
import { renderOn } from './store/store.ts';
import { failed, loading } from './parts/states.ts';

interface View {
  label: string;
  load: () => Promise<unknown>;
  render: (rest: readonly string[], query: URLSearchParams) => TemplateResult;
  /** The view of the navigation that it is reached from; it is not in the navigation itself. */
  within?: string;
}

const views: Readonly<Record<string, View>> = {
  now: { label: 'Now', load: () => import('./views/now.ts'), render: () => html`<car-now></car-now>` },
  approvals: {
    label: 'Approvals',
    load: () => import('./views/approvals.ts'),
    render: ([id, digest]) =>
      html`<car-approvals
        .approvalId=${id === 'plan' ? undefined : id}
        .planDigest=${id === 'plan' ? digest : undefined}
      ></car-approvals>`,
  },
  runs: {
    label: 'Runs',
    load: () => import('./views/runs.ts'),
    render: (_rest, query) => html`<car-runs .query=${query}></car-runs>`,
  },
  run: {
    label: 'Run',
    load: () => import('./views/run.ts'),
    render: ([id = '', turn], query) =>
      html`<car-run
        .runId=${id}
        .turn=${turn === undefined ? undefined : Number(turn)}
        .against=${query.get('against') ?? undefined}
        .tab=${query.get('tab') === 'graph' ? 'graph' : 'timeline'}
      ></car-run>`,
    within: 'runs',
  },
  agents: { label: 'Agents', load: () => import('./views/agents.ts'), render: () => html`<car-agents></car-agents>` },
  agent: {
    label: 'Agent',
    load: () => import('./views/agent.ts'),
    render: ([id = '', tab = '', open]) => html`<car-agent .agentId=${id} .tab=${tab} .open=${open}></car-agent>`,
    within: 'agents',
  },
  memory: {
    label: 'Memory',
    load: () => Promise.all([import('./views/memory.ts'), import('./views/memory-fact.ts')]),
    render: ([factId], query) => html`<car-memory .factId=${factId} .query=${query}></car-memory>`,
  },
  events: {
    label: 'Events',
    load: () => import('./views/events.ts'),
    render: () => html`<car-events></car-events>`,
  },
  rules: {
    label: 'Rules',
    load: () => import('./views/rules.ts'),
    render: ([sessionId]) => html`<car-rules .sessionId=${sessionId}></car-rules>`,
  },
  metrics: {
    label: 'Metrics',
    load: () => import('./views/metrics.ts'),
    render: () => html`<car-metrics></car-metrics>`,
  },
  try: {
    label: 'Try it',
    load: () => import('./views/try-it.ts'),
    render: ([method]) => html`<car-try-it .method=${method}></car-try-it>`,
  },
};

const themes = ['system', 'light', 'dark'] as const;
const themeKey = 'car.theme';

export class CarApp extends LitElement {
  #loaded = new Map<string, 'loading' | 'ready' | Error>();
  #shown: string | undefined;
  #theme: (typeof themes)[number] = 'system';

  constructor() {
    super();
    renderOn(this, connection, route, hostView);
    followHost();
    this.#setTheme((localStorage.getItem(themeKey) as (typeof themes)[number] | null) ?? 'system');
  }

  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        grid-template: auto 1fr / auto 1fr;
        height: 100dvh;
      }
      header {
        grid-column: 1 / -1;
        display: flex;
        align-items: center;
        gap: 16px;
        padding: 8px 16px;
        border-bottom: 1px solid var(--line);
        background: var(--surface);
      }
      .name {
        font-weight: 650;
        letter-spacing: 0.02em;
      }
      .space {
        flex: 1;
      }
      nav {
        padding: 12px 8px;
        border-right: 1px solid var(--line);
        background: var(--surface);
        display: flex;
        flex-direction: column;
        gap: 2px;
        min-width: 150px;
      }
      nav a {
        color: var(--text);
        text-decoration: none;
        padding: 6px 12px;
        border-radius: var(--radius);
        white-space: nowrap;
      }
      nav a:hover {
        background: var(--page);
      }
      nav a[aria-current] {
        background: var(--accent-surface);
        color: var(--accent);
        font-weight: 600;
      }
      main {
        overflow: auto;
        padding: 20px 24px;
        min-width: 0;
      }
      .banner {
        padding: 6px 16px;
        background: var(--warn-surface);
        color: var(--warn);
        grid-column: 1 / -1;
      }
      .skip {
        position: absolute;
        left: -999px;
      }
      .skip:focus {
        left: 8px;
        top: 8px;
        z-index: 1;
      }
      .door {
        grid-column: 1 / -1;
        place-self: center;
        max-width: 34em;
      }
      @media (max-width: 720px) {
        :host {
          grid-template: auto auto 1fr / 1fr;
        }
        nav {
          flex-direction: row;
          overflow-x: auto;
          border-right: none;
          border-bottom: 1px solid var(--line);
          min-width: 0;
          padding: 6px 8px;
        }
        main {
          padding: 14px 12px;
        }
      }
    `,
  ];

  override render() {
    const { state, session } = connection.value;
    return html`
      <a class="skip" href="#main" @click=${this.#skip}>Skip to content</a>
      <header>
        <span class="name">CAR</span>
        <span class="space"></span>
        ${this.#status()}
        <button @click=${this.#nextTheme} aria-label="Theme: ${this.#theme}. Change it">
          ${themeIcons[this.#theme]}
        </button>
      </header>
      ${state === 'no-session' ? noSession(session) : this.#content()}
    `;
  }

  #content(): TemplateResult {
    const { view, rest, query } = route.value;
    const known = views[view];
    return html`
      <nav aria-label="Views">
        ${Object.entries(views)
          .filter(([, each]) => each.within === undefined)
          .map(
            ([name, each]) =>
              html`<a
                href=${linkTo(name)}
                aria-current=${name === view ? 'page' : name === known?.within ? 'true' : nothing}
                >${each.label}${name === 'approvals' ? this.#waiting() : nothing}</a
              >`,
          )}
      </nav>
      <main id="main" tabindex="-1">
        ${known ? this.#show(view, known, rest, query) : html`<p>There is no view “${view}”.</p>`}
      </main>
    `;
  }

  #show(name: string, view: View, rest: readonly string[], query: URLSearchParams): TemplateResult {
    const state = this.#loaded.get(name);
    if (state === 'ready') return view.render(rest, query);
    if (state instanceof Error) return failed(`load ${view.label}`, state);
    if (state === undefined) {
      this.#loaded.set(name, 'loading');
      view
        .load()
        .then(
          () => this.#loaded.set(name, 'ready'),
          (error: Error) => this.#loaded.set(name, error),
        )
        .finally(() => this.requestUpdate());
    }
    return loading(view.label);
  }

  #waiting(): TemplateResult | typeof nothing {
    const { length } = hostView.value.pending;
    return length === 0 ? nothing : html` <car-badge tone="warn" aria-label="${length} waiting">${length}</car-badge>`;
  }

  #status(): TemplateResult {
    const { state, serverVersion } = connection.value;
    if (state === 'connected')
      return html`<car-badge tone="good"
        >● connected to ${serverVersion === undefined ? 'the daemon' : `CAR ${serverVersion}`}</car-badge
      >`;
    if (state === 'no-session') return html`<car-badge tone="soft">○ signed out</car-badge>`;
    return html`<car-badge tone="warn" role="status"
      >◌ ${state === 'starting' ? 'connecting' : 'reconnecting'}…</car-badge
    >`;
  }

  /** On a narrow screen the navigation scrolls. */
  override updated(): void {
    const { view } = route.value;
    if (view === this.#shown) return;
    const current = this.renderRoot.querySelector<HTMLElement>('nav a[aria-current]');
    if (!current) return;
    this.#shown = view;
    current.scrollIntoView({ block: 'nearest', inline: 'center' });
  }

  #skip(event: Event): void {
    event.preventDefault();
    this.renderRoot.querySelector<HTMLElement>('#main')?.focus();
  }

  #nextTheme(): void {
    this.#setTheme(themes[(themes.indexOf(this.#theme) + 1) % themes.length] ?? 'system');
    this.requestUpdate();
  }

  #setTheme(theme: (typeof themes)[number]): void {
    this.#theme = themes.includes(theme) ? theme : 'system';
    localStorage.setItem(themeKey, this.#theme);
    document.documentElement.dataset['theme'] = this.#theme;
  }

  /** For the menu of a later view. */
  static signOut(): void {
    void closeSession().then(() => location.reload());
  }
}

const themeIcons = { system: '◐', light: '☀', dark: '☾' };

function noSession(session: string | undefined): TemplateResult {
  return html`<div class="door card stack" role="alert">
    <h1>${session === 'used' ? 'This link was used already' : 'Open the console from a terminal'}</h1>
    <p class="soft">
      ${session === 'used' ? 'A link works once, and for a minute.' : 'This browser has no session with the daemon, or it is over.'}
      Run <code>car console</code> on this machine for a new one.
    </p>
  </div>`;
}

customElements.define('car-app', CarApp);
