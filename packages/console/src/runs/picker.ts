// Chooses the run to compare with: those of the same agent first.
import { css, html, LitElement } from 'lit';
import type { RunSummary } from '@car-runtime/protocol';
import { client } from '../connection.ts';
import { controls } from '../parts/styles.ts';
import { ago, plain } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { outcomeBadge } from '../views/runs.ts';

const shownRuns = 30;
const typingMs = 200;

export class CarRunPicker extends LitElement {
  static override properties = { runId: {}, agentId: {}, found: { state: true }, problem: { state: true } };
  declare runId: string;
  declare agentId: string;
  declare found: readonly RunSummary[] | undefined;
  declare problem: string | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  static override styles = [
    controls,
    css`
      dialog {
        color: var(--text);
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        padding: 16px 18px;
        width: min(44em, calc(100vw - 32px));
        max-height: 80vh;
      }
      dialog::backdrop {
        background: rgb(0 0 0 / 45%);
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        overflow: auto;
        max-height: 50vh;
      }
      li a {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto auto;
        gap: 10px;
        align-items: center;
        padding: 7px 4px;
        border-top: 1px solid var(--line);
        color: inherit;
        text-decoration: none;
      }
      li a:hover {
        background: var(--accent-surface);
      }
    `,
  ];

  override firstUpdated(): void {
    this.renderRoot.querySelector('dialog')?.showModal();
    void this.#search('');
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#typing);
  }

  async #search(text: string): Promise<void> {
    const asked = ++this.#asked;
    try {
      const { runs } = await client().runs.search({ limit: 200, ...(text && { text: text.slice(0, 1_000) }) });
      if (asked !== this.#asked) return;
      const others = runs.filter(({ run_id }) => run_id !== this.runId);
      const isOwn = ({ agent_id }: RunSummary): boolean => agent_id === this.agentId;
      this.found = [...others.filter(isOwn), ...others.filter((run) => !isOwn(run))].slice(0, shownRuns);
      this.problem = undefined;
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  override render() {
    return html`<dialog aria-labelledby="title" @close=${() => this.dispatchEvent(new CustomEvent('closed'))}>
      <div class="stack">
        <div class="row spread">
          <h2 id="title">Compare with</h2>
          <button @click=${() => this.renderRoot.querySelector('dialog')?.close()}>Cancel</button>
        </div>
        <input
          type="search"
          autofocus
          aria-label="Search runs to compare with"
          placeholder="Search intent and outcome"
          @input=${({ target }: InputEvent) => {
            clearTimeout(this.#typing);
            this.#typing = setTimeout(() => void this.#search((target as HTMLInputElement).value), typingMs);
          }}
        />
        ${this.problem === undefined ? '' : html`<div role="alert">${plain(this.problem)}</div>`}
        ${this.found?.length === 0 ? html`<p class="soft" role="status">No other run is like that.</p>` : ''}
        <ul>
          ${this.found?.map(
            ({ run_id, intent, agent_id, status, outcome, started_at }) =>
              html`<li>
                <a href="${linkTo('run', this.runId)}?against=${encodeURIComponent(run_id)}">
                  <span class="clip">${plain(intent)} <span class="soft">${plain(agent_id)}</span></span>
                  ${outcomeBadge(status, outcome)}
                  <span class="soft">${ago(started_at)}</span>
                </a>
              </li>`,
          )}
        </ul>
      </div>
    </dialog>`;
  }
}

customElements.define('car-run-picker', CarRunPicker);
