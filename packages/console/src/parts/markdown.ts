// Markdown that an agent wrote. Two independent looks at it: markdown-it with HTML off, and DOMPurify, which lets nothing pass
// but a list of harmless elements. Links lead to http, https and mailto only; images are shown as links, since loading one
// tells its server who reads; text that hides or reorders what is read is shown as its code point.
import DOMPurify from 'dompurify';
import { css, LitElement, type PropertyValues } from 'lit';
import MarkdownIt from 'markdown-it';
import { prose } from './text.ts';

/** Longer text is shown as it is: laying it out would take longer than a person waits. In characters. */
export const maxMarkdownLength = 200_000;

/** Of the time of growing text, this much is rest for each part of laying out. */
const restFactor = 6;

const parser = new MarkdownIt({ html: false, linkify: true, breaks: true });
parser.renderer.rules['image'] = (tokens, index) => {
  const token = tokens[index];
  const { escapeHtml } = parser.utils;
  const label = `image: ${token?.content || 'without a description'}`;
  const source = String(token?.attrGet('src') ?? '');
  return /^https?:/i.test(source)
    ? `<a href="${escapeHtml(source)}">${escapeHtml(label)}</a>`
    : escapeHtml(`[${label}]`);
};
// The alignment of a column is a style attribute, which the content policy does not allow.
for (const cell of ['th_open', 'td_open'] as const) parser.renderer.rules[cell] = () => `<${cell.slice(0, 2)}>`;

const purify = DOMPurify(window);
purify.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName !== 'A') return;
  node.setAttribute('target', '_blank');
  node.setAttribute('rel', 'noopener noreferrer');
  // What a link says and where it leads are two things.
  node.setAttribute('title', node.getAttribute('href') ?? '');
});

const allowed = {
  ALLOWED_TAGS: [
    ...['a', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol', 'p', 'pre'],
    ...['s', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ],
  ALLOWED_ATTR: ['href', 'title', 'start'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
} as const;

/** The harmless part of what markdown says. */
export function toFragment(text: string): DocumentFragment {
  // The types know no literal lists.
  return purify.sanitize(parser.render(prose(text)), allowed as unknown as { RETURN_DOM_FRAGMENT: true });
}

export class CarMarkdown extends LitElement {
  static override properties = { text: { attribute: false } };
  declare text: string;

  static override styles = css`
    :host {
      display: block;
      overflow-wrap: anywhere;
      min-width: 0;
    }
    * {
      box-sizing: border-box;
    }
    :host > *:first-child,
    .content > *:first-child {
      margin-top: 0;
    }
    .content > *:last-child {
      margin-bottom: 0;
    }
    .as-it-is {
      white-space: pre-wrap;
    }
    p,
    ul,
    ol,
    blockquote,
    table,
    .code {
      margin: 0 0 10px;
    }
    h1,
    h2,
    h3,
    h4,
    h5,
    h6 {
      font-size: 1.05em;
      line-height: 1.3;
      margin: 16px 0 6px;
    }
    h1 {
      font-size: 1.25em;
    }
    h2 {
      font-size: 1.15em;
    }
    ul,
    ol {
      padding-inline-start: 1.5em;
    }
    a {
      color: var(--accent);
    }
    a:focus-visible,
    button:focus-visible,
    pre:focus-visible {
      outline: 2px solid var(--accent);
      outline-offset: 1px;
    }
    blockquote {
      border-inline-start: 3px solid var(--line);
      padding-inline-start: 12px;
      color: var(--text-soft);
    }
    code {
      font: 0.92em/1.5 var(--mono);
      background: var(--page);
      border-radius: 4px;
      padding: 1px 4px;
    }
    .code {
      border: 1px solid var(--line);
      border-radius: var(--radius);
      overflow: hidden;
      background: var(--page);
      position: relative;
    }
    .code pre {
      margin: 0;
      padding: 10px 12px;
      overflow: auto;
      max-height: 60vh;
    }
    .code code {
      padding: 0;
      background: none;
      overflow-wrap: normal;
    }
    .code button {
      font: inherit;
      font-size: 12px;
      position: absolute;
      inset: 6px 6px auto auto;
      padding: 2px 8px;
      color: var(--text-soft);
      background: var(--surface-raised);
      border: 1px solid var(--line);
      border-radius: 6px;
      cursor: pointer;
    }
    .table {
      overflow-x: auto;
    }
    table {
      border-collapse: collapse;
    }
    th,
    td {
      border: 1px solid var(--line);
      padding: 4px 8px;
      text-align: start;
    }
    hr {
      border: none;
      border-top: 1px solid var(--line);
    }
  `;

  readonly #content = document.createElement('div');
  /** Of each block that is on the page, what it was made of. */
  #blocks: string[] = [];
  #laidOutAt = 0;
  #costMs = 0;

  constructor() {
    super();
    this.text = '';
    this.#content.className = 'content';
  }

  override render(): HTMLElement {
    return this.#content;
  }

  /** Text that grows is laid out anew as a whole: the longer that takes, the less often it is done. */
  protected override async scheduleUpdate(): Promise<void> {
    const restMs = this.#laidOutAt + restFactor * this.#costMs - performance.now();
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    await super.scheduleUpdate();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('text')) return;
    const startedAt = performance.now();
    const isLong = this.text.length > maxMarkdownLength;
    this.#content.classList.toggle('as-it-is', isLong);
    if (isLong) {
      this.#blocks = [];
      this.#content.textContent = prose(this.text);
    } else this.#replaceChanged(toFragment(this.text));
    this.#laidOutAt = performance.now();
    this.#costMs = this.#laidOutAt - startedAt;
  }

  /** Blocks that are the same stay, so text that is selected stays selected while more arrives. */
  #replaceChanged(fragment: DocumentFragment): void {
    const blocks = [...fragment.children];
    const made = blocks.map(({ outerHTML }) => outerHTML);
    let same = 0;
    while (same < made.length && made[same] === this.#blocks[same]) same++;
    while (this.#content.children.length > same) this.#content.lastElementChild?.remove();
    if (same === 0) this.#content.textContent = '';
    for (const block of blocks.slice(same)) this.#content.append(dressed(block));
    this.#blocks = made;
  }
}

/** Code with its button, tables that scroll by themselves. */
function dressed(block: Element): Element {
  for (const pre of block.tagName === 'PRE' ? [block] : block.querySelectorAll('pre')) {
    const code = document.createElement('div');
    code.className = 'code';
    pre.replaceWith(code);
    (pre as HTMLElement).tabIndex = 0;
    code.append(
      pre,
      copyButton(() => pre.textContent),
    );
    if (pre === block) block = code;
  }
  if (block.tagName !== 'TABLE') return block;
  const scrolled = document.createElement('div');
  scrolled.className = 'table';
  scrolled.append(block);
  return scrolled;
}

function copyButton(text: () => string | null): HTMLButtonElement {
  const button = document.createElement('button');
  button.textContent = 'Copy';
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(text() ?? '').then(
      () => (button.textContent = 'Copied'),
      () => (button.textContent = 'Not allowed'),
    );
  });
  return button;
}

customElements.define('car-markdown', CarMarkdown);
