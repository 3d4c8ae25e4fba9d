// One approval at a time on a terminal: its card, and a key to decide. Knows nothing of connections, so it can be held to what it
// promises: no key pressed before a card was there decides it, nor one of whose text a part was not shown.
import type { HostApproval } from '@car-runtime/protocol';
import { textOf } from '../plan/plan-text.ts';
import { durationText, paint, shown } from '../terminal.ts';
import { optionFor } from './decide.ts';
import { isOpen, shortId, standing } from './host-connection.ts';

export interface Screen {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

export interface PromptOptions {
  screen: Screen;
  decide(approval: HostApproval, resolution: string): void;
  /** Fetches all of the action it covers, and says it. */
  showWhole(approval: HostApproval): void;
  /** In ms; only differences count. */
  now(): number;
}

/** Keys sooner than this after a card appears were meant for what was there before. */
export const settleMs = 400;
/** What cannot be undone is looked at for at least so long. */
export const minLookMs = 1_500;
/** Rows of the terminal for what is around the card. */
const rowsAround = 7;
const minWidth = 20;
const maxTitleChars = 60;

export class ApprovalPrompt {
  readonly #options: PromptOptions;
  /** Those that wait, in the order they are shown. */
  #queue: HostApproval[] = [];
  #shownId: string | undefined;
  #shownAt = 0;
  /** The option that the next `y` decides for. */
  #confirming: string | undefined;
  #deciding: string | undefined;
  #hasSeenAll = false;
  #hint = '';
  #note = '';
  #linesDrawn = 0;

  constructor(options: PromptOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Everything that waits. What was put off stays behind. */
  replace(approvals: readonly HostApproval[]): void {
    const order = new Map(this.#queue.map(({ id }, index) => [id, index]));
    const rank = ({ id, number = 0 }: HostApproval): number => order.get(id) ?? this.#queue.length + number;
    this.#queue = approvals.filter(isOpen).toSorted((left, right) => rank(left) - rank(right));
    this.draw();
  }

  asked(approval: HostApproval): void {
    if (this.#queue.some(({ id }) => id === approval.id)) return;
    if (this.#queue.length === 0) this.#options.screen.write('\u0007');
    this.#queue.push(approval);
    this.draw();
  }

  /** It was decided, here or elsewhere, or ended. */
  ended(approval: HostApproval): void {
    const index = this.#queue.findIndex(({ id }) => id === approval.id);
    if (index === -1) return;
    this.#queue.splice(index, 1);
    if (this.#deciding === approval.id) this.#deciding = undefined;
    const isYes = approval.outcome === 'approved';
    const mark = isYes ? paint('green', '✓') : paint(approval.outcome === 'denied_by_human' ? 'red' : 'yellow', '✗');
    this.say(`${mark} ${titleOf(approval)} ${paint('dim', `${standing(approval)} · ${shortId(approval)}`)}`);
  }

  /** A line above the card that stays. */
  say(line: string): void {
    this.#erase();
    this.#options.screen.write(`${line}\n`);
    this.draw();
  }

  /** Something that is true until said otherwise. */
  note(text: string): void {
    this.#note = text;
    this.draw();
  }

  /** The decision was not taken. */
  failed(approval: HostApproval, why: string): void {
    if (this.#deciding === approval.id) this.#deciding = undefined;
    this.say(`${paint('red', '!')} ${shortId(approval)}: ${shown(why)}`);
  }

  /** What a key means here. */
  key(key: string): 'quit' | undefined {
    if (key === 'q' || key === '\u0003' || key === '\u0004') return 'quit';
    const [current] = this.#queue;
    if (!current || this.#deciding !== undefined) return undefined;
    if (this.#lookedMs < settleMs) return undefined;
    this.#hint = '';
    const confirmed = this.#confirming;
    this.#confirming = undefined;
    if (confirmed === undefined) this.#take(current, key.toLowerCase());
    else if (key.toLowerCase() === 'y') this.#confirm(current, confirmed);
    this.draw();
    return undefined;
  }

  get #lookedMs(): number {
    return this.#options.now() - this.#shownAt;
  }

  #take(current: HostApproval, key: string): void {
    const { options } = current;
    if (key === 'v') return this.#showAll(current);
    if (key === 'f') return this.#options.showWhole(current);
    if (key === 's') {
      this.#queue.push(this.#queue.shift() as HostApproval);
      return;
    }
    if (key === 'd') return this.#decide(current, optionFor('deny', options));
    const numbered = /^[1-9]$/.test(key) && hasOwnOptions(current) ? options[Number(key) - 1] : undefined;
    const chosen = key === 'a' ? optionFor('approve', options) : numbered;
    if (chosen !== undefined) this.#approve(current, chosen);
  }

  #approve(current: HostApproval, resolution: string): void {
    if (!this.#hasSeenAll) this.#hint = 'There is more of it: press v to read it all first';
    else if (current.reversibility === 'irreversible') this.#confirming = resolution;
    else this.#decide(current, resolution);
  }

  #confirm(current: HostApproval, resolution: string): void {
    if (this.#lookedMs >= minLookMs) return this.#decide(current, resolution);
    this.#hint = 'That was fast. Look at it, then press y again';
    this.#confirming = resolution;
  }

  #decide(current: HostApproval, resolution: string): void {
    this.#deciding = current.id;
    this.#options.decide(current, resolution);
  }

  #showAll(current: HostApproval): void {
    this.#hasSeenAll = true;
    this.#erase();
    this.#options.screen.write(`${cardLines(current, this.#width).join('\n')}\n\n`);
  }

  /** The time that is left is another one by now. */
  tick(): void {
    if (this.#queue[0]?.expires_at !== undefined) this.draw();
  }

  draw(): void {
    const [current] = this.#queue;
    if (current?.id !== this.#shownId) {
      this.#shownId = current?.id;
      this.#shownAt = this.#options.now();
      this.#confirming = undefined;
      this.#hint = '';
      this.#hasSeenAll = current !== undefined && cardLines(current, this.#width).length <= this.#room;
    }
    const lines = current ? this.#card(current) : [paint('dim', 'Nothing waits for you. q quits')];
    if (this.#note !== '') lines.push(paint('yellow', shown(this.#note)));
    this.#erase();
    this.#options.screen.write(`${lines.join('\n')}\n`);
    this.#linesDrawn = lines.length;
  }

  #card(current: HostApproval): string[] {
    const rule = paint('dim', '─'.repeat(this.#width));
    const all = cardLines(current, this.#width);
    const body = all.slice(0, this.#room);
    if (all.length > body.length) {
      const more = `… ${all.length - body.length} more lines; v shows them`;
      body.push(paint('yellow', this.#hasSeenAll ? 'all of it is above' : more));
    }
    const [first = '', ...rest] = body;
    const head = paint('dim', `${this.#queue.length} waiting · ${shortId(current)}${timeLeft(current)}`);
    return [rule, head, paint('bold', first), ...rest, rule, this.#keys(current)];
  }

  #keys(current: HostApproval): string {
    if (this.#deciding !== undefined) return paint('dim', 'telling the daemon …');
    if (this.#confirming !== undefined) {
      const hint = this.#hint === '' ? 'It cannot be undone' : this.#hint;
      return `${paint('red', hint)}: ${paint('bold', 'y')} ${shown(this.#confirming)}, any other key goes back`;
    }
    if (this.#hint !== '') return paint('yellow', this.#hint);
    const named: [key: string, what: string][] = hasOwnOptions(current)
      ? current.options.slice(0, 9).map((option, index) => [String(index + 1), shown(option)])
      : [
          ['a', 'approve'],
          ['d', 'deny'],
        ];
    const keys: [key: string, what: string][] = [
      ...named,
      ...(isCut(current) ? ([['f', 'full']] as [string, string][]) : []),
      ['s', 'later'],
      ['q', 'quit'],
    ];
    return keys.map(([key, what]) => `${paint('bold', key)} ${what}`).join('   ');
  }

  get #width(): number {
    return Math.max(minWidth, (this.#options.screen.columns || 80) - 1);
  }

  get #room(): number {
    return Math.max(3, (this.#options.screen.rows || 24) - rowsAround);
  }

  #erase(): void {
    if (this.#linesDrawn > 0) this.#options.screen.write(`\u001B[${this.#linesDrawn}A\r\u001B[J`);
    this.#linesDrawn = 0;
  }
}

function titleOf({ action }: HostApproval): string {
  return textOf(action.replace(/^ws\.method:/, ''), maxTitleChars);
}

function hasOwnOptions({ options }: HostApproval): boolean {
  return options.length !== 2 || !options.includes('approve') || !options.includes('deny');
}

/** Whether its card says that there is more of something. */
function isCut({ card = '' }: HostApproval): boolean {
  return /\((?:cut: )?\d+ more characters?\)|\band \d+ more\b|: \d+ left out/.test(card);
}

function timeLeft({ expires_at: at }: HostApproval): string {
  if (at === undefined) return '';
  const ms = Date.parse(at) - Date.now();
  return ms > 0 ? ` · ${durationText(ms)} left` : ' · expired';
}

/** Wrapped, never cut: what is pushed to the right is read too. */
function cardLines({ card, action }: HostApproval, width: number): string[] {
  return (card ?? action).split('\n').flatMap((line) => wrap(line, width));
}

/** Letters of East Asian scripts and most pictures take two columns. */
const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{1F300}-\u{1FAFF}]|[\u{20000}-\u{3FFFD}]/u;

/** The lines after the first stand further in than it. */
function wrap(text: string, width: number): string[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = indent;
  let used = indent.length;
  for (const letter of shown(text)) {
    const takes = wide.test(letter) ? 2 : 1;
    if (used + takes > width) {
      lines.push(line);
      line = `${indent}  `;
      used = line.length;
    }
    line += letter;
    used += takes;
  }
  return [...lines, line];
}
