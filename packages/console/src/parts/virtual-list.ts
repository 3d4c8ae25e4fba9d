// A list of any length that renders what is on screen. Rows have one height, so where a row stands is arithmetic.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { styled } from './styled.ts';

const overscan = 6;

/** For the styles of whoever uses the list. */
export const listStyles = css`
  car-virtual-list {
    display: block;
    overflow: auto;
    contain: strict;
    overflow-anchor: none;
  }
  car-virtual-list > .all {
    position: relative;
  }
  car-virtual-list > .all > div {
    position: absolute;
    inset-inline: 0;
    display: grid;
  }
`;

export class CarVirtualList<T> extends LitElement {
  static override properties = {
    items: { attribute: false },
    rowHeight: { type: Number },
    row: { attribute: false },
    key: { attribute: false },
    label: {},
    follow: { type: Boolean },
  };
  declare items: readonly T[];
  /** Pixels. */
  declare rowHeight: number;
  declare row: (item: T, index: number) => TemplateResult;
  declare key: (item: T, index: number) => string | number;
  declare label: string;
  /** Stays at the end while items are added, unless somebody scrolled up. */
  declare follow: boolean;
  #isAtEnd = true;
  #sizes: ResizeObserver | undefined;

  constructor() {
    super();
    this.items = [];
    this.rowHeight = 40;
    this.row = () => html``;
    this.key = (_item, index) => index;
    this.label = '';
    this.follow = false;
  }

  /** Rows are the view's, and so are their styles: there is no shadow between them. */
  protected override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('scroll', this.#onScroll, { passive: true });
    this.#sizes = new ResizeObserver(() => this.requestUpdate());
    this.#sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener('scroll', this.#onScroll);
    this.#sizes?.disconnect();
  }

  readonly #onScroll = (): void => {
    this.#isAtEnd = this.scrollTop + this.clientHeight >= this.scrollHeight - this.rowHeight;
    this.requestUpdate();
  };

  scrollToIndex(index: number): void {
    this.#isAtEnd = false;
    this.scrollTop = Math.max(0, index * this.rowHeight - this.clientHeight / 2);
    this.requestUpdate();
  }

  /** Scrolls as far as it takes to see the item, and to the middle when that is far. */
  reveal(index: number): void {
    const top = index * this.rowHeight;
    if (top < this.scrollTop - this.clientHeight || top > this.scrollTop + 2 * this.clientHeight)
      this.scrollToIndex(index);
    else if (top < this.scrollTop) this.scrollTop = top;
    else if (top + this.rowHeight > this.scrollTop + this.clientHeight)
      this.scrollTop = top + this.rowHeight - this.clientHeight;
    else return;
    this.#isAtEnd = false;
  }

  override updated(): void {
    if (this.follow && this.#isAtEnd) this.scrollTop = this.scrollHeight;
  }

  override render() {
    const { items, rowHeight } = this;
    const first = Math.max(0, Math.floor(this.scrollTop / rowHeight) - overscan);
    const last = Math.min(items.length, Math.ceil((this.scrollTop + this.clientHeight) / rowHeight) + overscan);
    const shown = items.slice(first, last).map((item, offset) => ({ item, index: first + offset }));
    return html`<div
      class="all"
      role="list"
      aria-label=${this.label}
      ${styled({ height: `${items.length * rowHeight}px` })}
    >
      ${repeat(
        shown,
        ({ item, index }) => this.key(item, index),
        ({ item, index }) =>
          html`<div
            role="listitem"
            aria-setsize=${items.length}
            aria-posinset=${index + 1}
            ${styled({ top: `${index * rowHeight}px`, height: `${rowHeight}px` })}
          >
            ${this.row(item, index)}
          </div>`,
      )}
    </div>`;
  }
}

customElements.define('car-virtual-list', CarVirtualList);
