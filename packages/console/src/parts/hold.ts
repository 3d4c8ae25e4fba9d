// A gesture that nobody makes by accident: holding a button with pointer or key, or typing a word, which is the way for
// screen readers and switches.
import { css, html, LitElement } from 'lit';
import { controls } from './styles.ts';

/** As long as it takes to read what will happen. */
export const holdMs = 1_500;

export class CarHold extends LitElement {
  static override properties = {
    label: {},
    word: {},
    disabled: { type: Boolean },
    isHeld: { state: true },
  };
  declare label: string;
  /** What is typed instead. */
  declare word: string;
  declare disabled: boolean;
  declare isHeld: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.label = 'Hold to approve';
    this.word = 'approve';
    this.disabled = false;
    this.isHeld = false;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        gap: 8px 12px;
        align-items: center;
      }
      button {
        position: relative;
        overflow: hidden;
        isolation: isolate;
        border-color: var(--bad);
        color: var(--bad);
        background: var(--bad-surface);
        touch-action: none;
        user-select: none;
        padding: 8px 18px;
        font-weight: 600;
      }
      button::before {
        content: '';
        position: absolute;
        inset: 0;
        z-index: -1;
        background: var(--bad);
        opacity: 0.25;
        transform: scaleX(0);
        transform-origin: left;
      }
      button.held::before {
        transform: scaleX(1);
        transition: transform ${holdMs / 1_000}s linear;
      }
      form {
        display: flex;
        gap: 8px;
        align-items: center;
      }
      input {
        width: 9em;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#release();
  }

  override focus(): void {
    this.renderRoot.querySelector('button')?.focus();
  }

  override render() {
    return html`
      <button
        type="button"
        class=${this.isHeld ? 'held' : ''}
        ?disabled=${this.disabled}
        aria-describedby="how"
        @pointerdown=${this.#onPointer}
        @pointerup=${this.#release}
        @pointerleave=${this.#release}
        @pointercancel=${this.#release}
        @keydown=${this.#onKey}
        @keyup=${this.#release}
        @blur=${this.#release}
        @contextmenu=${(event: Event) => event.preventDefault()}
      >
        ${this.isHeld ? 'Keep holding…' : this.label}
      </button>
      <form @submit=${this.#onTyped} autocomplete="off">
        <label id="how" for="word" class="soft">or type “${this.word}” and press Enter</label>
        <input id="word" maxlength="40" ?disabled=${this.disabled} spellcheck="false" autocapitalize="none" />
      </form>
    `;
  }

  readonly #onPointer = (event: PointerEvent): void => {
    if (event.button === 0) this.#hold();
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== ' ' && event.key !== 'Enter') return;
    // A key that is held repeats, which would begin again each time.
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) this.#hold();
  };

  #hold(): void {
    if (this.disabled || this.isHeld) return;
    this.isHeld = true;
    this.#timer = setTimeout(() => {
      this.#release();
      this.#confirm();
    }, holdMs);
  }

  readonly #release = (): void => {
    clearTimeout(this.#timer);
    this.isHeld = false;
  };

  readonly #onTyped = (event: SubmitEvent): void => {
    event.preventDefault();
    const input = this.renderRoot.querySelector('input');
    if (!this.disabled && input?.value.trim().toLowerCase() === this.word.toLowerCase()) this.#confirm();
    else input?.select();
  };

  #confirm(): void {
    this.dispatchEvent(new CustomEvent('car-confirmed', { bubbles: true, composed: true }));
  }
}

customElements.define('car-hold', CarHold);
