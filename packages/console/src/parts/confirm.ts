// A question before something that cannot simply be taken back. The browser's own dialog: it keeps the focus, and Escape is no.
import { css, html, LitElement } from 'lit';
import { controls } from './styles.ts';

export interface Question {
  title: string;
  text: string;
  /** What the button says that does it. */
  action: string;
}

class CarConfirm extends LitElement {
  static override properties = { question: { attribute: false } };
  declare question: Question;
  readonly answer = Promise.withResolvers<boolean>();

  static override styles = [
    controls,
    css`
      dialog {
        color: var(--text);
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        padding: 18px 20px;
        max-width: min(30em, calc(100vw - 32px));
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 45%);
      }
      .row {
        justify-content: flex-end;
      }
      p {
        margin: 0;
        overflow-wrap: anywhere;
      }
      button.danger {
        background: var(--bad-surface);
        border-color: var(--bad);
        color: var(--bad);
      }
    `,
  ];

  override firstUpdated(): void {
    this.renderRoot.querySelector('dialog')?.showModal();
  }

  override render() {
    const { title, text, action } = this.question;
    const close = (answer: boolean) => () => this.answer.resolve(answer);
    return html`<dialog aria-labelledby="title" @close=${close(false)}>
      <div class="stack">
        <h2 id="title">${title}</h2>
        <p class="soft">${text}</p>
        <div class="row">
          <button autofocus @click=${close(false)}>Cancel</button>
          <button class="danger" @click=${close(true)}>${action}</button>
        </div>
      </div>
    </dialog>`;
  }
}

customElements.define('car-confirm', CarConfirm);

/** Whether the person said yes. */
export async function confirmed(question: Question): Promise<boolean> {
  const before = deepActiveElement();
  const asking = new CarConfirm();
  asking.question = question;
  document.body.append(asking);
  try {
    return await asking.answer.promise;
  } finally {
    asking.remove();
    before?.focus();
  }
}

function deepActiveElement(): HTMLElement | undefined {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active instanceof HTMLElement ? active : undefined;
}
