// What an agent says, as a person reads it in a terminal. Everything of it was written elsewhere.
import { describeValue, quoteText, type ChatEvent } from '@car-runtime/protocol';
import { paint } from '../terminal.ts';

/** Controls but line ends and tabs, zero-width and bidirectional marks, and the tags that hide text in text. */
const obeyed =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]|\u{E0001}|[\u{E0020}-\u{E007F}]/gu;

/** Text of several lines without anything that a terminal would obey. */
export function harmless(text: string): string {
  return text.replaceAll(obeyed, '');
}

export interface ChatOutput {
  /** The answer. */
  text(text: string): void;
  /** One line about it. */
  note(line: string): void;
}

/** Prints the events of one turn. */
export class ChatPrinter {
  readonly #output: ChatOutput;
  #isLineOpen = false;
  #hasText = false;

  constructor(output: ChatOutput) {
    this.#output = output;
  }

  print(event: ChatEvent): void {
    switch (event.kind) {
      case 'token':
        this.#say(harmless(event.delta ?? ''));
        return;
      case 'tool_call':
        this.note(
          paint('dim', `⚙ ${quoteText(event.tool ?? textOf(event.detail))} ${paramsText(event.params)}`.trimEnd()),
        );
        return;
      case 'approval_pending': {
        const what = quoteText(event.action ?? event.tool ?? 'something');
        const details = event.details ?? event.params;
        this.note(paint('yellow', `? the agent asks to go on with ${what} ${paramsText(details)}`.trimEnd()));
        return;
      }
      case 'goal_evaluated': {
        const verdict = event.met ? 'met' : 'not met';
        this.note(
          paint('dim', `◎ goal ${verdict}, iteration ${event.iteration ?? '?'}: ${quoteText(event.reason ?? '')}`),
        );
        return;
      }
      case 'done':
        if (!this.#hasText) this.#say(harmless(event.text ?? ''));
        this.endLine();
        return;
      case 'error':
        this.note(paint('red', `✗ ${quoteText(event.error ?? 'the agent failed')}`));
        return;
      case 'gap':
        this.note(paint('dim', '… some of what was said is not kept any more'));
        return;
      default:
        // A kind of the agent's own; programs see it with --json.
        return;
    }
  }

  note(line: string): void {
    this.endLine();
    this.#output.note(line);
  }

  endLine(): void {
    if (this.#isLineOpen) this.#output.text('\n');
    this.#isLineOpen = false;
  }

  #say(text: string): void {
    if (text === '') return;
    this.#hasText = true;
    this.#output.text(text);
    this.#isLineOpen = !text.endsWith('\n');
  }
}

function paramsText(params: unknown): string {
  return params == null ? '' : describeValue(params, 120);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : 'a tool';
}
