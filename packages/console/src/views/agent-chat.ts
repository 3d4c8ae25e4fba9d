// Conversations with one agent.
import type { ManagedAgent } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { connection } from '../connection.ts';
import '../parts/approval-card.ts';
import '../parts/chat-composer.ts';
import type { CarChatComposer, Composed } from '../parts/chat-composer.ts';
import { isUnanswered } from '../parts/chat-turn.ts';
import { confirmed } from '../parts/confirm.ts';
import { controls } from '../parts/styles.ts';
import { ago, plain } from '../parts/text.ts';
import { linkTo } from '../router.ts';
import { agentView } from '../store/agent-feed.ts';
import type { Chat, Turn } from '../store/chat.ts';
import {
  answer,
  cancel,
  canRetry,
  chatChanges,
  chatOf,
  chatsOf,
  createChat,
  followChats,
  forget,
  retry,
  send,
} from '../store/chats.ts';
import { hostView } from '../store/host-feed.ts';
import { renderOn } from '../store/store.ts';

/** How near its end a conversation follows what is added, in pixels. */
const nearEnd = 80;

export class CarAgentChat extends LitElement {
  static override properties = { agentId: {}, sessionId: {}, isExternal: { type: Boolean }, externalName: {} };
  declare agentId: string;
  /** The chat that is open; the newest when left out, `new` for one that is yet to begin. */
  declare sessionId: string | undefined;
  declare isExternal: boolean;
  declare externalName: string | undefined;
  #isAtEnd = true;
  #sizes: ResizeObserver | undefined;

  constructor() {
    super();
    this.isExternal = false;
    followChats();
    renderOn(this, chatChanges, agentView, hostView, connection);
  }

  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(150px, 220px) minmax(0, 1fr);
        gap: var(--gap);
        flex: 1;
        min-height: 0;
      }
      nav {
        display: flex;
        flex-direction: column;
        gap: 2px;
        overflow-y: auto;
        border-inline-end: 1px solid var(--line);
        padding-inline-end: 10px;
      }
      nav a {
        color: inherit;
        text-decoration: none;
        padding: 6px 10px;
        border-radius: var(--radius);
        display: block;
      }
      nav a:hover {
        background: var(--surface);
      }
      nav a[aria-current] {
        background: var(--accent-surface);
      }
      nav .soft {
        font-size: 12px;
      }
      .forget {
        margin-top: auto;
        flex: none;
        color: var(--text-soft);
        border-color: transparent;
        background: none;
        font-size: 12px;
      }
      .talk {
        display: flex;
        flex-direction: column;
        min-height: 0;
        gap: 10px;
      }
      .turns {
        flex: 1;
        overflow-y: auto;
        padding: 4px 4px 8px;
        min-height: 0;
      }
      .all {
        display: flex;
        flex-direction: column;
        gap: 22px;
      }
      car-chat-turn {
        content-visibility: auto;
        contain-intrinsic-block-size: auto 120px;
      }
      .waiting {
        border: 1px solid var(--warn);
        border-radius: var(--radius);
        background: var(--surface);
        padding: 12px 14px;
        max-height: 45vh;
        overflow-y: auto;
      }
      .beginning {
        margin: auto;
        text-align: center;
        max-width: 32em;
      }
      @media (max-width: 720px) {
        :host {
          display: flex;
          flex-direction: column;
        }
        nav {
          flex-direction: row;
          overflow-x: auto;
          border: none;
          padding: 0;
          flex: none;
        }
        nav a {
          flex: none;
          max-width: 60vw;
        }
      }
    `,
  ];

  get #chat(): Chat | undefined {
    if (this.sessionId === 'new') return undefined;
    const named = this.sessionId === undefined ? undefined : chatOf(this.sessionId);
    return named?.agentId === this.agentId
      ? named
      : this.sessionId === undefined
        ? chatsOf(this.agentId)[0]
        : undefined;
  }

  get #agent(): ManagedAgent | undefined {
    return agentView.value.agents.get(this.agentId);
  }

  get #name(): string {
    return plain(this.#agent?.name ?? this.externalName ?? this.agentId);
  }

  override firstUpdated(): void {
    // On a page that was just loaded the focus stays at its beginning, where the keyboard expects it.
    if (navigator.userActivation.hasBeenActive)
      this.renderRoot.querySelector<CarChatComposer>('car-chat-composer')?.focus();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('sessionId') || changed.has('agentId')) this.#isAtEnd = true;
  }

  override updated(): void {
    // Turns render by themselves, after this, and grow by themselves.
    const all = this.renderRoot.querySelector('.all');
    if (all) this.#sizes?.observe(all);
    this.#toEnd();
  }

  readonly #toEnd = (): void => {
    const turns = this.renderRoot.querySelector('.turns');
    if (turns && this.#isAtEnd) turns.scrollTop = turns.scrollHeight;
  };

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes = new ResizeObserver(this.#toEnd);
    this.#sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
  }

  readonly #onScroll = (event: Event): void => {
    const { scrollTop, clientHeight, scrollHeight } = event.target as HTMLElement;
    this.#isAtEnd = scrollTop + clientHeight >= scrollHeight - nearEnd;
  };

  override render(): TemplateResult {
    const chat = this.#chat;
    return html`
      <nav aria-label="Chats">
        <a href=${linkTo('agent', this.agentId, 'chat', 'new')} aria-current=${chat ? nothing : 'page'}>+ New chat</a>
        ${chatsOf(this.agentId).map(
          (each) =>
            html`<a
              class="clip"
              href=${linkTo('agent', this.agentId, 'chat', each.sessionId)}
              aria-current=${each === chat ? 'page' : nothing}
              ><span class="clip">${plain(each.title)}</span>
              <div class="soft">${each.open ? 'answering…' : ago(each.updatedAt)}</div></a
            >`,
        )}
        ${
          chat
            ? html`<button class="forget" ?disabled=${chat.open !== undefined} @click=${() => void this.#forget(chat)}>
                Forget this chat
              </button>`
            : nothing
        }
      </nav>
      <div class="talk">
        ${chat && chat.turns.length > 0 ? this.#turns(chat) : this.#beginning()} ${this.#waiting()}
        <div class="visually-hidden" role="status" aria-live="polite">${announced(chat)}</div>
        <car-chat-composer
          placeholder=${this.isExternal ? `A task for ${this.#name}` : `Say something to ${this.#name}`}
          ?isAnswering=${chat?.open !== undefined}
          .takesImages=${!this.isExternal}
          .refusal=${this.#refusal}
          @car-send=${this.#onSend}
          @car-cancel=${() => chat && void cancel(chat)}
        ></car-chat-composer>
      </div>
    `;
  }

  #turns(chat: Chat): TemplateResult {
    const last = chat.turns.at(-1);
    return html`<div class="turns" tabindex="0" aria-label="Conversation" @scroll=${this.#onScroll}>
      <div class="all">
        ${repeat(
          chat.turns,
          ({ id }: Turn) => id,
          (turn: Turn) =>
            html`<car-chat-turn
              .turn=${turn}
              .version=${turn === last ? chat.version : 0}
              .host=${turn.parts.some(({ kind }) => kind === 'question') ? hostView.value : undefined}
              .agentId=${this.agentId}
              .agentName=${this.#name}
              .onAnswer=${(question: Parameters<typeof answer>[1], decision: string) => answer(chat, question, decision)}
              .onRetry=${turn === last && canRetry(chat) ? () => void retry(chat) : undefined}
            ></car-chat-turn>`,
        )}
      </div>
    </div>`;
  }

  #beginning(): TemplateResult {
    return html`<div class="beginning soft">
      ${
        this.isExternal
          ? html`<h2>Give ${this.#name} a task</h2>
              <p>
                It runs as a process of its own in the folder of the daemon. What it asks for is shown here; its own
                tools are its own, and the daemon does not gate them.
              </p>`
          : html`<h2>Talk to ${this.#name}</h2>
              <p>Its answer streams in, with the tools it uses; what it asks for is decided right here.</p>`
      }
    </div>`;
  }

  /** What the daemon asks about this agent, wherever it came from; what a chat shows already is left out. */
  #waiting(): TemplateResult | typeof nothing {
    const shown = new Set(
      (this.#chat?.turns ?? []).flatMap(({ parts }) =>
        parts.flatMap((part) => (part.kind === 'question' ? [part.approvalId] : [])),
      ),
    );
    const own = hostView.value.pending.filter(({ id, agent_id }) => agent_id === this.agentId && !shown.has(id));
    const [first] = own;
    if (!first) return nothing;
    return html`<div class="waiting stack" role="group" aria-label="Waits for you">
      <div class="row spread">
        <strong>${own.length === 1 ? 'This waits for you' : `The first of ${own.length} that wait for you`}</strong>
        <a href=${linkTo('approvals', first.id)}>All approvals</a>
      </div>
      <car-approval-card .approval=${first}></car-approval-card>
    </div>`;
  }

  get #refusal(): string | undefined {
    if (connection.value.state !== 'connected') return 'Waiting for the daemon…';
    const agent = this.#agent;
    if (this.isExternal || !agent) return undefined;
    if (agent.attached) return undefined;
    return agent.status === 'running' ? 'The agent has not connected yet' : `The agent is ${agent.status}`;
  }

  readonly #onSend = ({ detail }: CustomEvent<Composed>): void => {
    const chat = this.#chat ?? createChat(this.agentId, this.isExternal);
    this.#isAtEnd = true;
    void send(chat, detail.prompt, detail.images);
    if (this.sessionId !== chat.sessionId) location.hash = linkTo('agent', this.agentId, 'chat', chat.sessionId);
  };

  async #forget(chat: Chat): Promise<void> {
    const isSure = await confirmed({
      title: 'Forget this chat?',
      text: 'What was said is kept in this tab alone, and is gone then.',
      action: 'Forget',
    });
    if (!isSure) return;
    forget(chat);
    location.hash = linkTo('agent', this.agentId, 'chat');
  }
}

/** Said once per turn, not with every word. */
function announced(chat: Chat | undefined): string {
  const last = chat?.turns.at(-1);
  if (!last) return '';
  if (chat?.open && last.parts.some((part) => part.kind === 'question' && isUnanswered(part, hostView.value)))
    return 'The agent asks before it goes on';
  const said: Record<Turn['state'], string> = {
    sending: 'Sent',
    answering: 'The agent is answering',
    done: 'The answer is complete',
    failed: 'The agent failed',
    cancelled: 'Cancelled',
    lost: 'The answer is not complete',
  };
  return said[last.state];
}

customElements.define('car-agent-chat', CarAgentChat);
