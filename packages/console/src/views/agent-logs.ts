// What an agent writes, live: searched, filtered, paused.
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { empty, failed, loading } from '../parts/states.ts';
import { controls, filled } from '../parts/styles.ts';
import { clock, plain } from '../parts/text.ts';
import { listStyles } from '../parts/virtual-list.ts';
import { AgentLog, type Level, type LogLine } from '../store/agent-log.ts';

const levels: readonly Level[] = ['error', 'warn', 'info', 'debug'];

export class CarAgentLogs extends LitElement {
  static override properties = {
    agentId: {},
    text: { state: true },
    stream: { state: true },
    level: { state: true },
    paused: { state: true },
    opened: { state: true },
  };
  declare agentId: string;
  declare text: string;
  declare stream: LogLine['stream'] | '';
  declare level: Level | '';
  /** The lines there were when somebody paused. */
  declare paused: readonly LogLine[] | undefined;
  /** The line that is shown in full. */
  declare opened: LogLine | undefined;
  #log: AgentLog | undefined;

  constructor() {
    super();
    this.agentId = '';
    this.text = '';
    this.stream = '';
    this.level = '';
  }

  static override styles = [
    controls,
    filled,
    listStyles,
    css`
      .line {
        display: grid;
        grid-template-columns: 64px 3px 1fr;
        gap: 10px;
        align-items: center;
        padding: 0 10px;
        border: none;
        border-radius: 0;
        background: none;
        text-align: start;
        font: 12.5px/20px var(--mono);
        color: inherit;
        min-width: 0;
      }
      .line:hover,
      .line[aria-expanded='true'] {
        background: var(--accent-surface);
      }
      .mark {
        height: 16px;
        border-radius: 2px;
      }
      .stderr .mark {
        background: var(--warn);
      }
      .error .mark {
        background: var(--bad);
      }
      .error .text {
        color: var(--bad);
      }
      .warn .text {
        color: var(--warn);
      }
      .debug .text,
      .page .text {
        color: var(--text-soft);
      }
      .page .text {
        font-style: italic;
      }
      .text {
        white-space: pre;
      }
      mark {
        background: var(--warn-surface);
        color: var(--warn);
        outline: 1px solid var(--warn);
        border-radius: 2px;
      }
      pre {
        margin: 0;
        padding: 12px;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        overflow: auto;
        max-height: 35vh;
        font: 12.5px/1.5 var(--mono);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      input[type='search'] {
        flex: 1;
        min-width: min(200px, 100%);
      }
      @media (max-width: 720px) {
        .line {
          grid-template-columns: 3px 1fr;
        }
        .at {
          display: none;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('agentId') && this.#log?.agentId !== this.agentId) {
      this.#stop();
      this.#follow();
    }
  }

  #follow(): void {
    if (this.#log || this.agentId === '') return;
    this.paused = undefined;
    this.opened = undefined;
    let frame = 0;
    this.#log = new AgentLog(this.agentId, () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        this.requestUpdate();
      });
    });
  }

  #stop(): void {
    this.#log?.[Symbol.dispose]();
    this.#log = undefined;
  }

  override render(): TemplateResult {
    const log = this.#log;
    if (!log) return loading('the log');
    if (!log.isReady) return log.error ? failed('read the log', log.error) : loading('the log');
    // A copy: the list looks whether it got another one.
    const all = this.paused ?? [...log.lines];
    const wanted = this.text.toLowerCase();
    const isFiltered = wanted !== '' || this.stream !== '' || this.level !== '';
    const shown = isFiltered ? all.filter((line) => this.#isWanted(line, wanted)) : all;
    return html`
      ${this.#controls(shown.length, all.length)}
      ${
        shown.length === 0
          ? all.length === 0
            ? empty(
                'Nothing was written yet',
                'Standard output and standard error of the agent appear here as they come.',
              )
            : empty('Nothing found', 'No line that is here matches.')
          : html`<car-virtual-list
              label="Log"
              ?follow=${!this.paused}
              .items=${shown}
              .rowHeight=${20}
              .key=${({ number }: LogLine) => number}
              .row=${(line: LogLine) => this.#row(line)}
            ></car-virtual-list>`
      }
      ${this.opened ? html`<pre tabindex="0" aria-label="Line">${plain(this.opened.text)}</pre>` : nothing}
      ${
        log.hasMore
          ? html`<div class="soft">
              Older lines are in the files of the log: <code>npx car agents logs ${plain(this.agentId)} --lines 0</code>
            </div>`
          : nothing
      }
    `;
  }

  #isWanted({ text, stream, level }: LogLine, wanted: string): boolean {
    if (this.stream !== '' && stream !== this.stream) return false;
    if (this.level !== '' && level !== this.level) return false;
    return wanted === '' || text.toLowerCase().includes(wanted);
  }

  #controls(shown: number, all: number): TemplateResult {
    const missed = this.paused ? (this.#log?.lines.at(-1)?.number ?? 0) - (this.paused.at(-1)?.number ?? 0) : 0;
    return html`<div class="row">
      <input
        type="search"
        placeholder="Search the log"
        aria-label="Search the log"
        .value=${this.text}
        @input=${(event: InputEvent) => (this.text = (event.target as HTMLInputElement).value)}
      />
      <select
        aria-label="Stream"
        @change=${(event: Event) => (this.stream = (event.target as HTMLSelectElement).value as LogLine['stream'] | '')}
      >
        <option value="">both streams</option>
        <option value="stdout">output</option>
        <option value="stderr">errors</option>
      </select>
      <select
        aria-label="Level"
        @change=${(event: Event) => (this.level = (event.target as HTMLSelectElement).value as Level | '')}
      >
        <option value="">any level</option>
        ${levels.map((level) => html`<option>${level}</option>`)}
      </select>
      <button aria-pressed=${this.paused !== undefined} @click=${this.#pause}>
        ${this.paused ? (missed > 0 ? `Follow (${missed} new)` : 'Follow') : 'Pause'}
      </button>
      <span class="soft" role="status">${shown === all ? `${all} lines` : `${shown} of ${all} lines`}</span>
    </div>`;
  }

  readonly #pause = (): void => {
    this.paused = this.paused ? undefined : [...(this.#log?.lines ?? [])];
  };

  #row(line: LogLine): TemplateResult {
    const { at, stream, level } = line;
    const isOpen = this.opened?.number === line.number;
    return html`<button
      class="line ${stream ?? 'page'} ${level ?? ''}"
      aria-expanded=${isOpen}
      @click=${() => (this.opened = isOpen ? undefined : line)}
    >
      <span class="at soft">${clock(at)}</span>
      <span class="mark"></span>
      <span class="text clip">${this.#marked(plain(line.text.slice(0, 2_000)))}</span>
    </button>`;
  }

  /** The text with what is searched for marked. */
  #marked(text: string): unknown {
    const at = this.text === '' ? -1 : text.toLowerCase().indexOf(this.text.toLowerCase());
    if (at === -1) return text;
    const end = at + this.text.length;
    return html`${text.slice(0, at)}<mark>${text.slice(at, end)}</mark>${text.slice(end)}`;
  }
}

customElements.define('car-agent-logs', CarAgentLogs);
