// Start, stop and restart of one agent, and how its state is said.
import type { ManagedAgent } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { client } from '../connection.ts';
import { hostView } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';
import type { Tone } from './badge.ts';
import { confirmed } from './confirm.ts';
import { controls } from './styles.ts';
import { plain } from './text.ts';

export const agentTones: Readonly<Record<ManagedAgent['status'], Tone>> = {
  running: 'good',
  starting: 'accent',
  backoff: 'warn',
  errored: 'bad',
  stopped: 'soft',
};

/** What its state means, in a few words. */
export function stateOf({ status, attached, blocked_by_pid, retry_at, last_error }: ManagedAgent): string {
  if (status === 'running') return attached ? 'connected' : 'not connected yet';
  if (blocked_by_pid !== undefined) return `process ${blocked_by_pid} runs it already`;
  const why = last_error === undefined ? '' : plain(last_error);
  if (status !== 'backoff' || retry_at === undefined) return why;
  const seconds = Math.max(0, Math.round(retry_at - Date.now() / 1_000));
  return `next try in ${seconds} s${why === '' ? '' : `: ${why}`}`;
}

export class CarAgentActions extends LitElement {
  static override properties = { agent: { attribute: false }, doing: { state: true }, problem: { state: true } };
  declare agent: ManagedAgent;
  declare doing: string | undefined;
  declare problem: string | undefined;

  constructor() {
    super();
    renderOn(this, hostView);
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        gap: 6px;
        align-items: center;
        justify-content: flex-end;
        min-width: 0;
      }
      button {
        padding: 3px 10px;
      }
      .problem {
        color: var(--bad);
      }
    `,
  ];

  override render(): TemplateResult | typeof nothing {
    // Another daemon supervises: what cannot be done is not offered.
    if (hostView.value.identity?.manifest_role === 'observer') return nothing;
    const isDown = this.agent.status === 'stopped' || this.agent.status === 'errored';
    const name = plain(this.agent.name);
    return html`
      ${
        this.problem === undefined
          ? nothing
          : html`<span class="problem clip" role="alert" title=${plain(this.problem)}>${plain(this.problem)}</span>`
      }
      ${
        isDown
          ? html`<button ?disabled=${this.doing !== undefined} aria-label="Start ${name}" @click=${this.#start}>
              ${this.doing ?? 'Start'}
            </button>`
          : html`<button ?disabled=${this.doing !== undefined} aria-label="Restart ${name}" @click=${this.#restart}>
                ${this.doing ?? 'Restart'}
              </button>
              <button ?disabled=${this.doing !== undefined} aria-label="Stop ${name}" @click=${this.#stop}>
                Stop
              </button>`
      }
    `;
  }

  readonly #start = (): Promise<void> => this.#do('Starting…', (id) => client().agents.start({ id }));

  readonly #restart = async (): Promise<void> => {
    const isSure = await confirmed({
      title: `Restart ${plain(this.agent.name)}?`,
      text: 'What it is doing at this moment ends. It is asked to end, and ended after a few seconds if it does not.',
      action: 'Restart',
    });
    if (isSure) await this.#do('Restarting…', (id) => client().agents.restart({ id }));
  };

  readonly #stop = async (): Promise<void> => {
    const isSure = await confirmed({
      title: `Stop ${plain(this.agent.name)}?`,
      text: 'What it is doing at this moment ends, and it is not started again until somebody does.',
      action: 'Stop',
    });
    if (isSure) await this.#do('Stopping…', (id) => client().agents.stop({ id }));
  };

  async #do(doing: string, act: (id: string) => Promise<unknown>): Promise<void> {
    this.doing = doing;
    this.problem = undefined;
    try {
      await act(this.agent.id);
    } catch (error) {
      this.problem = (error as Error).message;
    } finally {
      this.doing = undefined;
    }
  }
}

customElements.define('car-agent-actions', CarAgentActions);
