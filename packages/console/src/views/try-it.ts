// Any method of the daemon, called from a form that its schema makes, with the frames that go back and forth.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { client } from '../connection.ts';
import { frames, keepFrames, type Frame } from '../frames.ts';
import '../parts/badge.ts';
import { failed, loading } from '../parts/states.ts';
import { controls } from '../parts/styles.ts';
import { clock, duration, plain, textOf } from '../parts/text.ts';
import { formOf, paramsOf, type Field, type MethodSchema } from '../parts/schema-form.ts';
import { linkTo } from '../router.ts';
import { Loaded } from '../store/loaded.ts';
import { renderOn } from '../store/store.ts';

interface Answer {
  text: string;
  isError: boolean;
  tookMs: number;
}

const shownFrames = 40;

export class CarTryIt extends LitElement {
  static override properties = {
    method: {},
    filter: { state: true },
    answer: { state: true },
    isCalling: { state: true },
    problem: { state: true },
  };
  declare method: string | undefined;
  declare filter: string;
  declare answer: Answer | undefined;
  declare isCalling: boolean;
  declare problem: string | undefined;
  readonly #schemas = new Loaded(this, async () => {
    const { methods } = await client().server.schema({});
    return methods as unknown as MethodSchema[];
  });
  #keeping: Disposable | undefined;

  constructor() {
    super();
    this.filter = '';
    this.isCalling = false;
    renderOn(this, frames);
  }

  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(200px, 280px) 1fr;
        gap: 16px;
        height: 100%;
        min-height: 0;
      }
      .list {
        display: flex;
        flex-direction: column;
        gap: 8px;
        min-height: 0;
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        overflow: auto;
        flex: 1;
      }
      li a {
        display: block;
        padding: 4px 8px;
        border-radius: var(--radius);
        color: var(--text);
        text-decoration: none;
        font: 12.5px/1.5 var(--mono);
        overflow-wrap: anywhere;
      }
      li a:hover {
        background: var(--accent-surface);
      }
      li a[aria-current] {
        background: var(--accent-surface);
        color: var(--accent);
      }
      .call {
        overflow: auto;
        min-width: 0;
      }
      label {
        display: grid;
        gap: 4px;
      }
      form {
        display: grid;
        gap: var(--gap);
        max-width: 640px;
      }
      textarea {
        font: 12.5px/1.5 var(--mono);
        min-height: 3.2em;
        resize: vertical;
      }
      pre {
        margin: 0;
        padding: 10px;
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        overflow: auto;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        font: 12.5px/1.5 var(--mono);
        max-height: 45vh;
      }
      .bad {
        border-color: var(--bad);
      }
      .frame {
        display: grid;
        grid-template-columns: 20px 70px 1fr;
        gap: 8px;
        font: 12px/1.6 var(--mono);
        border-top: 1px solid var(--line);
      }
      @media (max-width: 720px) {
        :host {
          grid-template-columns: 1fr;
          grid-template-rows: 220px 1fr;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#keeping = keepFrames();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#keeping?.[Symbol.dispose]();
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('method')) return;
    this.answer = undefined;
    this.problem = undefined;
  }

  override render() {
    const { value: schemas, error } = this.#schemas;
    if (!schemas) return error ? failed('read the methods', error) : loading('the methods');
    const wanted = this.filter.toLowerCase();
    const shown = schemas.filter(({ name, summary }) => `${name} ${summary}`.toLowerCase().includes(wanted));
    const chosen = schemas.find(({ name }) => name === this.method);
    return html`
      <div class="list">
        <h1>Try it</h1>
        <input
          type="search"
          placeholder="${schemas.length} methods"
          aria-label="Find a method"
          .value=${this.filter}
          @input=${(event: InputEvent) => (this.filter = (event.target as HTMLInputElement).value)}
        />
        <ul tabindex="0" aria-label="Methods">
          ${shown.map(({ name }) => html`<li><a href=${linkTo('try', name)} aria-current=${name === this.method ? 'true' : nothing}>${name}</a></li>`)}
        </ul>
      </div>
      <div class="call stack" tabindex="0" aria-label="Call">
        ${chosen ? keyed(chosen.name, this.#call(chosen)) : html`<p class="soft">Choose a method. It is called for real, with the rights of this console.</p>`}
        ${this.#frames()}
      </div>
    `;
  }

  #call(schema: MethodSchema): TemplateResult {
    return html`
      <div class="row">
        <h2 class="mono">${schema.name}</h2>
        <car-badge tone=${schema.effect === 'read' ? 'good' : 'warn'}>${schema.effect}</car-badge>
        <car-badge>${schema.access}</car-badge>
      </div>
      <div>${schema.summary}</div>
      <form @submit=${(event: SubmitEvent) => void this.#submit(event, schema)}>
        ${formOf(schema).map((field) => fieldOf(field))}
        ${this.problem === undefined ? nothing : html`<div role="alert">${plain(this.problem)}</div>`}
        <div><button class="primary" ?disabled=${this.isCalling}>${this.isCalling ? 'Calling…' : 'Call'}</button></div>
      </form>
      ${
        this.answer
          ? html`<div class="soft" role="status">
                ${this.answer.isError ? 'Error' : 'Result'} after ${duration(this.answer.tookMs)}
              </div>
              <pre class=${this.answer.isError ? 'bad' : ''} tabindex="0">${this.answer.text}</pre>`
          : nothing
      }
    `;
  }

  #frames(): TemplateResult {
    const shown = frames.value.slice(-shownFrames).toReversed();
    if (shown.length === 0) return html``;
    return html`<details>
      <summary>Frames (${frames.value.length})</summary>
      ${shown.map(
        (frame: Frame) =>
          html`<div class="frame">
            <span aria-label=${frame.direction}>${frame.direction === 'sent' ? '→' : '←'}</span>
            <span class="soft">${clock(new Date(frame.at).toISOString())}</span>
            <span class="clip">${plain(frame.text)}</span>
          </div>`,
      )}
    </details>`;
  }

  async #submit(event: SubmitEvent, schema: MethodSchema): Promise<void> {
    event.preventDefault();
    const read = paramsOf(schema, new FormData(event.target as HTMLFormElement));
    this.problem = read.problem;
    if (read.problem !== undefined) return;
    this.isCalling = true;
    const startedMs = performance.now();
    try {
      const result = await client().request(schema.name, read.params);
      this.answer = { text: textOf(result, 2), isError: false, tookMs: performance.now() - startedMs };
    } catch (error) {
      const { code, message, data } = error as { code?: number; message: string; data?: unknown };
      this.answer = { text: textOf({ code, message, data }, 2), isError: true, tookMs: performance.now() - startedMs };
    } finally {
      this.isCalling = false;
    }
  }
}

function fieldOf({ name, kind, isRequired, choices, hint }: Field): TemplateResult {
  const label = html`<span
    ><span class="mono">${name}</span> <span class="soft">${isRequired ? hint : `${hint}, optional`}</span></span
  >`;
  switch (kind) {
    case 'choice':
      return html`<label
        >${label}
        <select name=${name}>
          ${isRequired ? nothing : html`<option value="">leave out</option>`}
          ${choices?.map((choice) => html`<option>${choice}</option>`)}
        </select>
      </label>`;
    case 'text':
    case 'number':
      return html`<label
        >${label}<input name=${name} inputmode=${kind === 'number' ? 'decimal' : 'text'} autocomplete="off"
      /></label>`;
    case 'json':
      return html`<label>${label}<textarea name=${name} spellcheck="false"></textarea></label>`;
  }
}

customElements.define('car-try-it', CarTryIt);
