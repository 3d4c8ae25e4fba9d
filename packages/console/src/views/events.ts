// What the daemon told its hosts, newest last, with filters.
import type { HostEvent } from '@car-runtime/protocol';
import { css, html, LitElement, nothing } from 'lit';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled } from '../parts/styles.ts';
import { clock, plain, textOf } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { followHost, hostView } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';

export class CarEvents extends LitElement {
  static override properties = { filter: { state: true }, open: { state: true } };
  declare filter: string;
  /** Id of the event that is shown in full. */
  declare open: string | undefined;

  constructor() {
    super();
    this.filter = '';
    renderOn(this, hostView);
  }

  static override styles = [
    controls,
    filled,
    listStyles,
    css`
      .event {
        display: grid;
        grid-template-columns: 80px minmax(120px, 220px) 140px 1fr;
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
      .event[aria-expanded='true'] {
        background: var(--accent-surface);
      }
      pre {
        margin: 0;
        padding: 12px;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        overflow: auto;
        max-height: 40vh;
        font: 12.5px/1.5 var(--mono);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      @media (max-width: 720px) {
        .event {
          grid-template-columns: 70px 1fr;
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
  }

  override render() {
    const { isReady, error, events } = hostView.value;
    if (!isReady) return error ? failed('read the events', error) : loading('the events');
    const wanted = this.filter.toLowerCase();
    const shown = wanted === '' ? events : events.filter((event) => textOf(event).toLowerCase().includes(wanted));
    const opened = events.find(({ id }) => id === this.open);
    return html`
      <div class="row spread">
        <h1>Events</h1>
        <input
          type="search"
          placeholder="Filter by kind, agent or content"
          aria-label="Filter events"
          .value=${this.filter}
          @input=${(event: InputEvent) => (this.filter = (event.target as HTMLInputElement).value)}
        />
      </div>
      ${
        shown.length === 0
          ? empty(
              wanted === '' ? 'No events yet' : 'Nothing found',
              'Agents, approvals, budgets and stores report here.',
            )
          : html`<car-virtual-list
              label="Events"
              ?follow=${wanted === ''}
              .items=${shown}
              .rowHeight=${36}
              .key=${({ id }: HostEvent) => id}
              .row=${(event: HostEvent) =>
                html`<button
                  class="event"
                  aria-expanded=${event.id === this.open}
                  @click=${() => (this.open = event.id === this.open ? undefined : event.id)}
                >
                  <span class="soft">${clock(event.timestamp)}</span>
                  <span class="mono clip">${plain(event.kind)}</span>
                  <span class="clip soft optional">${plain(event.agent_id ?? '')}</span>
                  <span class="clip soft optional"
                    >${event.message ? plain(event.message) : textOf(event.payload).slice(0, 300)}</span
                  >
                </button>`}
            ></car-virtual-list>`
      }
      ${opened ? html`<pre tabindex="0" aria-label="Event">${textOf(opened, 2)}</pre>` : nothing}
    `;
  }
}

customElements.define('car-events', CarEvents);
