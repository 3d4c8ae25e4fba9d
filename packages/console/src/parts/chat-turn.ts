// A prompt and its answer: text as it comes, tools as cards, questions with their buttons.
import type { HostApproval } from '@car-runtime/protocol';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { isRunning, type Part, type QuestionPart, type ToolPart, type Turn } from '../store/chat.ts';
import { isOpen, type HostView } from '../store/host-feed.ts';
import './approval-card.ts';
import './badge.ts';
import './markdown.ts';
import { controls } from './styles.ts';
import { bytes, duration, plain, prose, textOf } from './text.ts';

/** Longer values are cut on their cards until somebody asks for all of them, in characters. */
const maxShownLength = 20_000;

export class CarChatTurn extends LitElement {
  static override properties = {
    turn: { attribute: false },
    version: { type: Number },
    host: { attribute: false },
    agentId: {},
    agentName: {},
    onAnswer: { attribute: false },
    onRetry: { attribute: false },
    isWhole: { state: true },
  };
  declare turn: Turn;
  /** Changes with the turn, which is changed in place. */
  declare version: number;
  /** What the daemon asks people, where the agent asks too. */
  declare host: HostView | undefined;
  declare agentId: string;
  declare agentName: string;
  declare onAnswer: (question: QuestionPart, decision: string) => Promise<string | undefined>;
  declare onRetry: (() => void) | undefined;
  /** Whether a long prompt is shown in full. */
  declare isWhole: boolean;

  constructor() {
    super();
    this.isWhole = false;
  }

  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 10px;
        min-width: 0;
      }
      .prompt {
        align-self: flex-end;
        max-width: min(85%, 46em);
        background: var(--accent-surface);
        border-radius: 12px 12px 2px 12px;
        padding: 8px 12px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .answer {
        display: flex;
        flex-direction: column;
        gap: 10px;
        max-width: 52em;
        min-width: 0;
      }
      .images {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        margin-top: 6px;
        font-size: 12px;
      }
      .images span {
        border: 1px solid var(--line);
        border-radius: 6px;
        padding: 1px 8px;
        background: var(--surface);
      }
      details,
      .question {
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
      }
      .question {
        border-color: var(--warn);
        padding: 12px 14px;
      }
      summary {
        display: flex;
        gap: 10px;
        align-items: center;
        padding: 6px 12px;
        cursor: pointer;
        min-width: 0;
      }
      summary::marker {
        content: '';
      }
      summary::before {
        content: '▸';
        color: var(--text-soft);
      }
      details[open] > summary::before {
        content: '▾';
      }
      .parts {
        border-top: 1px solid var(--line);
        padding: 10px 12px;
      }
      pre {
        margin: 2px 0 10px;
        padding: 8px 10px;
        background: var(--page);
        border-radius: 6px;
        overflow: auto;
        max-height: 40vh;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        font: 12.5px/1.5 var(--mono);
      }
      .grow {
        flex: 1;
      }
      .problem {
        color: var(--bad);
      }
      .note {
        font-size: 12px;
        border-inline-start: 2px solid var(--line);
        padding-inline-start: 10px;
        overflow-wrap: anywhere;
      }
      .waits {
        display: inline-block;
        width: 8px;
        height: 1em;
        vertical-align: text-bottom;
        background: var(--text-soft);
        animation: blink 1s steps(2) infinite;
      }
      @keyframes blink {
        50% {
          opacity: 0;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .waits {
          animation: none;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    const { turn } = this;
    const { parts } = turn;
    return html`
      <div class="prompt" role="group" aria-label="You">${this.#prompt()}</div>
      <div class="answer" role="group" aria-label=${plain(this.agentName)} aria-busy=${isRunning(turn)}>
        ${parts.map((part) => this.#part(part))} ${this.#state()}
      </div>
    `;
  }

  #prompt(): TemplateResult {
    const { prompt, images } = this.turn;
    const isCut = prompt.length > maxShownLength && !this.isWhole;
    return html`${prose(isCut ? prompt.slice(0, maxShownLength) : prompt)}${
      isCut
        ? html`…
            <div><button @click=${() => (this.isWhole = true)}>Show all of it</button></div>`
        : nothing
    }${
      images.length === 0
        ? nothing
        : html`<div class="images">
            ${images.map(({ name, bytes: size }) => html`<span>${plain(name)} <span class="soft">${bytes(size)}</span></span>`)}
          </div>`
    }`;
  }

  #part(part: Part): TemplateResult {
    if (part.kind === 'text') return html`<car-markdown .text=${part.text}></car-markdown>`;
    if (part.kind === 'tool') return this.#tool(part);
    if (part.kind === 'question') return this.#question(part);
    return html`<div class="note soft">${prose(part.text)}</div>`;
  }

  #tool({ tool, params, result, error, durationMs, isEnded }: ToolPart): TemplateResult {
    const given = textOf(params);
    return html`<details>
      <summary>
        <span class="mono clip">${plain(tool)}</span>
        <span class="soft clip grow">${given === '{}' ? '' : given.slice(0, 200)}</span>
        ${durationMs === undefined ? nothing : html`<span class="soft">${duration(durationMs)}</span>`}
        ${
          error !== undefined
            ? html`<car-badge tone="bad">failed</car-badge>`
            : isEnded
              ? html`<car-badge tone=${durationMs === undefined ? 'soft' : 'good'}
                  >${durationMs === undefined ? 'called' : 'done'}</car-badge
                >`
              : html`<car-badge tone="accent">called</car-badge>`
        }
      </summary>
      <div class="parts">
        ${value('Parameters', params)} ${error === undefined ? value('Result', result) : value('Error', error)}
        ${result === undefined && error === undefined ? html`<span class="soft">The agent said nothing of the result.</span>` : nothing}
      </div>
    </details>`;
  }

  /** Where the daemon asks, the card is the daemon's; otherwise it is what the agent said of itself. */
  #question(question: QuestionPart): TemplateResult {
    const approval = approvalOf(question, this.host);
    if (approval) {
      return html`<div class="question"><car-approval-card .approval=${approval}></car-approval-card></div>`;
    }
    if (!isRunning(this.turn) && question.decision === undefined) {
      return html`<div class="note soft">Asked to go on with ${plain(question.action)}; nobody answered.</div>`;
    }
    return html`<div class="question stack" role="group" aria-label="The agent asks">
      <div>
        <strong>The agent asks before it goes on.</strong>
        <span class="soft">What it would do, in its own words:</span>
      </div>
      <car-approval-card
        .hasNotes=${false}
        .approval=${this.#asApproval(question)}
        .decide=${(_approval: HostApproval, decision: string) => this.onAnswer(question, decision)}
      ></car-approval-card>
    </div>`;
  }

  #asApproval({ approvalId, action, details, isIrreversible, askedAt, decision }: QuestionPart): HostApproval {
    return {
      id: approvalId,
      agent_id: this.agentId,
      action,
      card: details == null ? action : textOf(details, 2),
      details: null,
      options: ['approve', 'deny'],
      status: 'pending',
      created_at: new Date(askedAt).toISOString(),
      ...(isIrreversible && { reversibility: 'irreversible' as const }),
      ...(decision !== undefined && {
        status: 'resolved' as const,
        outcome: decision === 'approve' ? ('approved' as const) : ('denied_by_human' as const),
      }),
    };
  }

  #state(): TemplateResult | typeof nothing {
    const { state, problem, startedAt, endedAt, parts } = this.turn;
    if (isRunning(this.turn)) {
      const isAsked = parts.some((part) => part.kind === 'question' && isUnanswered(part, this.host));
      return isAsked ? nothing : html`<span class="waits" role="img" aria-label="The agent is answering"></span>`;
    }
    const took = endedAt === undefined ? '' : duration(endedAt - startedAt);
    if (state === 'done') return html`<span class="soft note">${took}</span>`;
    if (state === 'failed' && problem?.endsWith('unknown method: agent.chat')) {
      return html`<span class="problem" role="alert"
        >This agent takes no part in chats: its program does not answer <code>agent.chat</code>.</span
      >`;
    }
    const what = { cancelled: 'Cancelled', lost: 'The answer is not complete' }[state as string] ?? 'The agent failed';
    return html`<div class="row">
      <span class=${state === 'failed' ? 'problem' : 'soft'} role=${state === 'failed' ? 'alert' : nothing}
        >${what}${problem === undefined ? '' : `: ${prose(problem.slice(0, maxShownLength))}`}</span
      >
      ${this.onRetry ? html`<button @click=${this.onRetry}>Try again</button>` : nothing}
    </div>`;
  }
}

/** What the daemon asks people, where the question is one of those. */
function approvalOf({ approvalId }: QuestionPart, host: HostView | undefined): HostApproval | undefined {
  return [...(host?.pending ?? []), ...(host?.ended ?? [])].find(({ id }) => id === approvalId);
}

/** Whether somebody still has to decide. */
export function isUnanswered(question: QuestionPart, host: HostView | undefined): boolean {
  const approval = approvalOf(question, host);
  return approval ? isOpen(approval) : question.decision === undefined;
}

function value(name: string, of: unknown): TemplateResult | typeof nothing {
  if (of === undefined) return nothing;
  const text = textOf(of, 2);
  return html`<div class="soft">${name}</div>
    <pre tabindex="0">
${text.length > maxShownLength ? `${text.slice(0, maxShownLength)}… (${text.length} characters)` : text}</pre>`;
}

customElements.define('car-chat-turn', CarChatTurn);
