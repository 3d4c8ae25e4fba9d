import { css, html, LitElement } from 'lit';

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'soft';

/** A state in one word. Colour never says it alone. */
export class CarBadge extends LitElement {
  static override properties = { tone: { reflect: true } };
  declare tone: Tone;

  constructor() {
    super();
    this.tone = 'soft';
  }

  static override styles = css`
    :host {
      display: inline-flex;
      align-items: center;
      gap: 6px;
      font-size: 12px;
      line-height: 1;
      padding: 4px 8px;
      border-radius: 999px;
      white-space: nowrap;
      color: var(--text-soft);
      background: var(--line);
    }
    :host([tone='good']) {
      color: var(--good);
      background: var(--good-surface);
    }
    :host([tone='warn']) {
      color: var(--warn);
      background: var(--warn-surface);
    }
    :host([tone='bad']) {
      color: var(--bad);
      background: var(--bad-surface);
    }
    :host([tone='accent']) {
      color: var(--accent);
      background: var(--accent-surface);
    }
  `;

  override render() {
    return html`<slot></slot>`;
  }
}

customElements.define('car-badge', CarBadge);
