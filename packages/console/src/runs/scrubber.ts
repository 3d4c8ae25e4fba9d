// Goes through the moments of a run: by hand, by key, or at the pace at which they happened.
import { css, html, LitElement, nothing } from 'lit';
import { controls } from '../parts/styles.ts';
import { duration } from '../parts/text.ts';
import { momentsUntil, type Moment } from './replay.ts';

const speeds = [1, 4, 16] as const;
/** Nothing happens for longer than that only in life, in ms of watching. */
const maxPauseMs = 1_500;

export class CarScrubber extends LitElement {
  static override properties = {
    moments: { attribute: false },
    at: { attribute: false },
    isLive: { type: Boolean },
    isPlaying: { state: true },
    speed: { state: true },
  };
  declare moments: readonly Moment[];
  /** How many moments have been; nothing where all have, and those to come will. */
  declare at: number | undefined;
  /** The run goes on. */
  declare isLive: boolean;
  declare isPlaying: boolean;
  declare speed: (typeof speeds)[number];
  #frame = 0;
  #lastFrameMs = 0;
  /** On the clock of the run, between two moments. */
  #playedMs = 0;

  constructor() {
    super();
    this.moments = [];
    this.isLive = false;
    this.isPlaying = false;
    this.speed = 1;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 10px;
        flex-wrap: wrap;
      }
      input {
        flex: 1;
        min-width: 120px;
        accent-color: var(--accent);
        padding: 0;
      }
      output {
        font-variant-numeric: tabular-nums;
        color: var(--text-soft);
        font-size: 12.5px;
        min-width: 12em;
        text-align: end;
      }
      .play {
        min-width: 38px;
        padding-inline: 0;
      }
      .speeds {
        display: flex;
      }
      .speeds button {
        border-radius: 0;
        padding: 4px 8px;
        font-size: 12px;
        margin-inline-start: -1px;
      }
      .speeds button:first-child {
        border-start-start-radius: var(--radius);
        border-end-start-radius: var(--radius);
      }
      .speeds button:last-child {
        border-start-end-radius: var(--radius);
        border-end-end-radius: var(--radius);
      }
      .speeds [aria-pressed='true'] {
        background: var(--accent-surface);
        color: var(--accent);
        font-weight: 600;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#pause();
  }

  get #count(): number {
    return this.at ?? this.moments.length;
  }

  override render() {
    const { moments } = this;
    const count = this.#count;
    const sinceMs = (moments[Math.max(0, count - 1)]?.atMs ?? 0) - (moments[0]?.atMs ?? 0);
    const text = `${count} of ${moments.length} events, ${duration(sinceMs)}`;
    return html`
      <button
        class="play"
        aria-label=${this.isPlaying ? 'Pause the replay' : 'Play the run again'}
        @click=${this.#toggle}
      >
        ${this.isPlaying ? '❚❚' : '▶'}
      </button>
      <input
        type="range"
        min="0"
        step="1"
        aria-label="Moment of the run"
        aria-valuetext=${text}
        max=${moments.length}
        .value=${String(count)}
        @input=${this.#onSlide}
        @keydown=${this.#onKey}
      />
      <span class="speeds" role="group" aria-label="Speed">
        ${speeds.map(
          (speed) =>
            html`<button aria-pressed=${this.speed === speed} @click=${() => (this.speed = speed)}>${speed}×</button>`,
        )}
      </span>
      <output>${text}</output>
      ${
        this.at === undefined
          ? nothing
          : html`<button @click=${() => this.#goTo(undefined)}>${this.isLive ? 'Follow live' : 'To the end'}</button>`
      }
    `;
  }

  override updated(): void {
    // An attribute that grows does not move a slider that stands at its end.
    const input = this.renderRoot.querySelector('input');
    if (input && input.value !== String(this.#count)) input.value = String(this.#count);
  }

  #goTo(count: number | undefined): void {
    if (count === undefined) this.#pause();
    this.dispatchEvent(new CustomEvent('moment', { detail: count }));
  }

  readonly #onSlide = (event: Event): void => {
    this.#pause();
    const count = Number((event.target as HTMLInputElement).value);
    // At the end of a run that goes on one follows it.
    this.#goTo(count >= this.moments.length ? undefined : count);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== ' ') return;
    event.preventDefault();
    this.#toggle();
  };

  readonly #toggle = (): void => {
    if (this.isPlaying) return this.#pause();
    const { moments } = this;
    if (moments.length === 0) return;
    const count = this.at ?? 0;
    if (this.at === undefined) this.#goTo(0);
    this.#playedMs = moments[Math.max(0, count - 1)]?.atMs ?? 0;
    this.#lastFrameMs = performance.now();
    this.isPlaying = true;
    this.#frame = requestAnimationFrame(this.#play);
  };

  #pause(): void {
    cancelAnimationFrame(this.#frame);
    this.isPlaying = false;
  }

  readonly #play = (): void => {
    const now = performance.now();
    const { moments } = this;
    const count = this.#count;
    const next = moments[count]?.atMs;
    if (next === undefined) return this.#goTo(undefined);
    this.#playedMs += (now - this.#lastFrameMs) * this.speed;
    this.#lastFrameMs = now;
    // A long wait is cut short, and said nowhere: the axis shows how long it was.
    this.#playedMs = Math.max(this.#playedMs, next - maxPauseMs * this.speed);
    const reached = momentsUntil(moments, this.#playedMs);
    if (reached > count) this.#goTo(reached);
    if (this.isPlaying) this.#frame = requestAnimationFrame(this.#play);
  };
}

customElements.define('car-scrubber', CarScrubber);
