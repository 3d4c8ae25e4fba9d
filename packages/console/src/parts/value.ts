// A value that somebody else wrote: readable, bounded, copied whole. Text is text, JSON is indented and coloured.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { bytes, plain, textOf } from './text.ts';

/** Characters shown before somebody asks for all. */
const shownCharacters = 4_000;
/** Beyond that, JSON has one colour: each colour is an element of the page. */
const colouredCharacters = 20_000;

export class CarValue extends LitElement {
  static override properties = {
    label: {},
    value: { attribute: false },
    marked: { attribute: false },
    isWhole: { state: true },
    copied: { state: true },
  };
  declare label: string;
  declare value: unknown;
  /** Lines to be marked, as they are shown. */
  declare marked: ReadonlySet<number> | undefined;
  declare isWhole: boolean;
  declare copied: '' | 'copied' | 'failed';
  #text = '';
  #isJson = false;

  constructor() {
    super();
    this.label = '';
    this.isWhole = false;
    this.copied = '';
  }

  static override styles = css`
    :host {
      display: block;
      min-width: 0;
    }
    .head {
      display: flex;
      align-items: baseline;
      gap: 10px;
      color: var(--text-soft);
      margin-bottom: 4px;
    }
    .label {
      flex: 1;
      font-weight: 600;
      font-size: 12.5px;
    }
    button {
      font: inherit;
      font-size: 12px;
      color: var(--accent);
      background: none;
      border: none;
      padding: 2px 4px;
      cursor: pointer;
      border-radius: 4px;
    }
    button:hover {
      text-decoration: underline;
    }
    :focus-visible {
      outline: 2px solid var(--accent);
      outline-offset: 1px;
    }
    pre {
      margin: 0;
      padding: 9px 11px;
      background: var(--page);
      border: 1px solid var(--line);
      border-radius: var(--radius);
      overflow: auto;
      white-space: pre-wrap;
      overflow-wrap: anywhere;
      font: 12.5px/1.55 var(--mono);
      max-height: 55vh;
    }
    .key {
      color: var(--accent);
    }
    .string {
      color: var(--good);
    }
    .other {
      color: var(--warn);
    }
    mark {
      color: inherit;
      background: var(--warn-surface);
      box-shadow: -3px 0 0 var(--warn);
    }
  `;

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('value')) return;
    const json = jsonOf(this.value);
    this.#isJson = json !== undefined;
    this.#text = json === undefined ? textOf(this.value) : JSON.stringify(json, undefined, 2);
    this.isWhole = false;
    this.copied = '';
  }

  override render() {
    const text = this.#text;
    const isCut = !this.isWhole && text.length > shownCharacters;
    const shown = plain(isCut ? wellFormed(text.slice(0, shownCharacters)) : text);
    return html`<div class="head">
        <span class="label">${this.label}</span>
        <button @click=${this.#copy} aria-label="Copy ${this.label.toLowerCase()}">
          ${this.copied === 'copied' ? 'Copied' : this.copied === 'failed' ? 'Could not copy' : 'Copy'}
        </button>
      </div>
      <pre tabindex="0" aria-label=${this.label}>${this.#content(shown)}${isCut ? '…' : nothing}</pre>
      ${
        isCut
          ? html`<button class="all" @click=${() => (this.isWhole = true)}>Show all (${bytes(text.length)})</button>`
          : nothing
      }`;
  }

  #content(text: string): unknown {
    if (this.marked) return markedLines(text, this.marked);
    return this.#isJson && text.length <= colouredCharacters ? coloured(text) : text;
  }

  /** As it was given, not as it is shown. */
  readonly #copy = async (): Promise<void> => {
    const { value } = this;
    try {
      await navigator.clipboard.writeText(typeof value === 'string' ? value : JSON.stringify(value, undefined, 2));
      this.copied = 'copied';
    } catch {
      this.copied = 'failed';
    }
  };
}

/** What is JSON, also where it was recorded as text; nothing for a text that is only a text. */
export function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? undefined;
  if (!/^\s*[[{]/.test(value)) return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** The text of a value as it is shown, for who compares two. */
export function shownText(value: unknown): string {
  const json = jsonOf(value);
  return plain(json === undefined ? textOf(value) : JSON.stringify(json, undefined, 2));
}

/** Not in the middle of a character. */
function wellFormed(text: string): string {
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function coloured(json: string): (string | TemplateResult)[] {
  const parts: (string | TemplateResult)[] = [];
  let last = 0;
  for (const match of json.matchAll(token)) {
    const [whole, string, colon] = match;
    parts.push(json.slice(last, match.index));
    const kind = string === undefined ? 'other' : colon === undefined ? 'string' : 'key';
    parts.push(html`<span class=${kind}>${string ?? whole}</span>`, colon ?? '');
    last = match.index + whole.length;
  }
  parts.push(json.slice(last));
  return parts;
}

function markedLines(text: string, marked: ReadonlySet<number>): (string | TemplateResult)[] {
  return text
    .split('\n')
    .flatMap((line, index) => [index === 0 ? '' : '\n', marked.has(index) ? html`<mark>${line || ' '}</mark>` : line]);
}

customElements.define('car-value', CarValue);
