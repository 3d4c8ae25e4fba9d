import { css, html, LitElement } from 'lit';

const soonMs = 15_000;

/** How long there is until something ends. */
export class CarCountdown extends LitElement {
  static override properties = { until: {}, isSoon: { type: Boolean, reflect: true, attribute: 'soon' } };
  /** RFC 3339. */
  declare until: string;
  declare isSoon: boolean;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.until = '';
    this.isSoon = false;
  }

  static override styles = css`
    :host {
      font-variant-numeric: tabular-nums;
      color: var(--text-soft);
      white-space: nowrap;
    }
    :host([soon]) {
      color: var(--bad);
      font-weight: 600;
    }
  `;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => this.requestUpdate(), 1_000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  get #leftMs(): number {
    return new Date(this.until).getTime() - Date.now();
  }

  override willUpdate(): void {
    this.isSoon = this.#leftMs < soonMs;
  }

  override render() {
    // A screen reader reads it where it stands; told every second, nothing else could be heard.
    return html`<span role="timer" aria-live="off">${remaining(this.#leftMs)}</span>`;
  }
}

export function remaining(leftMs: number): string {
  if (!Number.isFinite(leftMs)) return '';
  const seconds = Math.ceil(leftMs / 1_000);
  if (seconds <= 0) return 'expired';
  if (seconds < 60) return `expires in ${seconds} s`;
  if (seconds < 3_600) return `expires in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} min`;
  if (seconds < 172_800) return `expires in ${Math.floor(seconds / 3_600)} h`;
  return `expires in ${Math.floor(seconds / 86_400)} d`;
}

customElements.define('car-countdown', CarCountdown);
