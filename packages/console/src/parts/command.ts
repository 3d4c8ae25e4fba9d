// A command for a terminal, with a button that copies it.
import { css, html, LitElement } from 'lit';
import { controls } from './styles.ts';

const shownMs = 2_000;

export class CarCommand extends LitElement {
  static override properties = { text: {}, said: { state: true } };
  declare text: string;
  declare said: string | undefined;

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 8px;
        background: var(--page);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        padding: 6px 6px 6px 12px;
        min-width: 0;
      }
      code {
        font: 13px/1.5 var(--mono);
        color: var(--text);
        flex: 1;
        overflow-wrap: anywhere;
        user-select: all;
      }
      button {
        padding: 2px 10px;
        font-size: 12px;
      }
    `,
  ];

  override render() {
    return html`<code>${this.text}</code>
      <button @click=${this.#copy} aria-label="Copy ${this.text}">${this.said ?? 'Copy'}</button>`;
  }

  readonly #copy = async (): Promise<void> => {
    this.said = await navigator.clipboard.writeText(this.text).then(
      () => 'Copied',
      () => 'Not allowed',
    );
    setTimeout(() => (this.said = undefined), shownMs);
  };
}

customElements.define('car-command', CarCommand);
