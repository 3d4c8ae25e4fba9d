// What the daemon told its hosts, or what one session's journal has, newest last: filtered, held still, and looked into.
import type { HostEvent, HostSession, JournalEvent } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import '../parts/badge.ts';
import type { Tone } from '../parts/badge.ts';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled } from '../parts/styles.ts';
import { clock, counted, plain, textOf } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { linkTo } from '../router.ts';
import { followHost, hostView } from '../store/host-feed.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';

const rowHeight = 36;
const journalMs = 1_500;
const sessionsMs = 5_000;
const maxJournalEvents = 1_000;
const kindTones: readonly (readonly [RegExp, Tone])[] = [
  [/(?:error|failed|degraded|exceeded|crash|denied|gap)/, 'bad'],
  [/(?:requested|waiting|stopp)/, 'warn'],
  [/(?:resolved|recovered|completed|registered|started)/, 'good'],
];

export class CarEvents extends LitElement {
  static override properties = {
    source: { state: true },
    text: { state: true },
    kind: { state: true },
    agent: { state: true },
    session: { state: true },
    open: { state: true },
    held: { state: true },
  };
  /** Client id of the session whose journal is shown; empty for what hosts are told. */
  declare source: string;
  declare text: string;
  declare kind: string;
  declare agent: string;
  declare session: string;
  /** Id of the event that is shown in full. */
  declare open: string | undefined;
  /** What stands still while somebody reads; newer events are counted, and there when it goes on. */
  declare held: readonly HostEvent[] | undefined;
  readonly #sessions = new Loaded(this, () => client().host.sessions({}), sessionsMs);
  readonly #journal = new Loaded(this, () => this.#readJournal(), journalMs);
  /** As text for the search, made once for each event. */
  readonly #texts = new WeakMap<HostEvent, string>();

  constructor() {
    super();
    this.source = '';
    this.text = '';
    this.kind = '';
    this.agent = '';
    this.session = '';
    renderOn(this, hostView);
  }

  static override styles = [
    controls,
    filled,
    listStyles,
    css`
      .event {
        display: grid;
        grid-template-columns: 80px minmax(140px, 230px) 150px 1fr;
        gap: var(--gap);
        align-items: center;
        padding: 0 14px;
        border: none;
        border-bottom: 1px solid var(--line);
        border-radius: 0;
        background: none;
        text-align: start;
        min-width: 0;
      }
      .event:hover {
        background: var(--page);
      }
      .event:focus-visible {
        outline-offset: -2px;
      }
      .event[aria-expanded='true'] {
        background: var(--accent-surface);
      }
      .event car-badge {
        justify-self: start;
        max-width: 100%;
        overflow: hidden;
      }
      .filters > * {
        flex: 0 1 auto;
        max-width: 14em;
      }
      .filters input {
        flex: 1 1 200px;
        max-width: none;
      }
      button[aria-pressed='true'] {
        background: var(--warn-surface);
        border-color: var(--warn);
        color: var(--warn);
      }
      .open {
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        padding: 10px 14px;
        max-height: 45%;
        overflow: auto;
        display: flex;
        flex-direction: column;
        gap: 8px;
        flex: none;
      }
      pre {
        margin: 0;
        font: 12.5px/1.5 var(--mono);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      @media (max-width: 720px) {
        .event {
          grid-template-columns: 64px 1fr;
        }
        .optional {
          display: none;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    followHost();
    addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('keydown', this.#onKey);
  }

  #textOf(event: HostEvent): string {
    let text = this.#texts.get(event);
    if (text === undefined) this.#texts.set(event, (text = textOf(event).toLowerCase()));
    return text;
  }

  #shown(events: readonly HostEvent[]): readonly HostEvent[] {
    const wanted = this.text.trim().toLowerCase();
    const { kind, agent, session } = this;
    if (wanted === '' && kind === '' && agent === '' && session === '') return events;
    return events.filter(
      (event) =>
        (kind === '' || event.kind === kind) &&
        (agent === '' || agentOf(event) === agent) &&
        (session === '' || sessionOf(event) === session) &&
        (wanted === '' || this.#textOf(event).includes(wanted)),
    );
  }

  override render() {
    const { isReady, error } = hostView.value;
    if (!isReady) return error ? failed('read the events', error) : loading('the events');
    const live = this.source === '' ? hostView.value.events : (this.#journal.value ?? []);
    const events = this.held ?? live;
    const shown = this.#shown(events);
    const opened = events.find(({ id }) => id === this.open);
    const isFiltered = this.text.trim() !== '' || this.kind !== '' || this.agent !== '' || this.session !== '';
    return html`
      <div class="row spread">
        <h1>Events</h1>
        <div class="row">
          <span class="soft" role="status">${this.#count(shown.length, events.length, live)}</span>
          <button
            aria-pressed=${this.held !== undefined}
            @click=${() => (this.held = this.held === undefined ? live : undefined)}
          >
            ${this.held === undefined ? 'Pause' : 'Go on'}
          </button>
        </div>
      </div>
      <div class="row filters">
        ${this.#sources()}
        <input
          type="search"
          placeholder="Search in everything that is told"
          aria-label="Filter events"
          .value=${this.text}
          @input=${(event: InputEvent) => (this.text = (event.target as HTMLInputElement).value)}
        />
        ${this.#choice(
          'kind',
          'every kind',
          valuesOf(events, ({ kind }) => kind),
        )}
        ${this.source === '' ? this.#choice('agent', 'every agent', valuesOf(events, agentOf)) : nothing}
        ${this.source === '' ? this.#choice('session', 'every session', valuesOf(events, sessionOf)) : nothing}
      </div>
      ${this.source !== '' && this.#journal.error ? failed('read its journal', this.#journal.error) : nothing}
      ${
        shown.length === 0
          ? empty(
              isFiltered ? 'Nothing found' : 'No events yet',
              isFiltered
                ? 'None of the newest events fits these filters.'
                : this.source === ''
                  ? 'Agents, approvals, budgets and stores report here as things happen. What a session does is in its journal.'
                  : 'Each plan, action, decision and change of this session is written here before it is answered.',
            )
          : html`<car-virtual-list
              label="Events"
              ?follow=${this.held === undefined}
              .items=${shown}
              .rowHeight=${rowHeight}
              .key=${({ id }: HostEvent) => id}
              .row=${(event: HostEvent) => this.#row(event)}
            ></car-virtual-list>`
      }
      ${opened ? this.#detail(opened) : nothing}
    `;
  }

  #count(shown: number, all: number, live: readonly HostEvent[]): string {
    const last = this.held?.at(-1)?.sequence ?? 0;
    const missed = this.held === undefined ? 0 : live.filter(({ sequence }) => (sequence ?? 0) > last).length;
    const found = shown === all ? counted(all, 'event', 'events') : `${shown} of ${counted(all, 'event', 'events')}`;
    return missed === 0 ? found : `${found}, ${missed} newer`;
  }

  async #readJournal(): Promise<HostEvent[] | undefined> {
    const { source } = this;
    if (source === '') return undefined;
    const { events, total } = await client().host.session_events({ client_id: source, limit: maxJournalEvents });
    return events.map((event, at) => toHostEvent(event, total - events.length + at + 1));
  }

  #sources(): TemplateResult {
    const sessions = this.#sessions.value?.sessions ?? [];
    return html`<select
      aria-label="Whose events"
      @change=${(event: Event) => this.#follow((event.target as HTMLSelectElement).value)}
    >
      <option value="">What hosts are told</option>
      ${sessions.map(
        (each) =>
          html`<option value=${each.client_id} ?selected=${each.client_id === this.source}>
            Journal of ${plain(nameOf(each))}
          </option>`,
      )}
    </select>`;
  }

  #follow(source: string): void {
    this.source = source;
    this.kind = this.agent = this.session = '';
    this.held = this.open = undefined;
    this.#journal.value = undefined;
    void this.#journal.refresh();
  }

  #choice(name: 'kind' | 'agent' | 'session', every: string, values: readonly string[]): TemplateResult {
    // What was chosen stays a choice though no event of it is left.
    const options = this[name] === '' || values.includes(this[name]) ? values : [this[name], ...values];
    return html`<select
      aria-label=${`Only this ${name}`}
      @change=${(event: Event) => (this[name] = (event.target as HTMLSelectElement).value)}
    >
      <option value="">${every}</option>
      ${options.map((value) => html`<option value=${value} ?selected=${value === this[name]}>${plain(value)}</option>`)}
    </select>`;
  }

  #row(event: HostEvent): TemplateResult {
    return html`<button
      class="event"
      aria-expanded=${event.id === this.open}
      @click=${() => (this.open = event.id === this.open ? undefined : event.id)}
    >
      <span class="soft">${clock(event.timestamp)}</span>
      <car-badge tone=${toneOf(event.kind)}>${plain(event.kind)}</car-badge>
      <span class="clip soft optional">${plain(agentOf(event) ?? '')}</span>
      <span class="clip soft optional">${gistOf(event)}</span>
    </button>`;
  }

  #detail(event: HostEvent): TemplateResult {
    const approval = event.kind.startsWith('approval.') ? event.payload['id'] : undefined;
    return html`<section class="open" aria-label="Event">
      <div class="row spread">
        <div class="row">
          <car-badge tone=${toneOf(event.kind)}>${plain(event.kind)}</car-badge>
          <span class="soft"
            >${clock(event.timestamp)}${event.sequence === undefined ? '' : `, number ${event.sequence}`}</span
          >
          ${typeof approval === 'string' ? html`<a href=${linkTo('approvals', approval)}>the approval</a>` : nothing}
        </div>
        <button @click=${() => (this.open = undefined)}>Close</button>
      </div>
      <pre tabindex="0" aria-label="All of it">${textOf(event, 2)}</pre>
    </section>`;
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && !event.defaultPrevented) this.open = undefined;
  };
}

function nameOf({ agent_id, role, client_id }: HostSession): string {
  return agent_id ?? `${role} ${client_id}`;
}

/** Numbered from the first event of its journal, so that a row stays the same row. */
function toHostEvent({ kind, timestamp, action_id, proposal_id, data }: JournalEvent, number: number): HostEvent {
  const ids = { ...(action_id && { action_id }), ...(proposal_id && { proposal_id }) };
  return {
    id: String(number),
    sequence: number,
    kind,
    timestamp,
    message: '',
    payload: { ...ids, ...data },
  };
}

function agentOf({ agent_id, payload }: HostEvent): string | undefined {
  const named = payload['agent_id'];
  return agent_id ?? (typeof named === 'string' ? named : undefined);
}

function sessionOf({ payload }: HostEvent): string | undefined {
  const named = payload['client_id'] ?? payload['session_id'];
  return typeof named === 'string' ? named : undefined;
}

const maxChoices = 200;

function valuesOf(events: readonly HostEvent[], of: (event: HostEvent) => string | undefined): string[] {
  const values = new Set(events.map(of).filter((value) => value !== undefined));
  return [...values].toSorted().slice(0, maxChoices);
}

function toneOf(kind: string): Tone {
  return kindTones.find(([pattern]) => pattern.test(kind))?.[1] ?? 'soft';
}

const maxGistChars = 300;

function gistOf({ message, payload }: HostEvent): string {
  if (message) return plain(message).slice(0, maxGistChars);
  const { action } = payload;
  return (typeof action === 'string' ? plain(action) : textOf(payload)).slice(0, maxGistChars);
}

customElements.define('car-events', CarEvents);
